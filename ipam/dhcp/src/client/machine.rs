//! What to do when a packet comes, when time passes, and when the user wants something.

use std::net::Ipv4Addr;

use dhcproto::v4::{DhcpOption, MessageType, OptionCode};
use linux_net::Mac;

use super::Moment;
use super::lease::Lease;
use super::message::{Hardware, Message, Wishes};
use super::options::Options;
use super::pace::{Pauses, Random, Timing, Waits, extension_wait};

/// The longest message we take, in bytes: what fits a packet of Ethernet.
const LONGEST_MESSAGE: u16 = 1500;

/// What is asked for when the user wants nothing: mask, router, domain name, name servers.
const DEFAULT_REQUESTS: [OptionCode; 4] = [
    OptionCode::SubnetMask,
    OptionCode::Router,
    OptionCode::DomainName,
    OptionCode::DomainNameServer,
];

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) hardware: Hardware,
    /// Option 61, unless the user provides another.
    pub(crate) client_id: Vec<u8>,
    pub(crate) wishes: Wishes,
    /// Whether answers have to be sent to all on the link.
    pub(crate) wants_broadcast: bool,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) source: Ipv4Addr,
    pub(crate) target: Ipv4Addr,
    /// None for all on the link.
    pub(crate) mac: Option<Mac>,
}

impl Destination {
    const EVERYONE: Self =
        Self { source: Ipv4Addr::UNSPECIFIED, target: Ipv4Addr::BROADCAST, mac: None };
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Send(Message, Destination),
    /// Something for the log.
    Tell(String),
    /// There is a lease, or another one than before.
    Hold(Lease),
    /// There will be no lease; nothing is held.
    GiveUp(String),
    /// The lease has come to its end; nothing is held.
    Expire,
}

#[derive(Clone, Debug)]
enum State {
    /// Waiting for an offer.
    Selecting(Exchange),
    /// Waiting for the acknowledgement of an offer.
    Requesting(Exchange, Offer),
    /// Waiting before the next attempt.
    Pausing { until: Moment },
    /// Nothing to do until the lease is to be renewed.
    Bound,
    /// Asking the server for an extension.
    Renewing(Question),
    /// Asking any server for an extension.
    Rebinding(Question),
    /// It is over.
    Ended,
}

/// A question to servers that do not know us, repeated at growing intervals.
#[derive(Clone, Debug)]
struct Exchange {
    message: Message,
    waits: Waits,
    ask_again: Moment,
}

/// A question about a lease that is held.
#[derive(Clone, Debug)]
struct Question {
    message: Message,
    destination: Destination,
    ask_again: Moment,
}

#[derive(Clone, Copy, Debug)]
struct Offer {
    address: Ipv4Addr,
    server: Option<Ipv4Addr>,
    from: Option<Mac>,
}

/// The client of one interface.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) identity: Identity,
    timing: Timing,
    random: Random,
    state: State,
    /// What is held, also while another one is looked for.
    lease: Option<Lease>,
    pauses: Pauses,
    /// When a search for a lease ends.
    search_end: Moment,
}

impl Client {
    /// Makes a client that does nothing yet.
    pub(crate) fn new(identity: Identity, timing: Timing, random: Random) -> Self {
        Self {
            identity,
            timing,
            random,
            state: State::Ended,
            lease: None,
            pauses: Pauses::new(),
            search_end: Moment::ZERO,
        }
    }

    /// What is held.
    pub(crate) fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// Whether an answer is being waited for.
    pub(crate) fn listens(&self) -> bool {
        !matches!(self.state, State::Bound | State::Pausing { .. } | State::Ended)
    }

    /// When [`Client::tick`] has something to do.
    pub(crate) fn wake(&self) -> Option<Moment> {
        let until_end = |time: Moment| match self.search_ends() {
            Some(end) => time.min(end),
            None => time,
        };
        Some(match (&self.state, &self.lease) {
            (State::Selecting(exchange) | State::Requesting(exchange, _), _) => {
                until_end(exchange.ask_again)
            }
            (State::Pausing { until }, _) => until_end(*until),
            (State::Bound, Some(lease)) => lease.renew_at,
            (State::Renewing(question), Some(lease)) => question.ask_again.min(lease.rebind_at),
            (State::Rebinding(question), Some(lease)) => question.ask_again.min(lease.expires_at),
            (State::Ended | State::Bound | State::Renewing(_) | State::Rebinding(_), _) => {
                return None;
            }
        })
    }

