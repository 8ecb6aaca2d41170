//! ADD: the link on its master, born in the container, and what the IPAM plugin wants on it.

use cni_core::{AddResult, Context, Request, Result, Undo, quote};
use cni_ipam::configure::{Announcement, Detection, Target};
use cni_ipam::lease::Lease;
use cni_ipam::link::ContainerLink;
use cni_ipam::master::{self, MasterSide};
use cni_ipam::sole;
use linux_net::{IfName, LinkKind, Netns, NewLink, Place, Rtnl, Vlan};

use crate::conf::Conf;
use crate::plan::Plan;

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(request)?;
    let has_ipam = !request.network.ipam.plugin_type.is_empty();
    let lease = has_ipam.then(|| Lease::find(request)).transpose()?;
    let netns_path = &request.attachment.netns;
    let netns = Netns::open(netns_path)
        .context(|| format!("failed to open netns {}", quote(netns_path)))?;
    let rtnl = Rtnl::open(&netns)?;
    let ifname = IfName::try_from(request.attachment.ifname.as_str())?;

    let container = Place { netns: &netns, rtnl: &rtnl };
    let side = MasterSide::open(request.conf.link_in_container, container)?;
    let master = side.get(&plan.master)?;
    let link = side.create(&NewLink {
        name: &ifname,
        mac: None,
        mtu: master::mtu(request.conf.mtu, &master)?,
        kind: LinkKind::Vlan(Vlan { lower: master.index, id: plan.id }),
    })?;
    undo.own(ContainerLink::new(netns_path, &link));

    let listed = sole::listed(&link, netns_path);
    let mut result = if let Some(lease) = lease {
        let leased = lease.request(undo)?.obtain()?;
        let target =
            Target { netns: &netns, rtnl: &rtnl, index: link.index, ifname: ifname.as_str() };
        // The address may have been that of a container on another machine.
        let announcement = Announcement { detection: Detection::LeftOut, arp: true, ndisc: true };
        sole::configure(&target, listed, leased, &announcement)?
    } else {
        rtnl.apply(linux_net::Request::set_up(link.index))
            .context(|| format!("failed to set {} UP", quote(ifname.as_str())))?;
        AddResult { interfaces: vec![listed], ..AddResult::default() }
    };
    // Reference: the IPAM plugin's DNS settings are dropped.
    result.dns = request.network.dns.to_dns();
    Ok(result)
}
