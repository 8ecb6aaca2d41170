//! VLAN interfaces (IEEE 802.1Q).

use netlink_packet_route::link::{InfoData, InfoVlan};

/// An 802.1Q VLAN interface to make; a device has one for each id, in whatever namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vlan {
    /// Index of the device it is on, in the namespace of the socket that makes it.
    pub lower: u32,
    /// The VLAN, 0 to 4094; 0 is for frames that only carry a priority.
    pub id: u16,
}

impl Vlan {
    pub(crate) fn info(self) -> InfoData {
        InfoData::Vlan(vec![InfoVlan::Id(self.id)])
    }
}
