//! What to do when a message comes, when time passes, and when the user wants something.

mod possession;
mod search;

use std::net::Ipv6Addr;
use std::time::Duration;

use dhcproto::v6::MessageType;

use super::lease::Lease;
use super::message::{Association, Given, Message};
use super::names::Names;
use super::pace::{Pace, Waits};
use crate::client::{Moment, Random, Timing};

/// How long name servers are waited for, which nobody needs as much as an address.
const INFORMATION_LIMIT: Duration = Duration::from_secs(4);

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The DUID.
    pub(crate) client: Vec<u8>,
    /// The IAID.
    pub(crate) association: u32,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// To all servers: a client of RFC 8415 addresses none alone.
    Send(Message),
    /// Something for the log.
    Tell(String),
    /// There is a lease, or another one than before.
    Hold(Lease),
    /// Name servers and the like are known, as far as they will be.
    Learn(Names),
    /// There will be no lease; nothing is held.
    GiveUp(String),
    /// The lease has come to its end; nothing is held.
    Expire,
}

#[derive(Clone, Debug)]
enum State {
    /// Waiting for offers; the best one so far.
    Soliciting(Exchange, Option<Box<Message>>),
    /// Waiting before servers are looked for again.
    Pausing { until: Moment },
    /// Waiting for the reply to an offer, or to a lease that its server does not know any more.
    Requesting(Exchange),
    /// Nothing to do until the lease is to be renewed.
    Bound,
    /// Asking the server for an extension.
    Renewing(Exchange),
    /// Asking any server for an extension.
    Rebinding(Exchange),
    /// Asking for name servers.
    Informing(Exchange),
    /// It is over.
    Ended,
}

/// A question, repeated at growing intervals.
#[derive(Clone, Debug)]
struct Exchange {
    message: Message,
    waits: Waits,
    began: Moment,
    ask_again: Moment,
}

