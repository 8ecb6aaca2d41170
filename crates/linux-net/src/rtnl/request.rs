//! One request to the kernel's networking, encoded and ready to be sent.

use std::marker::PhantomData;
use std::os::fd::BorrowedFd;

use netlink_packet_core::NetlinkSerializable;
use netlink_packet_route::RouteNetlinkMessage;

use super::wire::HEADER_LEN;

const REQUEST: u16 = libc::NLM_F_REQUEST as u16;
const ACKNOWLEDGE: u16 = libc::NLM_F_ACK as u16;

/// Flags of a request that changes what exists.
pub(crate) const CHANGE: u16 = 0;
/// Flags of a request that makes something new, and fails when it exists.
pub(crate) const CREATE_NEW: u16 = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
/// Flags of a request that makes something, beside what exists where the kernel allows it.
pub(crate) const CREATE: u16 = libc::NLM_F_CREATE as u16;
/// Flags of a request that makes something, in the place of what exists.
pub(crate) const CREATE_OR_REPLACE: u16 = (libc::NLM_F_CREATE | libc::NLM_F_REPLACE) as u16;
/// Flags of a request for one object of traffic control, which is told only to who wants an echo.
pub(crate) const GET: u16 = (libc::NLM_F_ECHO | libc::NLM_F_ACK) as u16;
/// Flags of a request that lists.
pub(crate) const DUMP: u16 = libc::NLM_F_DUMP as u16;

/// One change, to be sent by [`crate::Rtnl::run`]; made by the functions named after changes.
///
/// It may mention namespaces by their descriptors, so it borrows them.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The message with its header; sequence number and `NLM_F_ACK` are filled in when sent.
    bytes: Vec<u8>,
    operation: &'static str,
    object: String,
    is_lookup: bool,
    namespaces: PhantomData<BorrowedFd<'a>>,
}

impl Request<'_> {
    /// Encodes a request; `operation` and `object` are for its error.
    pub(crate) fn new(
        message: &RouteNetlinkMessage,
        flags: u16,
        operation: &'static str,
        object: String,
    ) -> Self {
        let mut bytes = vec![0; HEADER_LEN + message.buffer_len()];
        message.serialize(&mut bytes[HEADER_LEN..]);
        Self::from_bytes(bytes, message.message_type(), flags, operation, object)
    }

    /// Encodes a request from `bytes`, a message behind room for its header.
    pub(crate) fn from_bytes(
        mut bytes: Vec<u8>,
        kind: u16,
        flags: u16,
        operation: &'static str,
        object: String,
    ) -> Self {
        let len = bytes.len() as u32;
        bytes[..4].copy_from_slice(&len.to_ne_bytes());
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&(flags | REQUEST).to_ne_bytes());
        Self { bytes, operation, object, is_lookup: false, namespaces: PhantomData }
    }

    /// Marks the request as one that changes nothing and is answered by one object.
    pub(crate) fn lookup(mut self) -> Self {
        self.is_lookup = true;
        self
    }

    pub(crate) fn is_lookup(&self) -> bool {
        self.is_lookup
    }

    pub(crate) fn operation(&self) -> &'static str {
        self.operation
    }

    pub(crate) fn object(&self) -> &str {
        &self.object
    }

    /// Appends the message to `datagram`, asking for an acknowledgement of success or not.
    pub(crate) fn encode(&self, sequence: u32, acknowledge: bool, datagram: &mut Vec<u8>) {
        let start = datagram.len();
        datagram.extend_from_slice(&self.bytes);
        let header = &mut datagram[start..];
        if acknowledge {
            let flags = u16::from_ne_bytes([header[6], header[7]]) | ACKNOWLEDGE;
            header[6..8].copy_from_slice(&flags.to_ne_bytes());
        }
        header[8..12].copy_from_slice(&sequence.to_ne_bytes());
        datagram.resize(datagram.len().next_multiple_of(4), 0);
    }

    /// Returns the encoded message behind its header.
    #[cfg(test)]
    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[HEADER_LEN..]
    }
}
