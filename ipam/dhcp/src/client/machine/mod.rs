//! What to do when a packet comes, when time passes, and when the user wants something.

mod letters;
mod possession;
mod search;
mod trial;

use std::net::Ipv4Addr;

use dhcproto::v4::MessageType;
use linux_net::Mac;

use super::Moment;
use super::lease::Lease;
use super::message::{Hardware, Message, Wishes};
use super::pace::{Pauses, Random, Timing, Waits, extension_wait};
use search::{end_of_search, refusal};
use trial::Trial;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) hardware: Hardware,
    /// Option 61, unless the user provides another.
    pub(crate) client_id: Vec<u8>,
    pub(crate) wishes: Wishes,
    /// Whether answers have to be sent to all on the link.
    pub(crate) wants_broadcast: bool,
    /// Whether an address is looked for on the link before it is used.
    pub(crate) tries_out: bool,
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
    /// Ask on the link who has this address.
    Probe(Ipv4Addr),
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
    /// Waiting for somebody to say that the address is theirs.
    Trying(Trial),
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
        !matches!(
            self.state,
            State::Trying(_) | State::Bound | State::Pausing { .. } | State::Ended
        )
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
            (State::Trying(trial), _) => trial.next,
            (State::Pausing { until }, _) => until_end(*until),
            (State::Bound, Some(lease)) => lease.renew_at,
            (State::Renewing(question), Some(lease)) => question.ask_again.min(lease.rebind_at),
            (State::Rebinding(question), Some(lease)) => question.ask_again.min(lease.expires_at),
            (State::Ended | State::Bound | State::Renewing(_) | State::Rebinding(_), _) => {
                return None;
            }
        })
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
            (State::Trying(_), _) => self.probe(now),
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
}