    /// Begins to look for a lease.
    pub(crate) fn acquire(&mut self, now: Moment) -> Vec<Action> {
        self.search_end = now + self.timing.resend_timeout;
        self.pauses = Pauses::new();
        let mut actions = vec![Action::Tell("acquiring lease".to_owned())];
        actions.extend(self.discover(now));
        actions
    }

    /// Takes over a lease from an earlier life. One that has ended meanwhile is asked for again.
    pub(crate) fn adopt(&mut self, lease: Lease, now: Moment) -> Vec<Action> {
        let has_ended = lease.expires_at <= now;
        self.lease = Some(lease);
        if has_ended {
            return self.acquire(now);
        }
        self.state = State::Bound;
        Vec::new()
    }

    /// Gives up whatever is held or asked for, and says how to tell the server.
    pub(crate) fn release(&mut self) -> Option<(Message, Destination)> {
        let state = std::mem::replace(&mut self.state, State::Ended);
        let held =
            self.lease.take().map(|lease| (lease.address, lease.server(), lease.server_mac()));
        // The server may have acknowledged already.
        let (address, server, mac) = match (held, state) {
            (Some(held), _) => held,
            (None, State::Requesting(_, offer)) => (offer.address, offer.server, offer.from),
            (None, _) => return None,
        };
        let server = server?;
        // The server knows us by whatever we said we are called, and needs nothing else.
        let mut options = Options::default();
        options.set(&DhcpOption::MessageType(MessageType::Release));
        options.set(&DhcpOption::ServerIdentifier(server));
        options.set_bytes(OptionCode::ClientIdentifier.into(), self.client_id());
        let message = self.message(self.transaction(), address, options);
        Some((message, Destination { source: address, target: server, mac }))
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Moment) -> Vec<Action> {
        if self.wake().is_none_or(|wake| now < wake) {
            return Vec::new();
        }
        match (&mut self.state, &self.lease) {
            (State::Selecting(_) | State::Requesting(..) | State::Pausing { .. }, lease)
                if end_of_search(lease.as_ref(), self.search_end) <= now =>
            {
                self.search_in_vain()
            }
            (State::Selecting(exchange), _) if now >= exchange.waits.end => {
                self.pause(now, "unable to receive an offer: no matching response packet received")
            }
            (State::Requesting(exchange, _), _) if now >= exchange.waits.end => {
                self.pause(now, "no answer to the request: no matching response packet received")
            }
            (State::Selecting(exchange) | State::Requesting(exchange, _), _) => {
                exchange.ask_again = exchange.waits.next(now, self.random);
                vec![Action::Send(exchange.message.clone(), Destination::EVERYONE)]
            }
            (State::Pausing { .. }, _) => self.discover(now),
            (State::Bound, Some(_)) => self.renew(now),
            (State::Renewing(_), Some(lease)) if now >= lease.rebind_at => self.rebind(now),
            (State::Rebinding(_), Some(lease)) if now >= lease.expires_at => self.expire(),
            (State::Renewing(question), Some(lease)) => {
                question.ask_again = extension_wait(now, lease.rebind_at, lease.lifetime);
                vec![Action::Send(question.message.clone(), question.destination)]
            }
            (State::Rebinding(question), Some(lease)) => {
                question.ask_again = extension_wait(now, lease.expires_at, lease.lifetime);
                vec![Action::Send(question.message.clone(), question.destination)]
            }
            (State::Ended | State::Bound | State::Renewing(_) | State::Rebinding(_), _) => {
                Vec::new()
            }
        }
    }

