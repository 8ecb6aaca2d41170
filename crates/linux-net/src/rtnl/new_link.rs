//! Making a link that stands alone or on another one, in this namespace or in another.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoData, InfoKind};
use rtnetlink::{LinkMessageBuilder, LinkUnspec};

use super::request::CREATE_NEW;
use crate::{
    Error, IfName, Ipvlan, Link, LinkRef, Mac, Macvlan, Netns, Place, Request, Rtnl, Vlan, Vrf,
    random_veth_name,
};

/// A link to make; it is down at first.
#[derive(Debug, Clone, Copy)]
pub struct NewLink<'a> {
    /// Its name.
    pub name: &'a IfName,
    /// Its hardware address; none: the kernel's choice, often that of the device it is on.
    pub mac: Option<Mac>,
    /// Largest packet in bytes; none: the kernel's choice, often that of the device it is on.
    pub mtu: Option<u32>,
    /// What it is.
    pub kind: LinkKind,
}

/// What a link to make is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// A device that drops everything it is to send.
    Dummy,
    /// An ipvlan.
    Ipvlan(Ipvlan),
    /// A macvlan.
    Macvlan(Macvlan),
    /// An 802.1Q VLAN interface.
    Vlan(Vlan),
    /// A VRF device.
    Vrf(Vrf),
}

impl LinkKind {
    /// Returns the kind, its attributes, the index of the device below, and the words for errors.
    fn parts(self) -> (InfoKind, Option<InfoData>, Option<u32>, &'static str) {
        match self {
            Self::Dummy => (InfoKind::Dummy, None, None, "create dummy as"),
            Self::Ipvlan(link) => {
                (InfoKind::IpVlan, Some(link.info()), Some(link.lower), "create ipvlan as")
            }
            Self::Macvlan(link) => {
                (InfoKind::MacVlan, Some(link.info()), Some(link.lower), "create macvlan as")
            }
            Self::Vlan(link) => {
                (InfoKind::Vlan, Some(link.info()), Some(link.lower), "create vlan as")
            }
            Self::Vrf(link) => (InfoKind::Vrf, Some(link.info()), None, "create vrf as"),
        }
    }
}

/// Which step of making a link was refused; prints as what the kernel refused.
#[derive(Debug, Clone)]
pub enum NewLinkError {
    /// The link itself; `is_present()` when the device below has a VLAN interface of that id or,
    /// in the socket's own namespace, any link has that name.
    Create(Error),
    /// Its name, in another namespace; `is_present()` when a link there has it.
    Name(Error),
    /// Reading it back.
    LookUp(Error),
}

impl fmt::Display for NewLinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(error) | Self::Name(error) | Self::LookUp(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NewLinkError {}

impl Rtnl {
    /// Makes a link in this socket's namespace and reads it back, with one system call.
    ///
    /// # Errors
    ///
    /// The step that was refused. No link is left.
    pub fn create_link(&self, link: &NewLink<'_>) -> std::result::Result<Link, NewLinkError> {
        let (mut steps, mut links) =
            self.run_and_get(&[Request::create_link(link, None)], &[link.name.into()]);
        steps.remove(0).map_err(NewLinkError::Create)?;
        links.remove(0).map_err(|error| self.abandon(link.name, NewLinkError::LookUp(error)))
    }

    /// Makes a link on one in this socket's namespace, born at `place` under its final name, and
    /// reads it back.
    ///
    /// # Errors
    ///
    /// The step that was refused. No link is left.
    pub fn create_link_at(
        &self,
        place: Place<'_>,
        link: &NewLink<'_>,
    ) -> std::result::Result<Link, NewLinkError> {
        match self.apply(Request::create_link(link, Some(place.netns))) {
            Ok(()) => place
                .rtnl
                .get_link(link.name)
                .map_err(|error| place.rtnl.abandon(link.name, NewLinkError::LookUp(error))),
            Err(error) if error.is_present() => self.create_and_rename_link_at(place, link),
            Err(error) => Err(NewLinkError::Create(error)),
        }
    }

    /// Does the same in two steps.
    ///
    /// Older kernels (6.1, not 6.18) look for the name in the socket's namespace instead. And only
    /// a name that nobody has tells what it is that exists already.
    fn create_and_rename_link_at(
        &self,
        place: Place<'_>,
        link: &NewLink<'_>,
    ) -> std::result::Result<Link, NewLinkError> {
        let name = random_veth_name().map_err(NewLinkError::Create)?;
        let temporary = NewLink { name: &name, ..*link };
        self.apply(Request::create_link(&temporary, Some(place.netns)))
            .map_err(NewLinkError::Create)?;
        let inside = place.rtnl;
        let made = inside
            .get_link(&name)
            .map_err(|error| inside.abandon(&name, NewLinkError::LookUp(error)))?;
        let rename = Request::rename(made.index, link.name);
        let (mut steps, mut links) = inside.run_and_get(&[rename], &[made.index.into()]);
        let step = steps.remove(0).map_err(NewLinkError::Name);
        step.and_then(|()| links.remove(0).map_err(NewLinkError::LookUp))
            .map_err(|error| inside.abandon(made.index, error))
    }

    /// Removes a link that was made in vain and returns why; that it stays matters less.
    fn abandon<'a>(&self, link: impl Into<LinkRef<'a>>, error: NewLinkError) -> NewLinkError {
        let _ = self.remove_link(link);
        error
    }
}

impl<'a> Request<'a> {
    /// Creates a link in `netns`, or in the socket's namespace.
    fn create_link(link: &NewLink<'_>, netns: Option<&'a Netns>) -> Self {
        let (kind, info, lower, operation) = link.kind.parts();
        let mut message =
            LinkMessageBuilder::<LinkUnspec>::new_with_info_kind(kind).name(link.name.as_str());
        if let Some(info) = info {
            message = message.set_info_data(info);
        }
        if let Some(lower) = lower {
            message = message.link(lower);
        }
        if let Some(mac) = link.mac {
            message = message.address(mac.as_bytes().to_vec());
        }
        if let Some(mtu) = link.mtu {
            message = message.mtu(mtu);
        }
        if let Some(netns) = netns {
            message = message.setns_by_fd(netns.as_fd().as_raw_fd());
        }
        let message = RouteNetlinkMessage::NewLink(message.build());
        Self::new(&message, CREATE_NEW, operation, LinkRef::from(link.name).to_string())
    }
}
