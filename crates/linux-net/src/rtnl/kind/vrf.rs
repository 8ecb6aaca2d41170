//! Virtual routing and forwarding: devices whose ports have a routing table of their own.

use netlink_packet_route::link::{InfoData, InfoVrf};

/// A VRF device to make; the kernel adds the rule that leads to its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vrf {
    /// The routing table of its ports; several devices may have the same.
    pub table: u32,
}

impl Vrf {
    pub(crate) fn info(self) -> InfoData {
        InfoData::Vrf(vec![InfoVrf::TableId(self.table)])
    }
}
