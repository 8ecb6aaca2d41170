//! A lease that is held: extended for as long as it is wanted, and given back.

use std::net::Ipv4Addr;

use dhcproto::v4::{DhcpOption, MessageType, OptionCode};
use linux_net::Mac;

use super::trial::Trial;
use super::{Action, Client, Destination, Question, State};
use crate::client::options::Options;
use crate::client::pace::extension_wait;
use crate::client::{Lease, Message, Moment};

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

    /// Gives up whatever is held or asked for, and says how to tell the server.
    pub(crate) fn release(&mut self) -> Option<(Message, Destination)> {
        let state = std::mem::replace(&mut self.state, State::Ended);
        let told = |lease: &Lease| (lease.address, lease.server(), lease.server_mac());
        let held = self.lease.take().as_ref().map(told);
        // The server may have acknowledged already.
        let (address, server, mac) = match (held, state) {
            (Some(held), _) => held,
            (None, State::Requesting(_, offer)) => (offer.address, offer.server, offer.from),
            (None, State::Trying(Trial { lease, .. })) => told(&lease),
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

    pub(super) fn hold(
        &mut self,
        acknowledgement: &Message,
        from: Option<Mac>,
        now: Moment,
    ) -> Vec<Action> {
        let Some(lease) = Lease::read(acknowledgement, from, now) else {
            let why = "DHCP option Subnet Mask not found in DHCPACK";
            if self.lease.is_some() {
                return vec![Action::Tell(why.to_owned())];
            }
            let release = self.release().map(|(message, to)| Action::Send(message, to));
            return release.into_iter().chain([Action::GiveUp(why.to_owned())]).collect();
        };
        let is_shown = self.lease.as_ref().is_some_and(|held| held.address == lease.address);
        if self.identity.tries_out && !is_shown {
            return self.try_out(lease, now);
        }
        self.possess(lease)
    }

    pub(super) fn possess(&mut self, lease: Lease) -> Vec<Action> {
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

    pub(super) fn renew(&mut self, now: Moment) -> Vec<Action> {
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

    pub(super) fn rebind(&mut self, now: Moment) -> Vec<Action> {
        let Some(lease) = &self.lease else { return Vec::new() };
        let destination = Destination { source: lease.address, ..Destination::EVERYONE };
        let ask_again = extension_wait(now, lease.expires_at, lease.lifetime);
        let question = self.question(lease.address, destination, ask_again);
        let send = Action::Send(question.message.clone(), question.destination);
        self.state = State::Rebinding(question);
        vec![Action::Tell("renewal time expired, rebinding".to_owned()), send]
    }

    pub(super) fn question(
        &self,
        address: Ipv4Addr,
        to: Destination,
        ask_again: Moment,
    ) -> Question {
        let options = self.wishes(MessageType::Request, &[]);
        let message = self.message(self.transaction(), address, options);
        Question { message, destination: to, ask_again }
    }

    pub(super) fn expire(&mut self) -> Vec<Action> {
        self.state = State::Ended;
        self.lease = None;
        vec![Action::Expire]
    }
}
