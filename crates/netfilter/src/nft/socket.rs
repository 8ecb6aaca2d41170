//! The nfnetlink socket of the calling thread's network namespace.

use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket,
    sockopt,
};

use crate::error::{Error, Result};

/// The kernel's largest piece of a dump (`netlink_recvmsg` caps it), in bytes.
const BUFFER: usize = 32 * 1024;
/// Batches above this may exceed the default send buffer (`net.core.wmem_default`), in bytes.
const LARGE_BATCH: usize = 64 * 1024;

/// An nfnetlink socket; it stays in the network namespace it was opened in.
#[derive(Debug)]
pub struct Socket {
    /// There until the socket is dropped.
    descriptor: Option<OwnedFd>,
    buffer: Vec<u8>,
    closing_waits: bool,
}

impl Socket {
    /// Opens a socket in the calling thread's network namespace.
    ///
    /// # Errors
    ///
    /// [`Error::Kernel`] where the kernel has no nfnetlink.
    pub fn open() -> Result<Socket> {
        let descriptor = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkNetFilter,
        )
        .map_err(|errno| refused("open an nfnetlink socket", errno))?;
        Ok(Socket { descriptor: Some(descriptor), buffer: vec![0; BUFFER], closing_waits: false })
    }

    /// Leaves the closing of the socket to the end of the process.
    ///
    /// The kernel lets a socket's closing wait until everything that was deleted is freed, which
    /// takes some 15 ms. At the end of a DEL this is mostly over, because deleting the link waits
    /// for the same.
    pub(super) fn leave_open(&mut self) {
        self.closing_waits = true;
    }

    fn raw(&self) -> RawFd {
        self.descriptor.as_ref().map_or(-1, AsRawFd::as_raw_fd)
    }

    /// Sends messages; the kernel has acted on all of them when this returns.
    pub(super) fn send(&self, messages: &[u8]) -> Result<()> {
        if messages.len() > LARGE_BATCH {
            // Without the privilege for it the send below says what is wrong.
            let _ = self
                .descriptor
                .as_ref()
                .map(|socket| setsockopt(socket, sockopt::SndBufForce, &(2 * messages.len())));
        }
        // An unconnected netlink socket sends to the kernel.
        send(self.raw(), messages, MsgFlags::empty())
            .map_err(|errno| refused("send to nf_tables", errno))?;
        Ok(())
    }

    /// The next piece of an answer, nothing after the last one.
    ///
    /// The kernel answers while it takes the request and continues a dump while the piece before
    /// is taken, so there is never anything to wait for.
    pub(super) fn receive(&mut self) -> Result<Option<&[u8]>> {
        // With MSG_TRUNC the result is the message's length even if the buffer is too short.
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        loop {
            let errno = match recv(self.raw(), &mut self.buffer, flags) {
                Ok(length) if length <= self.buffer.len() => {
                    return Ok(Some(&self.buffer[..length]));
                }
                Ok(_) => Errno::EMSGSIZE,
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => continue,
                Err(errno) => errno,
            };
            return Err(refused("read from nf_tables", errno));
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(descriptor) = self.descriptor.take_if(|_| self.closing_waits) {
            // Whoever owns a raw descriptor closes it: here the kernel, when the process ends.
            let _ = descriptor.into_raw_fd();
        }
    }
}

/// An error of the socket itself, not of a rule.
fn refused(operation: &str, errno: Errno) -> Error {
    Error::Kernel { operation: operation.to_owned(), place: String::new(), errno }
}
