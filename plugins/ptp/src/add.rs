//! ADD: the veth pair, addresses, routes on both sides, rules.

use cni_core::{AddResult, Context, Request, Result, Undo, quote};
use cni_ipam::configure::{Announcement, Detection, ensure_forwarding};
use cni_ipam::container::Container;
use cni_ipam::lease::Lease;
use cni_ipam::link::HostLink;
use cni_ipam::masquerade::MasqueradeRules;
use cni_ipam::sole::listed;
use cni_ipam::veth::{self, NewPair};
use linux_net::Rtnl;

use crate::conf::Conf;
use crate::neighbours::{self, Pairing};
use crate::plan::Plan;

/// Index of the container's interface in the result.
const CONTAINER: i64 = 1;

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(request)?;
    let lease = Lease::get(request)?;
    let container = Container::open(&request.attachment)?;
    let host = Rtnl::open_current()?;
    let (rtnl, ifname) = (&container.rtnl, &container.ifname);

    veth::ensure_free(rtnl, ifname)?;
    // The IPAM plugin works while the pair is made, if it can.
    let requested = lease.request_ahead(undo)?;
    let pair = NewPair {
        port: None,
        mtu: plan.mtu,
        far_name: ifname,
        far_mac: None,
        far: container.place(),
    };
    let outside = pair.create(&host)?;
    undo.own(HostLink(outside.name.clone()));
    let inside = rtnl
        .get_link(ifname)
        .context(|| format!("failed to look up {}", quote(ifname.as_str())))?;

    let leased = requested.obtain(undo)?;
    let pairings = Pairing::of(&leased)?;
    let mut result = AddResult {
        interfaces: vec![listed(&outside, ""), listed(&inside, container.path)],
        ..leased
    };
    for ip in &mut result.ips {
        ip.interface = Some(CONTAINER);
    }
    ensure_forwarding(pairings.iter().map(Pairing::gateway))
        .context(|| "Could not enable IP forwarding")?;

    neighbours::listen_at_once(&outside, &pairings);
    // IPv6 routes name their source, which has to be good at once.
    let announcement = Announcement { detection: Detection::LeftOut, arp: false, ndisc: false };
    let to_gateways = neighbours::gateway_routes(&pairings, inside.index);
    container.target(&inside).configure_behind(&to_gateways, &result, &announcement)?;
    neighbours::route_subnets(rtnl, inside.index, &pairings)?;
    neighbours::reach_container(&host, outside.index, &pairings)?;

    if let Some(backend) = plan.masquerade {
        MasqueradeRules::install(request, backend, &result, undo)?;
    }
    if request.network.dns.is_set() {
        result.dns = request.network.dns.to_dns();
    }
    Ok(result)
}
