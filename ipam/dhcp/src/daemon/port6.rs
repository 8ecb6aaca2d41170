//! The IPv6 of an interface: how it is made ready, what it has, and how servers are reached.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddrV6, UdpSocket};

use cni_core::spec::error::io_cause;
use cni_core::{Context, Error, Result, quote};
use ipnetwork::{IpNetwork, Ipv6Network};
use linux_net::{
    Address, AddressOptions, Family, Ipv6Watch, Lifetime, Request, Route, RouterFlags, Rtnl,
    solicit_routers, sysctl,
};

use super::clock::now;
use super::port::Port;
use crate::client::v6::{Lease, Message, Mode};

/// Where clients are reached, and servers.
const CLIENT_PORT: u16 = 546;
const SERVER_PORT: u16 = 547;

/// All servers and relays of a link.
const SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// What an interface has and has heard.
#[derive(Debug)]
pub(super) struct View {
    /// Its own address on the link, once it may be used.
    pub(super) link_local: Option<Ipv6Addr>,
    /// Addresses that last for a time only and may be used, with the lengths of their prefixes.
    pub(super) dynamic: Vec<(Ipv6Addr, u8)>,
    /// Addresses that may not be used yet.
    pub(super) tentative: Vec<Ipv6Addr>,
    pub(super) flags: RouterFlags,
    /// The router of the default route.
    pub(super) router: Option<Ipv6Addr>,
}

impl Port {
    /// Makes the interface ready for IPv6, before it is up: advertisements are listened to also
    /// where packets are forwarded, and no address waits for its duplicate unless that is wanted,
    /// which takes a second or two.
    ///
    /// # Errors
    ///
    /// When the kernel has no IPv6, or `/proc/sys` may not be written.
    pub(super) fn prepare_ipv6(&self, mode: Mode, detects: bool) -> Result<()> {
        let ifname = self.link().name.as_str();
        let autonomous = if mode == Mode::Dhcp { "0" } else { "1" };
        let settings = [
            ("accept_dad", if detects { "1" } else { "0" }),
            ("accept_ra", "2"),
            ("autoconf", autonomous),
            ("disable_ipv6", "0"),
        ];
        let settings =
            settings.map(|(name, value)| (format!("net/ipv6/conf/{ifname}/{name}"), value));
        let written = sysctl::write_in(self.netns(), &settings)?;
        let written: linux_net::Result<Vec<()>> = written.into_iter().collect();
        written.map(drop).context(|| format!("failed to prepare {} for IPv6", quote(ifname)))
    }

    /// Begins to listen for what happens to the interface's IPv6.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(super) fn watch_ipv6(&self) -> Result<Ipv6Watch> {
        Ok(Ipv6Watch::open(self.netns(), self.link().index)?)
    }

    /// Asks the routers of the link to speak.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(super) fn solicit_routers(&self) -> Result<()> {
        Ok(solicit_routers(self.netns(), self.link().index)?)
    }

    /// Looks at the interface.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(super) fn view_ipv6(&self) -> Result<View> {
        let (rtnl, index) = (Rtnl::open(self.netns())?, self.link().index);
        let addresses = rtnl.list_addresses(index, Family::V6)?;
        let usable = addresses.iter().filter(|a| !a.is_tentative() && !a.is_duplicate());
        let usable: Vec<(&Address, Ipv6Network)> = usable.filter_map(typed).collect();
        let tentative = addresses.iter().filter(|a| a.is_tentative() && !a.is_duplicate());
        let tentative = tentative.filter_map(typed);
        let link_local = usable.iter().find(|(_, network)| network.ip().is_unicast_link_local());
        let is_dynamic = |(address, network): &&(&Address, Ipv6Network)| {
            let is_of_link = network.ip().is_unicast_link_local();
            address.is_dynamic() && !address.is_temporary() && !is_of_link
        };
        let dynamic = usable.iter().filter(is_dynamic);
        Ok(View {
            link_local: link_local.map(|(_, network)| network.ip()),
            dynamic: dynamic.map(|(_, network)| (network.ip(), network.prefix())).collect(),
            tentative: tentative.map(|(_, network)| network.ip()).collect(),
            flags: rtnl.router_flags(index)?,
            router: find_router(&rtnl, index)?,
        })
    }

    /// Opens a socket that receives what servers send to this interface.
    ///
    /// # Errors
    ///
    /// When the interface has no address on the link, or the kernel refuses.
    pub(super) fn listen_ipv6(&self) -> Result<UdpSocket> {
        let name = || quote(&self.link().name);
        let own = self.view_ipv6()?.link_local;
        let own = own
            .ok_or_else(|| Error::internal(format!("{} has no link-local IPv6 address", name())))?;
        let address = SocketAddrV6::new(own, CLIENT_PORT, 0, self.link().index);
        let open = || {
            let socket = UdpSocket::bind(address)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        self.netns().run(open)?.map_err(|error: io::Error| {
            let cause = io_cause(&error);
            Error::internal(format!("failed to listen to DHCPv6 servers on {}: {cause}", name()))
        })
    }

    /// Sends a message to all servers.
    ///
    /// # Errors
    ///
    /// What the kernel refused, such as a link that is down.
    pub(super) fn send_ipv6(&self, socket: &UdpSocket, message: &Message) -> Result<()> {
        fault_point::effect("send a message to a DHCPv6 server")?;
        let bytes = message.encode().unwrap_or_default();
        let servers = SocketAddrV6::new(SERVERS, SERVER_PORT, 0, self.link().index);
        socket.send_to(&bytes, servers).map(drop).map_err(|error| {
            let (name, cause) = (quote(&self.link().name), io_cause(&error));
            Error::internal(format!("failed to send to DHCPv6 servers on {name}: {cause}"))
        })
    }

    /// Has the interface show a lease, for as long as it lasts. A new address is looked for on the
    /// link first when that is wanted.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(super) fn show_ipv6(&self, lease: &Lease, detects: bool) -> Result<()> {
        let now = now();
        let options = AddressOptions {
            without_detection: !detects,
            lifetime: Some(Lifetime {
                preferred: lease.deprecated_at.saturating_sub(now),
                valid: lease.expires_at.saturating_sub(now),
            }),
            ..AddressOptions::default()
        };
        let request = Request::replace_address(self.link().index, host(lease.address), options);
        Ok(Rtnl::open(self.netns())?.apply(request)?)
    }

    /// Takes an address of a server from the interface; it may be gone already.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(super) fn hide_ipv6(&self, address: Ipv6Addr) -> Result<()> {
        let request = Request::remove_address(self.link().index, host(address));
        match Rtnl::open(self.netns())?.apply(request) {
            Err(error) if !error.is_missing() => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn typed(address: &Address) -> Option<(&Address, Ipv6Network)> {
    match address.network {
        IpNetwork::V6(network) => Some((address, network)),
        IpNetwork::V4(_) => None,
    }
}

fn host(address: Ipv6Addr) -> IpNetwork {
    IpNetwork::V6(Ipv6Network::from(address))
}

fn find_router(rtnl: &Rtnl, index: u32) -> Result<Option<Ipv6Addr>> {
    let routes = rtnl.list_routes(Family::V6, Route::MAIN_TABLE)?;
    let default = |route: &&Route| route.destination.prefix() == 0 && route.oif == Some(index);
    Ok(routes.iter().filter(default).find_map(|route| match route.gateway {
        Some(IpAddr::V6(router)) => Some(router),
        _ => None,
    }))
}