/// The client of one interface.
#[derive(Debug)]
pub(crate) struct Client {
    identity: Identity,
    timing: Timing,
    random: Random,
    state: State,
    /// What is held, also while another one is looked for.
    lease: Option<Lease>,
    /// When a search for a lease ends.
    search_end: Moment,
    /// Why there is no lease yet, in the words of a server.
    refusal: Option<String>,
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
            search_end: Moment::ZERO,
            refusal: None,
        }
    }

    /// What is held.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// Whether an answer is being waited for.
    pub(crate) fn listens(&self) -> bool {
        self.exchange().is_some()
    }

    fn exchange(&self) -> Option<&Exchange> {
        match &self.state {
            State::Soliciting(exchange, _)
            | State::Requesting(exchange)
            | State::Renewing(exchange)
            | State::Rebinding(exchange)
            | State::Informing(exchange) => Some(exchange),
            State::Pausing { .. } | State::Bound | State::Ended => None,
        }
    }

    /// When [`Client::tick`] has something to do.
    pub(crate) fn wake(&self) -> Option<Moment> {
        let next = match &self.state {
            State::Pausing { until } => *until,
            State::Bound => self.lease.as_ref()?.renew_at,
            State::Ended => return None,
            _ => self.exchange()?.ask_again,
        };
        Some(self.end().map_or(next, |end| next.min(end)))
    }

    /// When what is being done ends, if not well.
    fn end(&self) -> Option<Moment> {
        let lease = self.lease.as_ref();
        match &self.state {
            State::Soliciting(..) | State::Pausing { .. } | State::Requesting(_) => {
                // A search goes on for as long as the lease that is to be replaced.
                Some(lease.map_or(self.search_end, |lease| lease.expires_at.max(self.search_end)))
            }
            State::Renewing(_) => lease.map(|lease| lease.rebind_at.min(lease.expires_at)),
            State::Bound | State::Rebinding(_) => lease.map(|lease| lease.expires_at),
            State::Informing(exchange) => Some(exchange.began + INFORMATION_LIMIT),
            State::Ended => None,
        }
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Moment) -> Vec<Action> {
        if self.wake().is_none_or(|wake| now < wake) {
            return Vec::new();
        }
        if self.end().is_some_and(|end| now >= end) {
            return self.end_in_vain(now);
        }
        match &mut self.state {
            State::Pausing { .. } => self.solicit(now),
            State::Bound if self.lease.as_ref().is_some_and(|l| now >= l.rebind_at) => {
                self.rebind(now)
            }
            State::Bound => self.renew(now),
            State::Soliciting(_, offer @ Some(_)) => {
                let offer = offer.take();
                offer.map_or_else(Vec::new, |offer| self.request(&offer, now))
            }
            State::Requesting(exchange) if exchange.waits.are_over() => {
                self.pause(now, "no answer to the request")
            }
            State::Soliciting(exchange, None)
            | State::Requesting(exchange)
            | State::Renewing(exchange)
            | State::Rebinding(exchange)
            | State::Informing(exchange) => vec![exchange.send(now, self.random)],
            State::Ended => Vec::new(),
        }
    }

    fn end_in_vain(&mut self, now: Moment) -> Vec<Action> {
        match self.state {
            State::Renewing(_) if self.lease.as_ref().is_some_and(|l| now < l.expires_at) => {
                self.rebind(now)
            }
            State::Informing(_) => {
                self.state = State::Ended;
                let told = "no answer about name servers".to_owned();
                vec![Action::Tell(told), Action::Learn(Names::default())]
            }
            _ => {
                self.state = State::Ended;
                if self.lease.take().is_some() {
                    return vec![Action::Expire];
                }
                let why = match &self.refusal {
                    Some(refusal) => format!("no more tries for an IPv6 address: {refusal}"),
                    None => "no more tries for an IPv6 address".to_owned(),
                };
                vec![Action::GiveUp(why)]
            }
        }
    }

    /// Takes a message that came; whatever is no answer to ours is ignored.
    pub(crate) fn receive(
        &mut self,
        message: &Message,
        from: Ipv6Addr,
        now: Moment,
    ) -> Vec<Action> {
        let Some(question) = self.exchange().map(|exchange| &exchange.message) else {
            return Vec::new();
        };
        // Spec: RFC 8415 section 16; an information request may do without our identifier.
        let is_answer = message.transaction == question.transaction
            && message.client.as_ref() == Some(&self.identity.client)
            && message.server.is_some()
            && (question.server.is_none() || question.server == message.server)
            && message.association.as_ref().is_none_or(|ia| ia.id == self.identity.association);
        if !is_answer {
            return Vec::new();
        }
        match (&self.state, message.kind) {
            (State::Soliciting(..), MessageType::Advertise) => self.consider(message, from, now),
            (State::Soliciting(..), MessageType::Reply) if !message.is_rapid => Vec::new(),
            (State::Informing(_), MessageType::Reply) => {
                self.state = State::Ended;
                vec![Action::Learn(message.names.clone())]
            }
            (_, MessageType::Reply) => self.conclude(message, from, now),
            _ => Vec::new(),
        }
    }

    fn ask(
        &mut self,
        message: Message,
        pace: Pace,
        state: impl FnOnce(Exchange) -> State,
        now: Moment,
    ) -> Vec<Action> {
        let waits = Waits::new(pace);
        let mut exchange = Exchange { message, waits, began: now, ask_again: now };
        let send = exchange.send(now, self.random);
        self.state = state(exchange);
        vec![send]
    }

    /// A message about the one address of this interface, as the server knows it or as we wish.
    fn about(
        &self,
        kind: MessageType,
        server: Option<Vec<u8>>,
        address: Option<Ipv6Addr>,
    ) -> Message {
        let given = address.map(|address| Given { address, preferred: 0, valid: 0 });
        let association = Association {
            id: self.identity.association,
            renewal: 0,
            rebinding: 0,
            status: None,
            addresses: given.into_iter().collect(),
        };
        Message { server, association: Some(association), ..self.message(kind) }
    }

    fn message(&self, kind: MessageType) -> Message {
        Message {
            client: Some(self.identity.client.clone()),
            elapsed: Some(0),
            wants_names: !matches!(kind, MessageType::Release | MessageType::Decline),
            // 24 bits that nobody else is likely to have.
            ..Message::new(kind, ((self.random)() >> 40) as u32)
        }
    }
}

impl Exchange {
    /// Sends the message once more.
    fn send(&mut self, now: Moment, random: Random) -> Action {
        let elapsed = now.saturating_sub(self.began).as_millis() / 10;
        self.message.elapsed = Some(u16::try_from(elapsed).unwrap_or(u16::MAX));
        self.ask_again = self.waits.next(now, random);
        Action::Send(self.message.clone())
    }
}

/// Why a server gives nothing, with its own words when it has any.
fn told(message: &Message) -> String {
    match message.refusal() {
        Some(refusal) if refusal.msg.is_empty() => format!("the server says {:?}", refusal.status),
        Some(refusal) => format!("the server says {:?} ({})", refusal.status, refusal.msg),
        None => "the server gives no address".to_owned(),
    }
}
