//! Asking the routers of a link to speak (RFC 4861 section 4.1).

use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::fd::AsRawFd;

use nix::sys::socket::sockopt::Ipv6MulticastHops;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn6, sendto, setsockopt,
    socket,
};

use crate::{Error, LinkRef, Netns, Result};

/// All routers of a link.
const ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// Type 133, and room for the checksum, which the kernel fills in.
const MESSAGE: [u8; 8] = [133, 0, 0, 0, 0, 0, 0, 0];

/// Routers believe only what has crossed no other router.
const HOPS: i32 = 255;

/// Asks the routers of the link with index `index` in `netns` for an advertisement.
///
/// The kernel does so by itself, but only when the link comes up, and again after four seconds.
///
/// # Errors
///
/// When the namespace cannot be entered, or the link has no IPv6 address of its own yet.
pub fn solicit_routers(netns: &Netns, index: u32) -> Result<()> {
    let send = || {
        let kind = SockType::Raw;
        let flags = SockFlag::SOCK_CLOEXEC;
        let file = socket(AddressFamily::Inet6, kind, flags, SockProtocol::IcmpV6)?;
        setsockopt(&file, Ipv6MulticastHops, &HOPS)?;
        let to = SockaddrIn6::from(SocketAddrV6::new(ROUTERS, 0, 0, index));
        sendto(file.as_raw_fd(), &MESSAGE, &to, MsgFlags::empty())
    };
    netns.run(send)?.map(drop).map_err(|errno| {
        let error = Error::new("ask the routers of", LinkRef::Index(index).to_string(), errno);
        error.with_namespace(Some(netns.path()))
    })
}
