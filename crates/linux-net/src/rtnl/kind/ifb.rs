//! Intermediate functional blocks: devices that queue what others have received.

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::InfoKind;
use rtnetlink::{LinkMessageBuilder, LinkUnspec};

use crate::rtnl::request::CREATE_NEW;
use crate::{IfName, LinkRef, Request};

impl Request<'_> {
    /// Creates an ifb for packets of up to `mtu` bytes, up and without a queue of its own; fails
    /// with `is_present()` when any link has that name.
    pub fn create_ifb(name: &IfName, mtu: u32) -> Self {
        let message = LinkMessageBuilder::<LinkUnspec>::new_with_info_kind(InfoKind::Ifb)
            .name(name.as_str())
            .mtu(mtu)
            .txqueuelen(0)
            .up();
        let message = RouteNetlinkMessage::NewLink(message.build());
        Self::new(&message, CREATE_NEW, "create ifb as", LinkRef::from(name).to_string())
    }
}
