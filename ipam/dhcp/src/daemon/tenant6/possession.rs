//! What is held: tried out, remembered and shown, and taken back.

use std::net::Ipv6Addr;

use cni_core::Result;
use linux_net::{Ipv6News, Ipv6Watch};

use super::{DETECTION_LIMIT, Stage, Tenant6};
use crate::client::v6::{Holding, Lease, Mode};
use crate::daemon::clock::now;
use crate::daemon::port6::View;
use crate::daemon::record::{Held, Record};
use crate::daemon::tenant::Fate;

impl Tenant6 {
    pub(super) fn detects(&self) -> bool {
        self.order.wishes.detect_conflicts
    }

    /// Takes a lease, once nobody else is known to have the address.
    pub(super) fn take(&mut self, lease: Lease) -> Fate {
        let held = self.held.as_ref().and_then(|held| held.lease.as_ref());
        if !self.detects() || held.is_some_and(|held| held.address == lease.address) {
            return self.keep(|tenant| tenant.hold(lease));
        }
        let begin = |tenant: &mut Self| {
            if tenant.watch.is_none() {
                tenant.watch = Some(tenant.port.watch_ipv6()?);
            }
            tenant.port.show_ipv6(&lease, true)
        };
        match begin(self) {
            Ok(()) => {
                self.stage = Stage::Trying { lease, until: now() + DETECTION_LIMIT };
                Fate::Goes
            }
            Err(error) => self.keep(|_| Err(error)),
        }
    }

    /// Looks whether somebody else has the address that is tried out.
    pub(super) fn judge(&mut self) -> Fate {
        let Stage::Trying { lease, until } = &self.stage else { return Fate::Goes };
        let (lease, is_over) = (lease.clone(), now() >= *until);
        if let (Ok(view), false) = (self.port.view_ipv6(), is_over) {
            if view.tentative.contains(&lease.address) {
                return Fate::Goes;
            }
            // The kernel takes an address that lasts for a time only away when somebody has it.
            if !view.dynamic.iter().any(|(address, _)| *address == lease.address) {
                self.stage = Stage::Settled;
                let actions = self.client.decline(now());
                return self.perform(actions);
            }
        }
        self.stage = Stage::Settled;
        let fate = self.keep(|tenant| tenant.hold(lease));
        self.watch = None;
        fate
    }

    pub(super) fn keep(&mut self, hold: impl FnOnce(&mut Self) -> Result<()>) -> Fate {
        match hold(self) {
            Ok(()) => Fate::Holds,
            Err(error) => {
                self.give_back();
                self.end(&error.to_string())
            }
        }
    }

    /// Remembers a lease, and has the interface show it.
    pub(super) fn hold(&mut self, lease: Lease) -> Result<()> {
        let (holding, before) = match &self.held {
            Some(held) => {
                (Holding { lease: Some(lease.clone()), ..held.clone() }, held.lease.clone())
            }
            None => (self.advertised(Some(lease.clone()))?, None),
        };
        let is_first = self.held.is_none();
        self.held = Some(holding);
        let saved = self.save();
        let done = self.port.show_ipv6(&lease, false).and(saved);
        if let Some(before) = before.filter(|before| before.address != lease.address) {
            self.log("the IPv6 lease has changed, and so does the interface");
            self.hide(before.address);
        }
        match done {
            // It is in use, so it is better held than remembered.
            Err(error) if !is_first => self.log(&error.to_string()),
            done => done?,
        }
        Ok(())
    }

    /// Remembers what routers advertise.
    pub(super) fn hold_advertised(&mut self) -> Result<()> {
        self.held = Some(self.advertised(None)?);
        self.log("IPv6 addresses autoconfigured");
        self.save()
    }

    /// What there is now, with a lease that the interface may have already.
    pub(super) fn advertised(&mut self, lease: Option<Lease>) -> Result<Holding> {
        // What belongs to the same advertisement may still be unread.
        if let Some(Ok(news)) = self.watch.as_ref().map(Ipv6Watch::read) {
            for news in news {
                if let Ipv6News::RouterOption(option) = news {
                    self.names.add_router_option(&option);
                }
            }
        }
        let View { dynamic, router, .. } = self.port.view_ipv6()?;
        let leased = lease.as_ref().map(|lease| lease.address);
        let autonomous = match self.mode {
            Mode::Dhcp => Vec::new(),
            _ => dynamic.into_iter().filter(|(address, _)| Some(*address) != leased).collect(),
        };
        Ok(Holding { lease, autonomous, gateway: router, names: self.names.clone() })
    }

    pub(super) fn save(&self) -> Result<()> {
        let Some(held) = self.held.clone() else { return Ok(()) };
        let held = Held::V6 { mode: self.mode, held };
        self.records.save(&Record::of(&self.order, &self.port, held)?)
    }

    /// Spec: RFC 8415 section 18.2.7: the address is not used any more before its server hears.
    pub(super) fn give_back(&mut self) {
        self.withdraw();
        let Some(message) = self.client.release() else { return };
        self.log("releasing IPv6 lease");
        if let Err(error) = self.send(&message) {
            self.log(&format!("failed to release DHCPv6 lease: {error}"));
        }
    }

    pub(super) fn hide(&self, address: Ipv6Addr) {
        if let Err(error) = self.port.hide_ipv6(address) {
            self.log(&format!("failed to remove {address}: {error}"));
        }
    }
}
