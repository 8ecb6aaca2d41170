//! What plugin and daemon say to each other: Go's `net/rpc` over a unix socket, so that either may
//! be the reference's.

pub(crate) mod ask;
pub(crate) mod client;
mod definition;
mod messages;
mod reader;
pub(crate) mod stream;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use messages::{Answer, Call};

/// Where the daemon listens when nothing else is said.
pub(crate) const DEFAULT_SOCKET: &str = "/run/cni/dhcp.sock";

/// What the client says first; the daemon answers with [`CONNECTED`].
pub(crate) const CONNECT: &[u8] = b"CONNECT /_goRPC_ HTTP/1.0\n\n";

/// The daemon's answer; from then on both write gob.
pub(crate) const CONNECTED: &[u8] = b"HTTP/1.0 200 Connected to Go RPC\n\n";

/// The longest message in bytes; configurations are far shorter.
const LONGEST_MESSAGE: usize = 1 << 20;

/// What the daemon can be asked. The last two are not the reference's.
pub(crate) mod method {
    pub(crate) const ALLOCATE: &str = "DHCP.Allocate";
    pub(crate) const RELEASE: &str = "DHCP.Release";
    pub(crate) const CHECK: &str = "DHCP.Check";
    pub(crate) const COLLECT: &str = "DHCP.Collect";
}
