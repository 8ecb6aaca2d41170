//! Settings of a bridge's port.

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoBridgePort, InfoPortData, InfoPortKind, LinkAttribute, LinkInfo,
};

use super::link::select;
use super::request::CHANGE;
use crate::{LinkRef, Request};

/// How a bridge treats a port; a new port has neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortFlags {
    /// Whether frames may leave through the port they came in by.
    pub hairpin: bool,
    /// Whether the port talks only to ports that are not isolated.
    pub isolated: bool,
}

impl Request<'_> {
    /// Sets both flags of the bridge port `link`.
    ///
    /// Goes as `RTM_NEWLINK` with `IFLA_INFO_SLAVE_DATA`, which finds the port by name too, so
    /// that it can follow the port's creation in one batch. The kernel ignores these in the
    /// creation itself.
    pub fn set_port_flags<'a>(link: impl Into<LinkRef<'a>>, flags: PortFlags) -> Self {
        let link = link.into();
        let port = vec![
            InfoBridgePort::HairpinMode(flags.hairpin),
            InfoBridgePort::Isolated(flags.isolated),
        ];
        let info = LinkAttribute::LinkInfo(vec![
            LinkInfo::PortKind(InfoPortKind::Bridge),
            LinkInfo::PortData(InfoPortData::BridgePort(port)),
        ]);
        let message =
            RouteNetlinkMessage::NewLink(select(link).append_extra_attribute(info).build());
        Self::new(&message, CHANGE, "set port flags of", link.to_string())
    }
}
