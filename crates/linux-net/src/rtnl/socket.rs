//! The transport: a blocking netlink socket that sends bytes and reads datagrams.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

impl Socket {
    /// Opens a routing socket in the calling thread's network namespace.
    pub(crate) fn open_route() -> nix::Result<Self> {
        Self::open(SockProtocol::NetlinkRoute)
    }

    /// Opens a socket of the packet filter in the calling thread's network namespace.
    pub(crate) fn open_netfilter() -> nix::Result<Self> {
        Self::open(SockProtocol::NetlinkNetFilter)
    }

    /// It is not bound or connected: the kernel does both with the first send.
    fn open(protocol: SockProtocol) -> nix::Result<Self> {
        let socket =
            Self(socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?);
        // Explanations in errors, requests not quoted in full, and dumps filtered by the kernel.
        // Kernels before 4.20 lack the last; what is read is filtered here as well.
        socket.switch_on(libc::NETLINK_EXT_ACK);
        socket.switch_on(libc::NETLINK_CAP_ACK);
        socket.switch_on(libc::NETLINK_GET_STRICT_CHK);
        Ok(socket)
    }

    /// Switches a `SOL_NETLINK` option on; a kernel without it does without.
    fn switch_on(&self, option: libc::c_int) {
        let on: libc::c_int = 1;
        #[expect(unsafe_code, reason = "nix has no netlink socket options")]
        // SAFETY: the kernel reads an int through the pointer, and only during the call.
        unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                libc::SOL_NETLINK,
                option,
                (&raw const on).cast(),
                size_of_val(&on) as libc::socklen_t,
            );
        }
    }

    /// Sends requests; the kernel has run all of them when this returns.
    pub(crate) fn send(&self, bytes: &[u8]) -> nix::Result<()> {
        retry_interrupted(|| send(self.0.as_raw_fd(), bytes, MsgFlags::empty())).map(drop)
    }

    /// Receives one datagram into `buffer` and returns it.
    pub(crate) fn receive<'a>(&self, buffer: &'a mut [u8]) -> nix::Result<&'a [u8]> {
        // With MSG_TRUNC the kernel returns the datagram's length also when it did not fit.
        let len = retry_interrupted(|| recv(self.0.as_raw_fd(), buffer, MsgFlags::MSG_TRUNC))?;
        buffer.get(..len).ok_or(Errno::EMSGSIZE)
    }
}

fn retry_interrupted<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            done => return done,
        }
    }
}
