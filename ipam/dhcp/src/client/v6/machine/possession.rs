//! A lease that is held: extended, refused, taken over, given back.

use std::net::Ipv6Addr;

use dhcproto::v6::{MessageType, Status};

use super::{Action, Client, Exchange, State, told};
use crate::client::Moment;
use crate::client::v6::lease::Lease;
use crate::client::v6::message::Message;
use crate::client::v6::pace::{REBIND, RENEW, REQUEST};

impl Client {
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

    pub(super) fn renew(&mut self, now: Moment) -> Vec<Action> {
        let Some(Lease { server, address, .. }) = self.lease.clone() else { return Vec::new() };
        let message = self.about(MessageType::Renew, Some(server), Some(address));
        let told = Action::Tell("renewing IPv6 lease".to_owned());
        [vec![told], self.ask(message, RENEW, State::Renewing, now)].concat()
    }

    pub(super) fn rebind(&mut self, now: Moment) -> Vec<Action> {
        let Some(lease) = &self.lease else { return Vec::new() };
        let message = self.about(MessageType::Rebind, None, Some(lease.address));
        let told = Action::Tell("renewal time of the IPv6 lease expired, rebinding".to_owned());
        [vec![told], self.ask(message, REBIND, State::Rebinding, now)].concat()
    }

    /// A reply about an address.
    pub(super) fn conclude(&mut self, reply: &Message, from: Ipv6Addr, now: Moment) -> Vec<Action> {
        let is_search = matches!(self.state, State::Soliciting(..) | State::Requesting(_));
        let held = self.lease.as_ref().map(|lease| lease.address);
        let refusal = reply.refusal().map(|refusal| refusal.status);
        match refusal {
            // It is said again by whoever sent it, when it is asked again.
            Some(Status::UnspecFail | Status::UseMulticast) => return self.note_refusal(reply),
            Some(Status::NoBinding) if !is_search => {
                let mut actions = self.note_refusal(reply);
                let message = self.about(MessageType::Request, reply.server.clone(), held);
                self.search_end = now;
                actions.extend(self.ask(message, REQUEST, State::Requesting, now));
                return actions;
            }
            Some(_) if is_search => return self.pause(now, &told(reply)),
            _ => {}
        }
        match Lease::read(reply, from, held, now) {
            Some(lease) => self.hold(lease, now),
            None if is_search => self.pause(now, "the server gives no address"),
            None if self.takes_away(reply) => {
                self.search_end = now;
                let mut actions = self.note_refusal(reply);
                actions.extend(self.solicit(now));
                actions
            }
            None => self.note_refusal(reply),
        }
    }

    /// Whether a reply says that the address that is held is not to be used any more.
    pub(super) fn takes_away(&self, reply: &Message) -> bool {
        let mut given = reply.association.iter().flat_map(|association| &association.addresses);
        given.any(|given| self.lease.as_ref().is_some_and(|l| l.address == given.address))
    }

    pub(super) fn hold(&mut self, mut lease: Lease, now: Moment) -> Vec<Action> {
        let what = match self.state {
            State::Renewing(_) => "renewed",
            State::Rebinding(_) => "rebound",
            _ => "acquired",
        };
        // A server need not repeat them.
        if let Some(held) = self.lease.take().filter(|_| lease.names.is_empty()) {
            lease.names = held.names;
        }
        self.state = State::Bound;
        self.lease = Some(lease.clone());
        let told =
            format!("IPv6 lease {what}, expiration is in {} seconds", lease.left(now).as_secs());
        vec![Action::Tell(told), Action::Hold(lease)]
    }

    /// Gives up whatever is held or asked for, and says how to tell the server.
    pub(crate) fn release(&mut self) -> Option<Message> {
        let state = std::mem::replace(&mut self.state, State::Ended);
        let held = self.lease.take().map(|lease| (lease.server, lease.address));
        // The server may have given it already.
        let asked_for = || match state {
            State::Requesting(Exchange { message, .. }) => {
                message.server.zip(message.association?.addresses.first().map(|g| g.address))
            }
            _ => None,
        };
        let (server, address) = held.or_else(asked_for)?;
        Some(self.about(MessageType::Release, Some(server), Some(address)))
    }

    /// Somebody else uses the address of the lease: the server is told, and asked for another one.
    pub(crate) fn decline(&mut self, now: Moment) -> Vec<Action> {
        let Some(Lease { server, address, .. }) = self.lease.take() else { return Vec::new() };
        let message = self.about(MessageType::Decline, Some(server), Some(address));
        if now >= self.search_end {
            self.search_end = now + self.timing.resend_timeout;
        }
        let pause = self.pause(now, &format!("somebody else uses {address}"));
        [vec![Action::Send(message)], pause].concat()
    }
}