    /// Takes a message that came; whatever is no answer to ours is ignored.
    pub(crate) fn receive(
        &mut self,
        message: &Message,
        from: Option<Mac>,
        now: Moment,
    ) -> Vec<Action> {
        let (transaction, server) = match (&self.state, &self.lease) {
            (State::Selecting(exchange), _) => (exchange.message.transaction, None),
            (State::Requesting(exchange, offer), _) => {
                (exchange.message.transaction, Some(offer.server))
            }
            (State::Renewing(question), Some(lease)) => {
                (question.message.transaction, Some(lease.server()))
            }
            (State::Rebinding(question), _) => (question.message.transaction, None),
            _ => return Vec::new(),
        };
        let is_answer = message.is_reply
            && message.transaction == transaction
            && message.hardware.bytes() == self.identity.hardware.bytes()
            && server.is_none_or(|server| message.server() == server);
        if !is_answer {
            return Vec::new();
        }
        match (&self.state, message.kind()) {
            (State::Selecting(_), Some(MessageType::Offer)) if !message.yours.is_unspecified() => {
                self.request(message, from, now)
            }
            (State::Requesting(..), Some(MessageType::Ack)) => self.hold(message, from, now),
            (State::Requesting(..), Some(MessageType::Nak)) => self.pause(now, &refusal(message)),
            (State::Renewing(_) | State::Rebinding(_), Some(MessageType::Ack)) => {
                self.hold(message, from, now)
            }
            (State::Renewing(_) | State::Rebinding(_), Some(MessageType::Nak)) => {
                // RFC 2131 section 4.4.5 would have the address abandoned at once. It stays until
                // there is another or its time is over: a server may be wrong.
                let mut actions = vec![Action::Tell(refusal(message))];
                self.pauses = Pauses::new();
                self.search_end = now;
                actions.extend(self.discover(now));
                actions
            }
            _ => Vec::new(),
        }
    }

    fn discover(&mut self, now: Moment) -> Vec<Action> {
        let transaction = self.transaction();
        let options = self.wishes(MessageType::Discover, &[]);
        let message = self.message(transaction, Ipv4Addr::UNSPECIFIED, options);
        let (exchange, send) = self.exchange(message, now);
        self.state = State::Selecting(exchange);
        vec![send]
    }

    fn request(&mut self, offer: &Message, from: Option<Mac>, now: Moment) -> Vec<Action> {
        let server = offer.server();
        let chosen = [
            Some(DhcpOption::RequestedIpAddress(offer.yours)),
            server.map(DhcpOption::ServerIdentifier),
        ];
        let options =
            self.wishes(MessageType::Request, &chosen.into_iter().flatten().collect::<Vec<_>>());
        let message = self.message(offer.transaction, offer.client, options);
        let (exchange, send) = self.exchange(message, now);
        self.state = State::Requesting(exchange, Offer { address: offer.yours, server, from });
        vec![send]
    }

    fn exchange(&mut self, message: Message, now: Moment) -> (Exchange, Action) {
        let mut waits = Waits::start(&self.timing, now);
        let ask_again = waits.next(now, self.random);
        let send = Action::Send(message.clone(), Destination::EVERYONE);
        (Exchange { message, waits, ask_again }, send)
    }

    fn hold(&mut self, acknowledgement: &Message, from: Option<Mac>, now: Moment) -> Vec<Action> {
        let Some(lease) = Lease::read(acknowledgement, from, now) else {
            let why = "DHCP option Subnet Mask not found in DHCPACK";
            if self.lease.is_some() {
                return vec![Action::Tell(why.to_owned())];
            }
            let release = self.release().map(|(message, to)| Action::Send(message, to));
            return release.into_iter().chain([Action::GiveUp(why.to_owned())]).collect();
        };
        let what = match self.state {
            State::Renewing(_) => "renewed",
            State::Rebinding(_) => "rebound",
            _ => "acquired",
        };
        self.state = State::Bound;
        self.lease = Some(lease.clone());
        let told = format!("lease {what}, expiration is in {} seconds", lease.lifetime.as_secs());
        vec![Action::Tell(told), Action::Hold(lease)]
    }

    fn renew(&mut self, now: Moment) -> Vec<Action> {
        let Some(lease) = &self.lease else { return Vec::new() };
        // Without either it cannot be addressed, and all are asked.
        let to_server = lease.server().zip(lease.server_mac());
        let destination = match to_server {
            Some((target, mac)) => Destination { source: lease.address, target, mac: Some(mac) },
            None => Destination { source: lease.address, ..Destination::EVERYONE },
        };
        let ask_again = extension_wait(now, lease.rebind_at, lease.lifetime);
        let question = self.question(lease.address, destination, ask_again);
        let send = Action::Send(question.message.clone(), question.destination);
        self.state = State::Renewing(question);
        vec![Action::Tell("renewing lease".to_owned()), send]
    }

