//! Pairs of virtual Ethernet devices.

use std::os::fd::{AsFd, AsRawFd};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth};
use rtnetlink::{LinkMessageBuilder, LinkUnspec, LinkVeth};

use crate::rtnl::request::CREATE_NEW;
use crate::{IfName, Mac, Netns, Request};

/// A pair to make: this end in the socket's namespace, up, without a queue; the peer anywhere.
#[derive(Debug, Clone, Copy)]
pub struct VethPair<'a> {
    /// Name of this end.
    pub name: &'a IfName,
    /// Index of the bridge this end becomes a port of.
    pub controller: Option<u32>,
    /// Largest packet in bytes, of both ends; none: the kernel's choice.
    pub mtu: Option<u32>,
    /// The other end.
    pub peer: VethPeer<'a>,
}

/// The peer, born down in its namespace under its final name.
#[derive(Debug, Clone, Copy)]
pub struct VethPeer<'a> {
    /// Its name.
    pub name: &'a IfName,
    /// Its hardware address; none: a random one.
    pub mac: Option<Mac>,
    /// The namespace it is born in; may be the socket's own.
    pub netns: &'a Netns,
}

impl<'a> Request<'a> {
    /// Creates a veth pair; fails with `is_present()` when either name is taken.
    ///
    /// The peer cannot be born up: the kernel sets it up before the two ends know each other.
    pub fn create_veth_pair(pair: &VethPair<'a>) -> Self {
        let mut peer = LinkMessageBuilder::<LinkUnspec>::new()
            .name(pair.peer.name.as_str())
            .setns_by_fd(pair.peer.netns.as_fd().as_raw_fd());
        let mut own = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth)
            .name(pair.name.as_str())
            .txqueuelen(0)
            .up();
        if let Some(mac) = pair.peer.mac {
            peer = peer.address(mac.as_bytes().to_vec());
        }
        if let Some(mtu) = pair.mtu {
            peer = peer.mtu(mtu);
            own = own.mtu(mtu);
        }
        if let Some(controller) = pair.controller {
            own = own.controller(controller);
        }
        let own = own.set_info_data(InfoData::Veth(InfoVeth::Peer(peer.build())));
        let object =
            format!("link {:?} with peer {:?}", pair.name.as_str(), pair.peer.name.as_str());
        Self::new(&RouteNetlinkMessage::NewLink(own.build()), CREATE_NEW, "create veth as", object)
    }
}
