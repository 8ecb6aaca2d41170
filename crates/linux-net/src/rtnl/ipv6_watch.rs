//! What happens to the IPv6 of a link, told by the kernel as it happens.

use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};

use super::wire::{Message, Messages, read_u16, read_u32};
use crate::{Error, LinkRef, Netns, Result};

/// Addresses, what routers say about the link, and the options that the kernel leaves to programs.
const GROUPS: u32 = group(libc::RTNLGRP_IPV6_IFADDR)
    | group(libc::RTNLGRP_IPV6_IFINFO)
    | group(libc::RTNLGRP_ND_USEROPT);

/// Room for a message in bytes: a router advertisement fits a packet.
const ROOM: usize = 32 * 1024;

/// A socket that receives what happens to the IPv6 of one link, without waiting for it.
#[derive(Debug)]
pub struct Ipv6Watch {
    file: OwnedFd,
    index: u32,
}

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ipv6News {
    /// Addresses or the flags of routers have changed, or news were lost: look again.
    Changed,
    /// An option of a router advertisement, with its head (RFC 4861 section 4.6). The kernel tells
    /// those it has no use for itself: name servers (RFC 8106) and the like.
    RouterOption(Vec<u8>),
}

impl Ipv6Watch {
    /// Begins to listen for what happens to the link with index `index` in `netns`.
    ///
    /// # Errors
    ///
    /// When the namespace cannot be entered, or the kernel refuses.
    pub fn open(netns: &Netns, index: u32) -> Result<Self> {
        let failed = |errno| {
            let error = Error::new("watch", LinkRef::Index(index).to_string(), errno);
            error.with_namespace(Some(netns.path()))
        };
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let protocol = SockProtocol::NetlinkRoute;
        let open = || socket(AddressFamily::Netlink, SockType::Raw, flags, protocol);
        let file = netns.run(open)?.map_err(failed)?;
        bind(file.as_raw_fd(), &NetlinkAddr::new(0, GROUPS)).map_err(failed)?;
        Ok(Self { file, index })
    }

    /// Takes all news that have come.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn read(&self) -> Result<Vec<Ipv6News>> {
        let mut news = Vec::new();
        let mut buffer = vec![0; ROOM];
        loop {
            match recv(self.file.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(len) => {
                    let messages = Messages(&buffer[..len]);
                    news.extend(messages.filter_map(|message| decode(&message, self.index)));
                }
                Err(Errno::EAGAIN) => return Ok(news),
                Err(Errno::EINTR) => {}
                // There was more than the socket holds.
                Err(Errno::ENOBUFS) => news.push(Ipv6News::Changed),
                Err(errno) => {
                    let object = LinkRef::Index(self.index).to_string();
                    return Err(Error::new("watch", object, errno));
                }
            }
        }
    }
}

impl AsFd for Ipv6Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The bit of a group in the address of a socket.
const fn group(number: libc::c_uint) -> u32 {
    1 << (number - 1)
}

fn decode(message: &Message<'_>, index: u32) -> Option<Ipv6News> {
    /// Length of `struct nduseroptmsg`; the index is behind family and length.
    const USER_OPTION_LEN: usize = 4 * size_of::<u32>();

    if read_u32(message.body, 4) != Some(index) {
        return None;
    }
    match message.kind {
        libc::RTM_NEWADDR | libc::RTM_DELADDR | libc::RTM_NEWLINK => Some(Ipv6News::Changed),
        libc::RTM_NEWNDUSEROPT => {
            let len = usize::from(read_u16(message.body, 2)?);
            let option = message.body.get(USER_OPTION_LEN..USER_OPTION_LEN + len)?;
            Some(Ipv6News::RouterOption(option.to_vec()))
        }
        _ => None,
    }
}
