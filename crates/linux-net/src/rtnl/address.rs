//! Addresses of a link.

use ipnetwork::IpNetwork;

use crate::{Family, Request, Result, Rtnl};

/// An address of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The address with its prefix length; host bits are kept.
    pub network: IpNetwork,
    /// `IFA_F_*` flags of `linux/if_addr.h`.
    pub flags: u32,
}

impl Address {
    /// Tells whether duplicate address detection still runs.
    pub fn is_tentative(&self) -> bool {
        self.flags & libc::IFA_F_TENTATIVE != 0
    }

    /// Tells whether another host has the address.
    pub fn is_duplicate(&self) -> bool {
        self.flags & libc::IFA_F_DADFAILED != 0
    }
}

impl Rtnl {
    /// Lists the addresses of the link with index `index`, in the kernel's order.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn list_addresses(&self, index: u32, family: Family) -> Result<Vec<Address>> {
        todo!("{index} {family:?}")
    }
}

impl Request<'_> {
    /// Gives the link with index `index` an address; fails with `is_present()` when it has it.
    ///
    /// IPv4 networks wider than /31 get their broadcast address.
    pub fn add_address(index: u32, network: IpNetwork) -> Self {
        todo!("{index} {network}")
    }

    /// Takes an address from the link with index `index`; fails with `is_missing()` without it.
    pub fn remove_address(index: u32, network: IpNetwork) -> Self {
        todo!("{index} {network}")
    }
}
