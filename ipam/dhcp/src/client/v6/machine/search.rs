//! The search for a lease, or for name servers alone.

use std::net::Ipv6Addr;
use std::time::Duration;

use dhcproto::v6::MessageType;

use super::{Action, Client, State, told};
use crate::client::Moment;
use crate::client::v6::lease::Lease;
use crate::client::v6::message::Message;
use crate::client::v6::pace::{INFORMATION, REQUEST, SOLICIT};

/// How long other servers may outbid the first offer. RFC 8415 section 18.2.1 has a second for
/// that, which every container would wait for, and servers on a link answer within milliseconds.
const BIDDING: Duration = Duration::from_millis(100);

/// The pause after a refusal, so that nobody asks without end.
const PAUSE: Duration = Duration::from_secs(2);

/// An offer that wants to be taken at once.
const HIGHEST_PREFERENCE: u8 = 255;

impl Client {
    /// Begins to look for a lease.
    pub(crate) fn acquire(&mut self, now: Moment) -> Vec<Action> {
        self.search_end = now + self.timing.resend_timeout;
        let mut actions = vec![Action::Tell("acquiring IPv6 lease".to_owned())];
        actions.extend(self.solicit(now));
        actions
    }

    /// Begins to ask for name servers alone.
    pub(crate) fn inform(&mut self, now: Moment) -> Vec<Action> {
        let message = self.message(MessageType::InformationRequest);
        self.ask(message, INFORMATION, State::Informing, now)
    }

    /// Spec: RFC 8415 section 18.2.1 has the first message delayed by up to a second, for machines
    /// that get their power back all at once; containers do not.
    pub(super) fn solicit(&mut self, now: Moment) -> Vec<Action> {
        let held = self.lease.as_ref().map(|lease| lease.address);
        let mut message = self.about(MessageType::Solicit, None, held);
        message.is_rapid = true;
        let pace = SOLICIT.at_most(self.timing.resend_max);
        self.ask(message, pace, |exchange| State::Soliciting(exchange, None), now)
    }

    /// An offer: the best one is taken when no others are waited for any more.
    pub(super) fn consider(&mut self, offer: &Message, from: Ipv6Addr, now: Moment) -> Vec<Action> {
        if offer.refusal().is_some() || Lease::read(offer, from, None, now).is_none() {
            return self.note_refusal(offer);
        }
        if offer.preference == HIGHEST_PREFERENCE {
            return self.request(offer, now);
        }
        let State::Soliciting(exchange, best) = &mut self.state else { return Vec::new() };
        if best.as_ref().is_none_or(|best| best.preference < offer.preference) {
            *best = Some(Box::new(offer.clone()));
        }
        // Once a message had to be repeated, the first answer is good enough.
        let wait = if exchange.waits.is_first() { BIDDING } else { Duration::ZERO };
        exchange.ask_again = exchange.ask_again.min(now + wait);
        if wait.is_zero() { self.tick(now) } else { Vec::new() }
    }

    pub(super) fn request(&mut self, offer: &Message, now: Moment) -> Vec<Action> {
        let offered = offer.association.as_ref().map(|ia| ia.addresses.iter());
        let address = offered.and_then(|mut all| all.find(|given| given.is_usable()));
        let address = address.map(|given| given.address);
        let message = self.about(MessageType::Request, offer.server.clone(), address);
        self.ask(message, REQUEST, State::Requesting, now)
    }

    pub(super) fn pause(&mut self, now: Moment, why: &str) -> Vec<Action> {
        self.refusal = Some(why.to_owned());
        self.state = State::Pausing { until: now + PAUSE };
        vec![Action::Tell(format!("{why}; retrying in {} seconds", PAUSE.as_secs()))]
    }

    /// Remembers why a server gives nothing; tells it once.
    pub(super) fn note_refusal(&mut self, message: &Message) -> Vec<Action> {
        let told = told(message);
        if self.refusal.as_ref() == Some(&told) {
            return Vec::new();
        }
        self.refusal = Some(told.clone());
        vec![Action::Tell(told)]
    }
}
