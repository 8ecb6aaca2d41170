//! Two neighbours that know only each other: the container sends everything to its gateway, whose
//! address is the host's, and the host knows the container by its single addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;

use cni_core::spec::address::Cidr;
use cni_core::{AddResult, Context, Error, Result};
use ipnetwork::IpNetwork;
use linux_net::{AddressOptions, Link, Request, Route, Rtnl, sysctl};

/// Metric of the IPv6 routes that the kernel makes itself (`IP6_RT_PRIO_ADDRCONF`).
const KERNELS_METRIC: u32 = 256;

/// One address of the container, and the host's address that is its gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pairing {
    address: Cidr,
    gateway: IpAddr,
}

impl Pairing {
    /// The pairings of a result: every address needs a gateway of its own family.
    pub(crate) fn of(result: &AddResult) -> Result<Vec<Self>> {
        let addressed = result.ips.iter().filter_map(|ip| Some((ip.address?, ip.gateway)));
        addressed
            .map(|(address, gateway)| match gateway {
                Some(gateway) if gateway.is_ipv6() == address.ip().is_ipv6() => {
                    Ok(Self { address, gateway })
                }
                Some(gateway) => Err(Error::internal(format!(
                    "IPAM plugin returned gateway {gateway} of another family for {address}"
                ))),
                None => Err(Error::internal(format!(
                    "IPAM plugin returned no gateway for {address}, and ptp cannot do without"
                ))),
            })
            .collect()
    }

    /// The host's address.
    pub(crate) fn gateway(&self) -> IpAddr {
        self.gateway
    }

    /// The address itself, as the source of a route.
    fn source(self) -> IpAddr {
        self.address.ip()
    }

    fn subnet(self) -> IpNetwork {
        IpNetwork::new(self.address.network(), self.address.prefix())
            .expect("the prefix length is that of an address")
    }
}

/// Lets the host look for the container as soon as others send it something, which it does under its
/// link-local address. The detection of that one would take a second or two, so it is left out; to
/// be called before the pair has a carrier.
pub(crate) fn listen_at_once(end: &Link, pairings: &[Pairing]) {
    if pairings.iter().any(|pairing| pairing.gateway.is_ipv6()) {
        // A kernel that cannot is only slower.
        drop(sysctl::write(&format!("net/ipv6/conf/{}/accept_dad", end.name), "0"));
    }
}

/// The routes to the gateways, from the container's interface.
pub(crate) fn gateway_routes(pairings: &[Pairing], index: u32) -> Vec<Route> {
    let mut known = BTreeSet::new();
    let new = pairings.iter().filter(|pairing| known.insert(pairing.gateway));
    new.map(|pairing| Route {
        scope: Some(Route::SCOPE_LINK),
        source: Some(pairing.source()),
        ..Route::new(pairing.gateway.into(), index)
    })
    .collect()
}

/// Makes the container send to its own subnets, too, through the gateways.
///
/// The kernel's routes to the subnets go only now, since routes of the result may be through an
/// address in them.
///
/// # Errors
///
/// The reference's texts.
pub(crate) fn route_subnets(container: &Rtnl, index: u32, pairings: &[Pairing]) -> Result<()> {
    let changes: Vec<_> = pairings
        .iter()
        .map(|pairing| (direct_route(*pairing, index), routed_subnet(*pairing, index)))
        .collect();
    let both = |(direct, routed): &(Route, Route)| {
        [Request::remove_route(direct), Request::create_route(routed)]
    };
    let mut outcomes =
        container.run(&changes.iter().flat_map(both).collect::<Vec<_>>()).into_iter();
    for (direct, routed) in &changes {
        match outcomes.next().unwrap_or(Ok(())) {
            // The kernel makes none for a single IPv4 address, nor for a second one in a subnet.
            Err(error) if error.is_missing() => (),
            outcome => {
                outcome.context(|| format!("failed to delete route {}", dump(direct, index)))?;
            }
        }
        match outcomes.next().unwrap_or(Ok(())) {
            // A route to the subnet that the IPAM plugin or another address brought stays.
            Err(error) if error.is_present() => (),
            outcome => {
                outcome.context(|| format!("failed to add route {}", dump(routed, index)))?;
            }
        }
    }
    Ok(())
}

/// The route to the subnet that the kernel made for the address, and no other.
fn direct_route(pairing: Pairing, index: u32) -> Route {
    let route = Route::new(pairing.subnet(), index);
    match pairing.gateway {
        IpAddr::V4(_) => {
            Route { scope: Some(Route::SCOPE_LINK), source: Some(pairing.source()), ..route }
        }
        IpAddr::V6(_) => Route { priority: Some(KERNELS_METRIC), ..route },
    }
}

/// The route to the subnet through the gateway.
fn routed_subnet(pairing: Pairing, index: u32) -> Route {
    Route {
        gateway: Some(pairing.gateway),
        source: Some(pairing.source()),
        ..Route::new(pairing.subnet(), index)
    }
}

/// Gives the host's end the gateways' addresses, and the host the routes to the container.
///
/// # Errors
///
/// The reference's texts.
pub(crate) fn reach_container(host: &Rtnl, index: u32, pairings: &[Pairing]) -> Result<()> {
    // The container asks for the gateway at once, seconds before its detection would end.
    let options = AddressOptions { without_detection: true, ..AddressOptions::default() };
    let gateways: BTreeSet<IpAddr> = pairings.iter().map(|pairing| pairing.gateway).collect();
    let add_address =
        |gateway: &IpAddr| Request::add_address_with(index, IpNetwork::from(*gateway), options);
    let add_route = |pairing: &Pairing| {
        Request::create_route(&Route {
            scope: Some(Route::SCOPE_HOST),
            ..Route::new(pairing.source().into(), index)
        })
    };
    let addresses = gateways.iter().map(add_address);
    let requests: Vec<_> = addresses.chain(pairings.iter().map(add_route)).collect();
    let mut outcomes = host.run(&requests).into_iter();
    for (gateway, outcome) in gateways.iter().zip(outcomes.by_ref()) {
        let network = IpNetwork::from(*gateway);
        outcome.context(|| format!("failed to add IP addr ({network}) to veth"))?;
    }
    for outcome in outcomes {
        match outcome {
            // Somebody else, such as a routing daemon, may be in charge of it.
            Err(error) if error.is_present() => (),
            outcome => outcome.context(|| "failed to add route on host")?,
        }
    }
    Ok(())
}

/// A route as the reference's messages print it.
fn dump(route: &Route, index: u32) -> String {
    let shown = |ip: Option<IpAddr>| ip.map_or_else(|| "<nil>".to_owned(), |ip| ip.to_string());
    format!(
        "{{Ifindex: {index} Dst: {} Src: {} Gw: {} Flags: [] Table: 0 Realm: 0}}",
        route.destination,
        shown(route.source),
        shown(route.gateway)
    )
}
