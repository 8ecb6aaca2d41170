//! The nfnetlink socket of the calling thread's network namespace.

use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, sendmsg,
    setsockopt, socket, socketpair, sockopt,
};

use crate::error::{Error, Result};

/// The kernel's largest piece of a dump (`netlink_recvmsg` caps it), in bytes.
const BUFFER: usize = 32 * 1024;
/// Batches above this may exceed the default send buffer (`net.core.wmem_default`), in bytes.
const LARGE_BATCH: usize = 64 * 1024;

/// An nfnetlink socket; it stays in the network namespace it was opened in.
#[derive(Debug)]
pub struct Socket {
    descriptor: OwnedFd,
    buffer: Vec<u8>,
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
        Ok(Socket { descriptor, buffer: vec![0; BUFFER] })
    }

    /// Sends messages; the kernel has acted on all of them when this returns.
    pub(super) fn send(&self, messages: &[u8]) -> Result<()> {
        if messages.len() > LARGE_BATCH {
            // Without the privilege for it the send below says what is wrong.
            let _ = setsockopt(&self.descriptor, sockopt::SndBufForce, &(2 * messages.len()));
        }
        // An unconnected netlink socket sends to the kernel.
        send(self.descriptor.as_raw_fd(), messages, MsgFlags::empty())
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
            let errno = match recv(self.descriptor.as_raw_fd(), &mut self.buffer, flags) {
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
        // What is not left to the kernel is closed here.
        let _ = leave_to_kernel(&self.descriptor);
    }
}

/// Has the kernel close a socket when it likes to.
///
/// Closing an nfnetlink socket waits until everything is freed that anybody has deleted, which
/// takes some 15 ms; that it is deleted does not depend on it. So the socket is sent to a socket
/// that nobody can receive from, since only its own queue refers to it, and the kernel collects
/// both: since Linux 6.8 in the background (`unix_gc` of net/unix/garbage.c), before that at the
/// latest when the process ends.
fn leave_to_kernel(descriptor: &OwnedFd) -> nix::Result<()> {
    let (sender, grave) =
        socketpair(AddressFamily::Unix, SockType::Datagram, None, SockFlag::SOCK_CLOEXEC)?;
    let sent = [descriptor.as_raw_fd(), grave.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&sent)];
    let byte = [IoSlice::new(&[0])];
    sendmsg::<()>(sender.as_raw_fd(), &byte, &rights, MsgFlags::empty(), None)?;
    Ok(())
}

/// An error of the socket itself, not of a rule.
fn refused(operation: &str, errno: Errno) -> Error {
    Error::Kernel { operation: operation.to_owned(), place: String::new(), errno }
}
