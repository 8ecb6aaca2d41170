//! What routers have told the kernel about a link.

use crate::rtnl::request::CHANGE;
use crate::rtnl::wire::{Attributes, HEADER_LEN, Message, number, read_u32};
use crate::{LinkRef, Request, Result, Rtnl};

/// The flags of the latest router advertisement (RFC 4861 section 4.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RouterFlags {
    /// A DHCPv6 server has addresses.
    pub is_managed: bool,
    /// A DHCPv6 server has something else.
    pub has_other: bool,
}

/// `IF_RA_*` of `net/if_inet6.h`.
const IF_RA_MANAGED: u32 = 0x40;
const IF_RA_OTHERCONF: u32 = 0x80;

impl Rtnl {
    /// Looks up the flags for the link with index `index`; all are off before there was a router.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn router_flags(&self, index: u32) -> Result<RouterFlags> {
        let mut bytes = vec![0; HEADER_LEN + super::link::FIXED_LEN];
        bytes[HEADER_LEN + 4..HEADER_LEN + 8].copy_from_slice(&index.to_ne_bytes());
        let object = LinkRef::Index(index).to_string();
        let request =
            Request::from_bytes(bytes, libc::RTM_GETLINK, CHANGE, "look up routers of", object);
        let found = self.dump(&request, |list, message| list.extend(decode(message)))?;
        Ok(found.first().copied().unwrap_or_default())
    }
}

fn decode(message: &Message<'_>) -> Option<RouterFlags> {
    let families = Attributes::after(message.body, super::link::FIXED_LEN);
    let families = families.value_of(number::IFLA_AF_SPEC)?;
    let ipv6 = Attributes::within(families).value_of(libc::AF_INET6 as u16)?;
    let flags = Attributes::within(ipv6).value_of(number::IFLA_INET6_FLAGS)?;
    let flags = read_u32(flags, 0)?;
    Some(RouterFlags {
        is_managed: flags & IF_RA_MANAGED != 0,
        has_other: flags & IF_RA_OTHERCONF != 0,
    })
}
