//! What lets an attachment's addresses through: rules or sources, and the claims to them.

use std::fmt;
use std::net::IpAddr;

use cni_core::{Owned, Request, Result};

use crate::backend::firewalld::Firewalld;
use crate::backend::{Backend, iptables, nftables};
use crate::claim::{Claim, Holder};
use crate::conf::Conf;
use crate::plan::Plan;

/// The addresses of an attachment that one backend lets through.
#[derive(Debug, Clone)]
pub(crate) struct Allowance {
    pub(crate) backend: Backend,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) holder: Holder,
}

impl Allowance {
    /// Finds out which backends have these addresses of an attachment. What nobody claims is given
    /// to the backend that the configuration asks for: another implementation may have made it.
    ///
    /// # Errors
    ///
    /// When a claim cannot be read.
    pub(crate) fn find(conf: &Conf, holder: &Holder, addresses: &[IpAddr]) -> Result<Vec<Self>> {
        let mut found = Self::find_claimed(holder, addresses)?;
        let is_claimed = |address: &IpAddr| found.iter().any(|it| it.addresses.contains(address));
        let unclaimed: Vec<IpAddr> =
            addresses.iter().filter(|address| !is_claimed(address)).copied().collect();
        if !unclaimed.is_empty() {
            let backend = Backend::choose(conf);
            found.push(Self { backend, addresses: unclaimed, holder: holder.clone() });
        }
        Ok(found)
    }

    /// Finds those that were claimed.
    ///
    /// # Errors
    ///
    /// When a claim cannot be read.
    pub(crate) fn find_claimed(holder: &Holder, addresses: &[IpAddr]) -> Result<Vec<Self>> {
        let mut found: Vec<Self> = Vec::new();
        for address in addresses {
            let Some(backend) = Claim::new(*address, holder).find_backend()? else { continue };
            match found.iter_mut().find(|allowance| allowance.backend == backend) {
                Some(allowance) => allowance.addresses.push(*address),
                None => {
                    let (addresses, holder) = (vec![*address], holder.clone());
                    found.push(Self { backend, addresses, holder });
                }
            }
        }
        Ok(found)
    }

    /// Claims the addresses.
    ///
    /// # Errors
    ///
    /// When a claim cannot be written.
    pub(crate) fn claim(&self, request: &Request<Conf>) -> Result<()> {
        let (network, attachment) = (&request.network.name, &request.attachment);
        let about = format!("{network} {} {}", attachment.container_id, attachment.ifname);
        self.claims().try_for_each(|claim| claim.make(&self.backend, &about))
    }

    /// Lets the addresses through, and isolates their bridge.
    ///
    /// # Errors
    ///
    /// The backend's.
    pub(crate) fn install(&self, plan: &Plan) -> Result<()> {
        let Backend::Firewalld { zone } = &self.backend else {
            return match self.backend {
                Backend::Nftables => nftables::ensure(plan, true),
                _ => iptables::ensure(plan, true),
            };
        };
        let firewalld = Firewalld::connect()?;
        self.addresses.iter().try_for_each(|address| firewalld.add(zone, *address))?;
        // Reference: firewalld has no part in isolation.
        match (&plan.isolation, Backend::of_rules()) {
            (None, _) => Ok(()),
            (_, Backend::Nftables) => nftables::ensure(plan, false),
            _ => iptables::ensure(plan, false),
        }
    }

    /// Verifies that the addresses are let through, and their bridge is isolated.
    ///
    /// # Errors
    ///
    /// The first difference.
    pub(crate) fn check(&self, plan: &Plan) -> Result<()> {
        let Backend::Firewalld { zone } = &self.backend else {
            return match self.backend {
                Backend::Nftables => nftables::check(plan, true),
                _ => iptables::check(plan, true),
            };
        };
        let firewalld = Firewalld::connect()?;
        self.addresses.iter().try_for_each(|address| firewalld.check(zone, *address))?;
        match (&plan.isolation, Backend::of_rules()) {
            (None, _) => Ok(()),
            (_, Backend::Nftables) => nftables::check(plan, false),
            _ => iptables::check(plan, false),
        }
    }

    fn claims(&self) -> impl Iterator<Item = Claim> {
        self.addresses.iter().map(|address| Claim::new(*address, &self.holder))
    }

    fn remove_from_backend(&self, addresses: &[IpAddr]) -> Result<()> {
        match &self.backend {
            _ if addresses.is_empty() => Ok(()),
            Backend::Iptables => iptables::remove(addresses),
            Backend::Nftables => Ok(nftables::remove(addresses)?),
            Backend::Firewalld { zone } => match Firewalld::connect() {
                Ok(firewalld) => {
                    addresses.iter().try_for_each(|address| firewalld.remove(zone, *address))
                }
                // What firewalld was told at run time it has forgotten.
                Err(_) => Ok(()),
            },
        }
    }
}

/// An address that others claim, too, goes on being let through.
impl Owned for Allowance {
    fn remove(&self) -> Result<()> {
        let mut own = Vec::new();
        for (address, claim) in self.addresses.iter().zip(self.claims()) {
            if !claim.is_shared()? {
                own.push(*address);
            }
        }
        self.remove_from_backend(&own)?;
        self.claims().try_for_each(|claim| claim.release())
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what lets {:?} through {}", self.addresses, self.backend)
    }
}
