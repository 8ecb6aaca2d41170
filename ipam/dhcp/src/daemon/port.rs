//! The interface that a client works on, in its namespace.

use std::net::Ipv4Addr;

use cni_core::{AddResult, Context, Result, quote};
use ipnetwork::IpNetwork;
use linux_net::{IfName, Link, Netns, PacketFilter, PacketSocket, Request, Route, Rtnl};

use super::clock::now;
use crate::client::{CHADDR_OFFSET, Destination, Hardware, Message, arp, frame};

/// All on the link.
const EVERYONE: [u8; 6] = [0xff; 6];

/// An interface of a container. The namespace exists for as long as this value does, so that a
/// lease can still be given back when everybody else has left it.
#[derive(Debug)]
pub(crate) struct Port {
    netns: Netns,
    link: Link,
}

impl Port {
    /// Opens the namespace and finds the interface.
    ///
    /// # Errors
    ///
    /// When either is missing.
    pub(crate) fn open(netns: &str, ifname: &str) -> Result<Self> {
        let netns = Netns::open(netns)?;
        let link = find(&netns, ifname)?;
        Ok(Self { netns, link })
    }

    /// The interface, as it was when it was last looked at.
    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// The namespace.
    pub(crate) fn netns(&self) -> &Netns {
        &self.netns
    }

    /// The hardware address that the client shows.
    pub(crate) fn hardware(&self) -> Hardware {
        Hardware(self.link.mac)
    }

    /// Whether answers cannot be sent to the interface alone: it has no hardware address of its
    /// own, so that packets reach it by an IP address which it does not have yet.
    pub(crate) fn needs_broadcast(&self) -> bool {
        self.hardware().bytes().is_empty() || self.link.kind.as_deref() == Some("ipvlan")
    }

    /// Whether ARP tells who else has an address. Answers to an ipvlan without an address go to its
    /// parent, and other links do without.
    pub(crate) fn hears_of_neighbours(&self) -> bool {
        self.link.has_arp() && !self.needs_broadcast()
    }

    /// Looks at the interface again; tells whether it is still there, and not another one of its
    /// name.
    ///
    /// # Errors
    ///
    /// What the kernel refused, absence apart.
    pub(crate) fn refresh(&mut self) -> Result<bool> {
        let found = Rtnl::open(&self.netns)?.find_link(self.link.name.as_str())?;
        let same = found.filter(|link| link.index == self.link.index);
        let is_there = same.is_some();
        self.link = same.unwrap_or_else(|| self.link.clone());
        Ok(is_there)
    }

    /// Sets the interface up; tells whether it was down.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(crate) fn ensure_up(&self) -> Result<bool> {
        let was_down = !self.link.is_up();
        if was_down {
            Rtnl::open(&self.netns)?.apply(Request::set_up(self.link.index))?;
        }
        Ok(was_down)
    }

    /// Sets the interface down.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(crate) fn set_down(&self) -> Result<()> {
        Ok(Rtnl::open(&self.netns)?.apply(Request::set_down(self.link.index))?)
    }

    /// Opens a socket that receives what servers send to this interface.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(crate) fn listen(&self) -> Result<PacketSocket> {
        let words = match *self.hardware().bytes() {
            [a, b, c, d, e, f] => vec![
                (CHADDR_OFFSET, u32::from_be_bytes([a, b, c, d])),
                (CHADDR_OFFSET + 2, u32::from_be_bytes([c, d, e, f])),
            ],
            _ => Vec::new(),
        };
        let filter = PacketFilter::Udp { port: frame::PORT, words };
        Ok(PacketSocket::open(&self.netns, &self.link, &filter)?)
    }

    /// Opens a socket that receives what tells who has an address.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(crate) fn watch(&self, address: Ipv4Addr) -> Result<PacketSocket> {
        let filter = PacketFilter::Arp { address };
        Ok(PacketSocket::open(&self.netns, &self.link, &filter)?)
    }

    /// Asks on the link who has an address.
    ///
    /// # Errors
    ///
    /// What the kernel refused, such as a link that is down.
    pub(crate) fn probe(&self, socket: &PacketSocket, address: Ipv4Addr) -> Result<()> {
        let probe = arp::probe(self.hardware().bytes(), address);
        Ok(socket.send(&probe, Some(EVERYONE.into()))?)
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// What the kernel refused, such as a link that is down.
    pub(crate) fn send(
        &self,
        socket: &PacketSocket,
        message: &Message,
        to: Destination,
    ) -> Result<()> {
        fault_point::effect("send a message to a DHCP server")?;
        let packet = frame::wrap(to.source, to.target, &message.encode());
        // Without addresses there is nobody to choose from.
        let is_addressed = !self.hardware().bytes().is_empty();
        Ok(socket.send(&packet, is_addressed.then(|| to.mac.unwrap_or(EVERYONE.into())))?)
    }

    /// Puts another lease in the place of the one the interface shows.
    ///
    /// The old one goes first: with an address the kernel removes the later ones of its subnet, and
    /// the routes that lead through it.
    ///
    /// # Errors
    ///
    /// What the kernel refused, the absence of what was to be removed apart.
    pub(crate) fn replace(&self, old: &AddResult, new: &AddResult) -> Result<()> {
        let rtnl = Rtnl::open(&self.netns)?;
        let index = self.link.index;
        let networks = |result: &AddResult| -> Vec<IpNetwork> {
            result.ips.iter().filter_map(|ip| ip.address).map(|address| address.0).collect()
        };
        let routes = |result: &AddResult| -> Vec<Route> {
            result.routes.iter().filter_map(|route| typed(route, index)).collect()
        };
        let remove_route = |route: &Route| Request::remove_route(route);
        let remove_address = |network: &IpNetwork| Request::remove_address(index, *network);
        let add_address = |network: &IpNetwork| Request::add_address(index, *network);
        let requests: Vec<Request<'_>> = (routes(old).iter().map(remove_route))
            .chain(networks(old).iter().map(remove_address))
            .chain(networks(new).iter().map(add_address))
            .chain(routes(new).iter().map(Request::replace_route))
            .collect();
        let outcomes = rtnl.run(&requests);
        let failed = outcomes.into_iter().filter_map(std::result::Result::err);
        match failed.into_iter().find(|error| !error.is_missing() && !error.is_present()) {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}

fn find(netns: &Netns, ifname: &str) -> Result<Link> {
    let looking_up = || format!("error looking up {}", quote(ifname));
    let name = IfName::try_from(ifname).context(looking_up)?;
    Rtnl::open(netns)?.get_link(&name).context(looking_up)
}

/// A route of the result for the kernel.
fn typed(route: &cni_core::Route, index: u32) -> Option<Route> {
    let mut typed = Route::new(route.dst?.0, index);
    typed.gateway = route.gw.filter(|gateway| !gateway.is_unspecified());
    typed.priority = u32::try_from(route.priority).ok().filter(|metric| *metric != 0);
    typed.scope = route.scope.and_then(|scope| u8::try_from(scope).ok());
    Some(typed)
}

/// A random number; should the kernel have none, the clock's has to do.
pub(crate) fn random() -> u64 {
    linux_net::random_number().unwrap_or_else(|_| u64::from(now().subsec_nanos()))
}
