//! CHECK: bridge, veth pair, addresses and routes are as the previous result says.

use cni_core::spec::args;
use cni_core::{AddResult, Error, Interface, Request, Result};
use cni_ipam::container::Container;
use cni_ipam::lease::Lease;
use cni_ipam::verify;
use linux_net::{Link, Rtnl};

use crate::conf::Conf;
use crate::plan::Plan;

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let plan = Plan::new(request)?;
    args::parse_strictly(&request.cni_args, ["MAC"])?;
    let container = Container::open(&request.attachment)?;
    // Without addresses there is no lease to verify; the reference's CHECK always fails there.
    if let Some(lease) = Lease::find(request)? {
        lease.check()?;
    }
    let previous = request
        .network
        .prev_result()?
        .ok_or_else(|| Error::internal("Required prevResult missing"))?;
    let host = Rtnl::open_current()?;
    let ifname = request.attachment.ifname.as_str();
    let inside_name = |i: &&Interface| i.name == ifname && i.sandbox == container.path;
    let bridge = previous.interfaces.iter().rfind(|i| i.name == plan.bridge.as_str());
    let inside = previous.interfaces.iter().rfind(inside_name);

    let bridge = check_bridge(&host, bridge.unwrap_or(&Interface::default()), &plan)?;
    let sandbox = inside.map(|inside| inside.sandbox.as_str()).unwrap_or_default();
    if sandbox != container.path {
        return Err(Error::internal(format!(
            "Sandbox in prevResult {sandbox} doesn't match configured netns: {}",
            container.path
        )));
    }
    let inside = check_inside(&container.rtnl, inside.unwrap_or(&Interface::default()))?;
    check_port(&host, &previous, &bridge, &inside)?;
    verify::addresses(&container.rtnl, ifname, &previous)?;
    verify::routes(&container.rtnl, ifname, &previous)
}

fn find(rtnl: &Rtnl, listed: &Interface) -> Result<Link> {
    if listed.name.is_empty() {
        return Err(Error::internal("Interface name missing "));
    }
    rtnl.find_link(listed.name.as_str())?
        .ok_or_else(|| Error::internal(format!("Interface name {} not found", listed.name)))
}

fn find_on_host(host: &Rtnl, listed: &Interface) -> Result<Link> {
    let link = find(host, listed)?;
    if !listed.sandbox.is_empty() {
        return Err(Error::internal(format!("Interface {} should not be in sandbox", listed.name)));
    }
    Ok(link)
}

/// Whether a listed hardware address, when there is one, is the link's.
fn has_mac(link: &Link, listed: &Interface) -> bool {
    listed.mac.is_empty() || link.mac.is_some_and(|mac| mac.to_string() == listed.mac)
}

fn check_bridge(host: &Rtnl, listed: &Interface, plan: &Plan) -> Result<Link> {
    let bridge = find_on_host(host, listed)?;
    let name = &listed.name;
    if bridge.kind.as_deref() != Some("bridge") {
        return Err(Error::internal(format!("Interface {name} does not have link type of bridge")));
    }
    if !has_mac(&bridge, listed) {
        return Err(Error::internal(format!(
            "Bridge interface {name} Mac doesn't match: {}",
            listed.mac
        )));
    }
    // A packet capture makes any bridge promiscuous, so only its absence is a fault.
    if plan.promiscuous && bridge.promiscuity == 0 {
        return Err(Error::internal(format!(
            "Bridge interface {name} configured Promisc Mode true doesn't match current state: false "
        )));
    }
    Ok(bridge)
}

fn check_inside(container: &Rtnl, listed: &Interface) -> Result<Link> {
    let inside = find(container, listed)?;
    let name = &listed.name;
    if listed.sandbox.is_empty() {
        return Err(Error::internal(format!("Interface {name} is expected to be in a sandbox")));
    }
    if inside.kind.as_deref() != Some("veth") {
        return Err(Error::internal(format!("Error: Container interface {name} not of type veth")));
    }
    if inside.peer_index.is_none() {
        return Err(Error::internal(format!("Unable to obtain veth peer index for veth {name}")));
    }
    if !has_mac(&inside, listed) {
        return Err(Error::internal(format!(
            "Interface {name} Mac {} doesn't match container Mac: {}",
            listed.mac,
            inside.mac.map(|mac| mac.to_string()).unwrap_or_default()
        )));
    }
    Ok(inside)
}

/// Finds the veth that is the other end of the container's interface and a port of the bridge.
fn check_port(host: &Rtnl, previous: &AddResult, bridge: &Link, inside: &Link) -> Result<()> {
    let others = previous.interfaces.iter().filter(|listed| {
        listed.name != bridge.name && (listed.name != inside.name || listed.sandbox.is_empty())
    });
    for listed in others.filter(|listed| listed.sandbox.is_empty()) {
        let link = find_on_host(host, listed)?;
        let is_the_port = link.kind.as_deref() == Some("veth")
            && Some(link.index) == inside.peer_index
            && link.peer_index == Some(inside.index)
            && link.controller == Some(bridge.index);
        if is_the_port && has_mac(&link, listed) {
            return Ok(());
        }
        if is_the_port {
            return Err(Error::internal(format!(
                "Interface {} Mac doesn't match: {} not found",
                listed.name, listed.mac
            )));
        }
    }
    Err(Error::internal(format!("CNI veth created for bridge {} was not found", bridge.name)))
}
