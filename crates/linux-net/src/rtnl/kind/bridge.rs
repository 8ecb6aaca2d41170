//! Bridges.

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::InfoKind;
use rtnetlink::{LinkBridge, LinkMessageBuilder};

use crate::rtnl::request::CREATE_NEW;
use crate::{IfName, LinkRef, Mac, Request};

/// A bridge to make; it is down at first.
#[derive(Debug, Clone, Copy)]
pub struct Bridge<'a> {
    /// Its name.
    pub name: &'a IfName,
    /// Its hardware address for good; none: that of the lowest port, and none without ports.
    pub mac: Option<Mac>,
    /// Largest packet in bytes; none: the kernel's choice.
    pub mtu: Option<u32>,
    /// Whether it filters VLANs; some kernels cannot, and refuse when asked to.
    pub vlan_filtering: bool,
}

impl Request<'_> {
    /// Creates a bridge; fails with `is_present()` when any link has that name.
    pub fn create_bridge(bridge: &Bridge<'_>) -> Self {
        let mut message = LinkMessageBuilder::<LinkBridge>::new_with_info_kind(InfoKind::Bridge)
            .name(bridge.name.as_str());
        if let Some(mac) = bridge.mac {
            message = message.address(mac.as_bytes().to_vec());
        }
        if let Some(mtu) = bridge.mtu {
            message = message.mtu(mtu);
        }
        if bridge.vlan_filtering {
            message = message.vlan_filtering(true);
        }
        let message = RouteNetlinkMessage::NewLink(message.build());
        let object = LinkRef::from(bridge.name).to_string();
        Self::new(&message, CREATE_NEW, "create bridge as", object)
    }
}
