//! ADD: the veth pair, addresses, routes on both sides, rules.

use cni_core::{AddResult, Context, Request, Result, Undo, quote};
use cni_ipam::configure::{Announcement, Detection, Target, ensure_forwarding};
use cni_ipam::lease::Lease;
use cni_ipam::link::HostLink;
use cni_ipam::masquerade::MasqueradeRules;
use cni_ipam::sole::listed;
use cni_ipam::veth::{self, NewPair};
use linux_net::{IfName, Netns, Place, Rtnl};

use crate::conf::Conf;
use crate::neighbours::{self, Pairing};
use crate::plan::Plan;

/// Index of the container's interface in the result.
const CONTAINER: i64 = 1;

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(request)?;
    let lease = Lease::find(request)?;
    let netns_path = &request.attachment.netns;
    let netns = Netns::open(netns_path)
        .context(|| format!("failed to open netns {}", quote(netns_path)))?;
    let host = Rtnl::open_current()?;
    let container = Rtnl::open(&netns)?;
    let ifname = IfName::try_from(request.attachment.ifname.as_str())?;

    veth::ensure_free(&container, &ifname)?;
    // The IPAM plugin works while the pair is made.
    let requested = lease.request(undo)?;
    let pair = NewPair {
        port: None,
        mtu: plan.mtu,
        far_name: &ifname,
        far_mac: None,
        far: Place { netns: &netns, rtnl: &container },
    };
    let outside = pair.create(&host)?;
    undo.own(HostLink(outside.name.clone()));
    let inside = container
        .get_link(&ifname)
        .context(|| format!("failed to look up {}", quote(ifname.as_str())))?;

    let leased = requested.obtain()?;
    let pairings = Pairing::of(&leased)?;
    let mut result =
        AddResult { interfaces: vec![listed(&outside, ""), listed(&inside, netns_path)], ..leased };
    for ip in &mut result.ips {
        ip.interface = Some(CONTAINER);
    }
    ensure_forwarding(pairings.iter().map(Pairing::gateway))
        .context(|| "Could not enable IP forwarding")?;

    neighbours::listen_at_once(&outside, &pairings);
    let target =
        Target { netns: &netns, rtnl: &container, index: inside.index, ifname: ifname.as_str() };
    // IPv6 routes name their source, which has to be good at once.
    let announcement = Announcement { detection: Detection::LeftOut, arp: false, ndisc: false };
    let to_gateways = neighbours::gateway_routes(&pairings, inside.index);
    target.configure_behind(&to_gateways, &result, &announcement)?;
    neighbours::route_subnets(&container, inside.index, &pairings)?;
    neighbours::reach_container(&host, outside.index, &pairings)?;

    if let Some(backend) = plan.masquerade {
        MasqueradeRules::install(request, backend, &result, undo)?;
    }
    if request.network.dns.is_set() {
        result.dns = request.network.dns.to_dns();
    }
    Ok(result)
}
