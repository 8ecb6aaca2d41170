//! VLANs of a bridge's port.

use crate::{Request, Result, Rtnl, VlanId};

/// A range of VLANs a port is a member of; a single one has `first == last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortVlan {
    /// Lowest id.
    pub first: VlanId,
    /// Highest id.
    pub last: VlanId,
    /// Whether untagged frames that come in belong to it (a single VLAN only).
    pub pvid: bool,
    /// Whether frames leave without the tag.
    pub untagged: bool,
}

impl PortVlan {
    /// Every VLAN there is.
    pub const ALL: Self =
        Self { first: VlanId::MIN, last: VlanId::MAX, pvid: false, untagged: false };

    /// One VLAN, tagged.
    pub fn tagged(id: VlanId) -> Self {
        Self { first: id, last: id, pvid: false, untagged: false }
    }

    /// One VLAN that untagged frames belong to, in both directions.
    pub fn native(id: VlanId) -> Self {
        Self { first: id, last: id, pvid: true, untagged: true }
    }

    /// Tagged VLANs in ascending order, as few ranges as possible.
    pub fn tagged_ranges(ids: impl IntoIterator<Item = VlanId>) -> Vec<Self> {
        todo!("{}", ids.into_iter().count())
    }
}

impl Rtnl {
    /// Lists the VLANs of the bridge port with index `port`.
    ///
    /// # Errors
    ///
    /// When the link is no port or the kernel has no VLAN filtering.
    pub fn list_port_vlans(&self, port: u32) -> Result<Vec<PortVlan>> {
        todo!("{port}")
    }
}

impl Request<'_> {
    /// Makes the bridge port with index `port` a member of `vlans`, in their order.
    pub fn add_port_vlans(port: u32, vlans: &[PortVlan]) -> Self {
        todo!("{port} {vlans:?}")
    }

    /// Takes the bridge port with index `port` out of `vlans`; those it is not in are skipped.
    pub fn remove_port_vlans(port: u32, vlans: &[PortVlan]) -> Self {
        todo!("{port} {vlans:?}")
    }
}