    fn rebind(&mut self, now: Moment) -> Vec<Action> {
        let Some(lease) = &self.lease else { return Vec::new() };
        let destination = Destination { source: lease.address, ..Destination::EVERYONE };
        let ask_again = extension_wait(now, lease.expires_at, lease.lifetime);
        let question = self.question(lease.address, destination, ask_again);
        let send = Action::Send(question.message.clone(), question.destination);
        self.state = State::Rebinding(question);
        vec![Action::Tell("renewal time expired, rebinding".to_owned()), send]
    }

    fn question(&self, address: Ipv4Addr, to: Destination, ask_again: Moment) -> Question {
        let options = self.wishes(MessageType::Request, &[]);
        let message = self.message(self.transaction(), address, options);
        Question { message, destination: to, ask_again }
    }

    fn pause(&mut self, now: Moment, why: &str) -> Vec<Action> {
        let pause = self.pauses.next(&self.timing, self.random);
        self.state = State::Pausing { until: now + pause };
        vec![Action::Tell(format!("{why}; retrying in {:.3} seconds", pause.as_secs_f64()))]
    }

    /// When a search for a lease ends; `None` when there is none.
    fn search_ends(&self) -> Option<Moment> {
        let searches = matches!(
            self.state,
            State::Selecting(_) | State::Requesting(..) | State::Pausing { .. }
        );
        searches.then(|| end_of_search(self.lease.as_ref(), self.search_end))
    }

    fn search_in_vain(&mut self) -> Vec<Action> {
        match self.lease {
            Some(_) => self.expire(),
            None => {
                self.state = State::Ended;
                vec![Action::GiveUp("no more tries".to_owned())]
            }
        }
    }

    fn expire(&mut self) -> Vec<Action> {
        self.state = State::Ended;
        self.lease = None;
        vec![Action::Expire]
    }

    /// A number for an exchange that nobody else is likely to have.
    fn transaction(&self) -> u32 {
        ((self.random)() >> 32) as u32
    }

    fn client_id(&self) -> Vec<u8> {
        let provided = self.identity.wishes.provided.bytes(OptionCode::ClientIdentifier);
        provided.unwrap_or(&self.identity.client_id).to_vec()
    }

    /// The options of a message that asks for something; what the user provides replaces any.
    fn wishes(&self, kind: MessageType, more: &[DhcpOption]) -> Options {
        let Wishes { requested, provided, .. } = &self.identity.wishes;
        let requested = match &requested[..] {
            [] => DEFAULT_REQUESTS.to_vec(),
            numbers => numbers.iter().map(|number| (*number).into()).collect(),
        };
        let mut options = Options::default();
        options.set(&DhcpOption::MessageType(kind));
        options.set(&DhcpOption::ParameterRequestList(requested));
        options.set(&DhcpOption::MaxMessageSize(LONGEST_MESSAGE));
        options.set(&DhcpOption::ClientIdentifier(self.identity.client_id.clone()));
        more.iter().for_each(|option| options.set(option));
        options.set_all(provided);
        options
    }

    fn message(&self, transaction: u32, client: Ipv4Addr, options: Options) -> Message {
        Message {
            is_reply: false,
            transaction,
            wants_broadcast: self.identity.wants_broadcast,
            client,
            yours: Ipv4Addr::UNSPECIFIED,
            hardware: self.identity.hardware,
            options,
        }
    }
}

/// A search goes on for as long as the lease that is to be replaced, if there is one that lasts.
fn end_of_search(lease: Option<&Lease>, search_end: Moment) -> Moment {
    lease.map_or(search_end, |lease| lease.expires_at.max(search_end))
}

/// A refusal, with the server's own words when it has any.
fn refusal(message: &Message) -> String {
    match message.options.text(OptionCode::Message) {
        text if text.is_empty() => "server rejected request with Nak".to_owned(),
        text => format!("server rejected request with Nak (msg: {text})"),
    }
}
