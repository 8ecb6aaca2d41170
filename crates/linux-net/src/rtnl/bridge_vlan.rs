//! VLANs of a bridge's port.

use std::collections::BTreeSet;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{BridgeVlanInfoFlags, LinkAttribute, LinkExtentMask, LinkMessage};
use nix::errno::Errno;
use rtnetlink::LinkBridgeVlan;

use super::link::FIXED_LEN as LINK_FIXED_LEN;
use super::request::{CHANGE, DUMP};
use super::wire::{Attributes, HEADER_LEN, Message, number, read_u16, read_u32};
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

    /// Tagged VLANs, in ascending order and as few ranges as possible.
    pub fn tagged_ranges(ids: impl IntoIterator<Item = VlanId>) -> Vec<Self> {
        let mut ranges: Vec<Self> = Vec::new();
        for id in ids.into_iter().collect::<BTreeSet<_>>() {
            match ranges.last_mut() {
                Some(range) if range.last.get() + 1 == id.get() => range.last = id,
                _ => ranges.push(Self::tagged(id)),
            }
        }
        ranges
    }
}

/// Length of `struct br_vlan_msg`: family, three bytes of padding, interface index.
const FIXED_LEN: usize = 8;

impl Rtnl {
    /// Lists the VLANs of the bridge port with index `port`.
    ///
    /// Empty when the kernel has no VLAN filtering.
    ///
    /// # Errors
    ///
    /// When the link is no port.
    pub fn list_port_vlans(&self, port: u32) -> Result<Vec<PortVlan>> {
        let mut bytes = vec![0; HEADER_LEN + FIXED_LEN];
        bytes[HEADER_LEN] = libc::AF_BRIDGE as u8;
        bytes[HEADER_LEN + 4..].copy_from_slice(&port.to_ne_bytes());
        let request =
            Request::from_bytes(bytes, number::RTM_GETVLAN, DUMP, "list vlans of", object(port));
        let list = self.dump(&request, |list, message| list.extend(decode(message, port)));
        match list {
            Err(error) if error.errno() == Some(Errno::EOPNOTSUPP) => {
                self.list_port_vlans_among_links(port)
            }
            list => list,
        }
    }

    /// Lists the VLANs of one port by reading all ports, as kernels before 5.6 need it.
    fn list_port_vlans_among_links(&self, port: u32) -> Result<Vec<PortVlan>> {
        let mask = LinkAttribute::ExtMask(vec![LinkExtentMask::BrvlanCompressed]);
        let message = LinkBridgeVlan::new(0).append_extra_attribute(mask).build();
        let message = RouteNetlinkMessage::GetLink(message);
        let request = Request::new(&message, DUMP, "list vlans of", object(port));
        self.dump(&request, |list, message| list.extend(decode_link(message, port)))
    }
}

/// Reads the VLANs in `RTM_NEWVLAN`.
fn decode(message: &Message<'_>, port: u32) -> Vec<PortVlan> {
    if read_u32(message.body, 4) != Some(port) {
        return Vec::new();
    }
    Attributes::after(message.body, FIXED_LEN)
        .filter(|(number, _)| *number == number::BRIDGE_VLANDB_ENTRY)
        .filter_map(|(_, entry)| {
            let mut info = None;
            let mut last = None;
            for (number, value) in Attributes::within(entry) {
                match number {
                    number::BRIDGE_VLANDB_ENTRY_INFO => info = read_info(value),
                    number::BRIDGE_VLANDB_ENTRY_RANGE => last = read_u16(value, 0),
                    _ => {}
                }
            }
            let (flags, first) = info?;
            port_vlan(flags, first, last.unwrap_or(first))
        })
        .collect()
}

/// Reads the VLANs in `RTM_NEWLINK` of the bridge family: ranges are two entries.
fn decode_link(message: &Message<'_>, port: u32) -> Vec<PortVlan> {
    let mut vlans = Vec::new();
    if read_u32(message.body, 4) != Some(port) {
        return vlans;
    }
    let mut begin = None;
    for (_, spec) in Attributes::after(message.body, LINK_FIXED_LEN)
        .filter(|(number, _)| *number == number::IFLA_AF_SPEC)
    {
        let infos =
            Attributes::within(spec).filter(|(number, _)| *number == number::IFLA_BRIDGE_VLAN_INFO);
        for (flags, id) in infos.filter_map(|(_, info)| read_info(info)) {
            if flags & BridgeVlanInfoFlags::RangeBegin.bits() != 0 {
                begin = Some(id);
            } else {
                vlans.extend(port_vlan(flags, begin.take().unwrap_or(id), id));
            }
        }
    }
    vlans
}

/// Reads `struct bridge_vlan_info`: flags and id.
fn read_info(value: &[u8]) -> Option<(u16, u16)> {
    Some((read_u16(value, 0)?, read_u16(value, 2)?))
}

