//! An address that was given, looked for on the link before it is used (RFC 5227, RFC 2131 section
//! 3.1).

use std::net::Ipv4Addr;
use std::time::Duration;

use dhcproto::v4::{DhcpOption, MessageType, OptionCode};
use linux_net::Mac;

use super::{Action, Client, Destination, State};
use crate::client::options::Options;
use crate::client::pace::vary;
use crate::client::{Lease, Moment};

/// So many times it is asked who has the address.
const PROBES: u32 = 3;

/// How long an answer may take. RFC 5227 has clients wait for 4 to 7 seconds in all, which is longer
/// than everything else that the start of a container takes; who is there answers in milliseconds.
const PROBE_WAIT: Duration = Duration::from_millis(200);

/// How long nothing is asked for after an address was declined (RFC 2131 section 3.1).
const PAUSE_AFTER_DECLINE: Duration = Duration::from_secs(10);

/// An address on trial.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) lease: Lease,
    probes_left: u32,
    pub(super) next: Moment,
}

impl Client {
    /// The address that is being looked for, if any.
    pub(crate) fn tried(&self) -> Option<Ipv4Addr> {
        match &self.state {
            State::Trying(trial) => Some(trial.lease.address),
            _ => None,
        }
    }

    /// Takes the news that another machine uses the address that is being looked for.
    pub(crate) fn meet(&mut self, rival: Mac, now: Moment) -> Vec<Action> {
        let State::Trying(Trial { lease, .. }) = &self.state else { return Vec::new() };
        let found = format!("address {} is in use by {rival}", lease.address);
        let decline = self.decline(lease);
        self.state = State::Pausing { until: now + PAUSE_AFTER_DECLINE };
        [Action::Tell(found)].into_iter().chain(decline).collect()
    }

    pub(super) fn try_out(&mut self, lease: Lease, now: Moment) -> Vec<Action> {
        self.state = State::Trying(Trial { lease, probes_left: PROBES, next: now });
        self.probe(now)
    }

    /// Asks again who has the address, or takes it when nobody has said so.
    pub(super) fn probe(&mut self, now: Moment) -> Vec<Action> {
        let State::Trying(trial) = &mut self.state else { return Vec::new() };
        if trial.probes_left == 0 {
            let lease = trial.lease.clone();
            return self.possess(lease);
        }
        trial.probes_left -= 1;
        trial.next = now + vary(PROBE_WAIT, PROBE_WAIT / 10, self.random);
        vec![Action::Probe(trial.lease.address)]
    }

    /// Tells the server that its address is somebody else's (RFC 2131 section 4.4.4).
    fn decline(&self, lease: &Lease) -> Option<Action> {
        let mut options = Options::default();
        options.set(&DhcpOption::MessageType(MessageType::Decline));
        options.set(&DhcpOption::RequestedIpAddress(lease.address));
        options.set(&DhcpOption::ServerIdentifier(lease.server()?));
        options.set_bytes(OptionCode::ClientIdentifier.into(), self.client_id());
        let message = self.message(self.transaction(), Ipv4Addr::UNSPECIFIED, options);
        Some(Action::Send(message, Destination::EVERYONE))
    }
}
