//! The search for a lease: from the first question to the server's answer.

use std::net::Ipv4Addr;

use dhcproto::v4::{DhcpOption, MessageType, OptionCode};
use linux_net::Mac;

use super::{Action, Client, Destination, Exchange, Offer, State};
use crate::client::pace::{Pauses, Waits};
use crate::client::{Lease, Message, Moment};

impl Client {
    /// Begins to look for a lease.
    pub(crate) fn acquire(&mut self, now: Moment) -> Vec<Action> {
        self.search_end = now + self.timing.resend_timeout;
        self.pauses = Pauses::new();
        let mut actions = vec![Action::Tell("acquiring lease".to_owned())];
        actions.extend(self.discover(now));
        actions
    }

    pub(super) fn discover(&mut self, now: Moment) -> Vec<Action> {
        let transaction = self.transaction();
        let options = self.wishes(MessageType::Discover, &[]);
        let message = self.message(transaction, Ipv4Addr::UNSPECIFIED, options);
        let (exchange, send) = self.exchange(message, now);
        self.state = State::Selecting(exchange);
        vec![send]
    }

    pub(super) fn request(
        &mut self,
        offer: &Message,
        from: Option<Mac>,
        now: Moment,
    ) -> Vec<Action> {
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

    pub(super) fn exchange(&mut self, message: Message, now: Moment) -> (Exchange, Action) {
        let mut waits = Waits::start(&self.timing, now);
        let ask_again = waits.next(now, self.random);
        let send = Action::Send(message.clone(), Destination::EVERYONE);
        (Exchange { message, waits, ask_again }, send)
    }

    pub(super) fn pause(&mut self, now: Moment, why: &str) -> Vec<Action> {
        let pause = self.pauses.next(&self.timing, self.random);
        self.state = State::Pausing { until: now + pause };
        let (seconds, millis) = (pause.as_secs(), pause.subsec_millis());
        vec![Action::Tell(format!("{why}; retrying in {seconds}.{millis:03} seconds"))]
    }

    /// When a search for a lease ends; `None` when there is none.
    pub(super) fn search_ends(&self) -> Option<Moment> {
        let searches = matches!(
            self.state,
            State::Selecting(_) | State::Requesting(..) | State::Pausing { .. }
        );
        searches.then(|| end_of_search(self.lease.as_ref(), self.search_end))
    }

    pub(super) fn search_in_vain(&mut self) -> Vec<Action> {
        match self.lease {
            Some(_) => self.expire(),
            None => {
                self.state = State::Ended;
                vec![Action::GiveUp("no more tries".to_owned())]
            }
        }
    }
}

/// A search goes on for as long as the lease that is to be replaced, if there is one that lasts.
pub(super) fn end_of_search(lease: Option<&Lease>, search_end: Moment) -> Moment {
    lease.map_or(search_end, |lease| lease.expires_at.max(search_end))
}

/// A refusal, with the server's own words when it has any.
pub(super) fn refusal(message: &Message) -> String {
    match message.options.text(OptionCode::Message) {
        text if text.is_empty() => "server rejected request with Nak".to_owned(),
        text => format!("server rejected request with Nak (msg: {text})"),
    }
}