fn port_vlan(flags: u16, first: u16, last: u16) -> Option<PortVlan> {
    Some(PortVlan {
        first: first.try_into().ok()?,
        last: last.try_into().ok()?,
        pvid: flags & BridgeVlanInfoFlags::Pvid.bits() != 0,
        untagged: flags & BridgeVlanInfoFlags::Untagged.bits() != 0,
    })
}

impl Request<'_> {
    /// Makes the bridge port with index `port` a member of `vlans`, in their order.
    pub fn add_port_vlans(port: u32, vlans: &[PortVlan]) -> Self {
        let message = RouteNetlinkMessage::SetLink(encode(port, vlans));
        Self::new(&message, CHANGE, "add vlans to", object(port))
    }

    /// Takes the bridge port with index `port` out of `vlans`.
    ///
    /// The kernel skips those it is not in, so [`PortVlan::ALL`] needs no listing.
    pub fn remove_port_vlans(port: u32, vlans: &[PortVlan]) -> Self {
        let message = RouteNetlinkMessage::DelLink(encode(port, vlans));
        Self::new(&message, CHANGE, "remove vlans from", object(port))
    }
}

fn encode(port: u32, vlans: &[PortVlan]) -> LinkMessage {
    let mut message = LinkBridgeVlan::new(port);
    for vlan in vlans {
        let mut flags = BridgeVlanInfoFlags::empty();
        flags.set(BridgeVlanInfoFlags::Pvid, vlan.pvid);
        flags.set(BridgeVlanInfoFlags::Untagged, vlan.untagged);
        message = if vlan.first == vlan.last {
            message.vlan(vlan.first.get(), flags)
        } else {
            message.vlan_range_start(vlan.first.get(), flags).vlan_range_end(vlan.last.get(), flags)
        };
    }
    message.build()
}

fn object(port: u32) -> String {
    format!("bridge port with index {port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: u16) -> VlanId {
        id.try_into().expect("a valid id")
    }

    /// `struct ifinfomsg` of `RTM_SETLINK` for port 7 of the bridge family.
    const HEADER: [u8; 16] = [7, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    #[test]
    #[cfg(target_endian = "little")]
    fn single_vlans_and_ranges_travel_in_one_message() {
        let range = PortVlan { last: id(202), ..PortVlan::tagged(id(200)) };
        let vlans = [PortVlan::native(id(100)), PortVlan::tagged(id(101)), range];
        let request = Request::add_port_vlans(7, &vlans);
        let (header, attributes) = request.body().split_at(16);
        assert_eq!(header, HEADER);
        let spec: Vec<_> = Attributes::within(attributes).collect();
        let [(number::IFLA_AF_SPEC, spec)] = spec[..] else { panic!("{spec:?}") };
        let infos: Vec<_> = Attributes::within(spec).collect();
        let info = number::IFLA_BRIDGE_VLAN_INFO;
        assert_eq!(
            infos,
            [
                (info, [6, 0, 100, 0].as_slice()),
                (info, [0, 0, 101, 0].as_slice()),
                (info, [8, 0, 200, 0].as_slice()),
                (info, [16, 0, 202, 0].as_slice()),
            ]
        );
    }

    #[test]
    fn ids_are_joined_to_ranges() {
        let ids = [200, 5, 202, 1, 201].map(id);
        let ranges = PortVlan::tagged_ranges(ids);
        let bounds: Vec<_> = ranges.iter().map(|r| (r.first.get(), r.last.get())).collect();
        assert_eq!(bounds, [(1, 1), (5, 5), (200, 202)]);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn both_listings_read_the_same() {
        // br_vlan_msg; entry{info{6, 1}}; entry{info{0, 200}, range 202}
        let mut vlan = vec![7, 0, 0, 0, 7, 0, 0, 0];
        vlan.extend([12, 0, 1, 0x80, 8, 0, 1, 0, 6, 0, 1, 0]);
        vlan.extend([20, 0, 1, 0x80, 8, 0, 1, 0, 0, 0, 200, 0, 6, 0, 2, 0, 202, 0, 0, 0]);
        let message = |body| Message { kind: 0, flags: 0, sequence: 1, body };
        let read = decode(&message(&vlan), 7);
        assert_eq!(read.len(), 2);
        assert_eq!(read[0], PortVlan::native(id(1)));
        assert_eq!((read[1].first, read[1].last, read[1].pvid), (id(200), id(202), false));
        assert_eq!(decode(&message(&vlan), 8), []);

        let mut link = HEADER.to_vec();
        link.extend([28, 0, 26, 0, 8, 0, 2, 0, 6, 0, 1, 0]);
        link.extend([8, 0, 2, 0, 8, 0, 200, 0, 8, 0, 2, 0, 16, 0, 202, 0]);
        assert_eq!(decode_link(&message(&link), 7), read);
    }
}
