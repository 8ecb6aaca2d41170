//! ADD: the bridge, the veth pair, addresses, gateways, rules.

use cni_core::{AddResult, Context, Error, Interface, Request, Result, Undo, quote};
use cni_ipam::configure::{Announcement, Target, ensure_forwarding};
use cni_ipam::container::Container;
use cni_ipam::lease::Lease;
use cni_ipam::link::HostLink;
use cni_ipam::masquerade::MasqueradeRules;
use cni_ipam::veth::{self, NewPair, Port};
use linux_net::{Link, LinkRef, Mac, PortFlags, Rtnl};

use crate::conf::Conf;
use crate::gateway::{self, GatewayDevice};
use crate::host_bridge;
use crate::plan::{Layer3, Plan};
use crate::port;
use crate::spoof_check::SpoofCheckRules;

/// Index of the container's interface in the result.
const CONTAINER: usize = 2;

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(request)?;
    let lease = Lease::find(request)?;
    let container = Container::open(&request.attachment)?;
    let host = Rtnl::open_current()?;
    let (rtnl, ifname) = (&container.rtnl, &container.ifname);

    let bridge = host_bridge::ensure(&host, &plan)?;
    veth::ensure_free(rtnl, ifname)?;
    // The IPAM plugin works while the pair is made, if it can.
    let requested = lease.map(|lease| lease.request_ahead(undo)).transpose()?;
    let flags = PortFlags { hairpin: plan.hairpin, isolated: plan.isolated };
    let pair = NewPair {
        port: Some(Port { bridge: bridge.index, flags }),
        mtu: plan.mtu,
        far_name: ifname,
        far_mac: plan.mac,
        far: container.place(),
    };
    let port = port::create(&host, &pair, &plan.vlans)?;
    undo.own(HostLink(port.name.clone()));
    let inside = rtnl.get_link(ifname)?;

    if plan.spoof_check {
        let rules = SpoofCheckRules::of(request);
        let mac = six_bytes(inside.mac)?;
        let check = rules.0.clone();
        undo.own(rules);
        check.install(&port.name, mac)?;
    }

    let mut result = AddResult {
        interfaces: vec![listed(&bridge), listed(&port), listed(&inside)],
        ..AddResult::default()
    };
    result.interfaces[CONTAINER].sandbox = container.path.to_owned();
    let target = container.target(&inside);
    match (&plan.layer3, requested) {
        (Some(layer3), Some(requested)) => {
            let leased = requested.obtain(undo)?;
            result.ips = leased.ips;
            result.routes = leased.routes;
            result.dns = leased.dns;
            let scene = Scene { request, plan: &plan, host: &host, bridge: &bridge, target };
            scene.add_layer3(layer3, &mut result, undo)?;
        }
        _ if !plan.leave_down => rtnl
            .apply(linux_net::Request::set_up(inside.index))
            .context(|| format!("failed to set {} up", quote(ifname.as_str())))?,
        _ => (),
    }
    // Both may have changed: the port comes up, and the bridge may follow its ports' addresses.
    let [port, bridge] = refreshed(&host, [&port, &bridge])?;
    if !plan.leave_down {
        port::wait_until_up(&host, &port)?;
    }
    result.interfaces[0] = listed(&bridge);
    if request.network.dns.is_set() {
        result.dns = request.network.dns.to_dns();
    }
    Ok(result)
}

/// The port is there, and the interface in the container waits for its addresses.
struct Scene<'a> {
    request: &'a Request<Conf>,
    plan: &'a Plan,
    host: &'a Rtnl,
    bridge: &'a Link,
    target: Target<'a>,
}

impl Scene<'_> {
    /// Does everything that addresses bring: gateways, routes, forwarding, masquerade.
    fn add_layer3(&self, layer3: &Layer3, result: &mut AddResult, undo: &mut Undo) -> Result<()> {
        for ip in &mut result.ips {
            ip.interface = i64::try_from(CONTAINER).ok();
        }
        let gateways = gateway::complete(result, layer3);
        self.target.configure(
            result,
            &Announcement { detection: layer3.detection, arp: true, ndisc: false },
        )?;
        if !gateways.is_empty() {
            let device = match self.plan.vlans.access {
                None => GatewayDevice::bridge(self.bridge.clone()),
                Some(vlan) => {
                    GatewayDevice::ensure_vlan(self.host, self.bridge, vlan, &self.plan.vlans)?
                }
            };
            device.ensure_addresses(self.host, &gateways, layer3.force_address)?;
            ensure_forwarding(gateways.iter().map(|gateway| gateway.ip()))
                .context(|| "failed to enable forwarding")?;
            result.interfaces.extend(device.listed);
        }
        if let Some(backend) = layer3.masquerade {
            MasqueradeRules::install(self.request, backend, result, undo)?;
        }
        Ok(())
    }
}

/// The links as they are now.
fn refreshed<const N: usize>(host: &Rtnl, links: [&Link; N]) -> Result<[Link; N]> {
    let now: linux_net::Result<Vec<Link>> =
        host.get_links(&links.map(LinkRef::from)).into_iter().collect();
    now?.try_into().map_err(|_| Error::internal("the kernel did not answer every lookup"))
}

/// A link as the result lists it.
fn listed(link: &Link) -> Interface {
    Interface {
        name: link.name.clone(),
        mac: link.mac.map(|mac| mac.to_string()).unwrap_or_default(),
        ..Interface::default()
    }
}

fn six_bytes(mac: Option<Mac>) -> Result<[u8; 6]> {
    mac.and_then(|mac| mac.as_bytes().try_into().ok())
        .ok_or_else(|| Error::internal("failed to setup spoof-check: the interface has no MAC"))
}
