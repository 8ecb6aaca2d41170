//! ADD: the link on its master, born in the container, with its addresses.

use cni_core::{AddResult, Context, Request, Result, Undo, quote};
use cni_ipam::configure::{Announcement, Detection, Target};
use cni_ipam::lease::Lease;
use cni_ipam::link::ContainerLink;
use cni_ipam::master::MasterSide;
use cni_ipam::sole;
use linux_net::{IfName, Ipvlan, LinkKind, Netns, NewLink, Place, Rtnl};

use crate::conf::Conf;
use crate::plan::Plan;

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(request)?;
    let lease = plan.inherited.is_none().then(|| Lease::find(request)).transpose()?;
    let netns_path = &request.attachment.netns;
    let netns = Netns::open(netns_path)
        .context(|| format!("failed to open netns {}", quote(netns_path)))?;
    let rtnl = Rtnl::open(&netns)?;
    let ifname = IfName::try_from(request.attachment.ifname.as_str())?;

    let container = Place { netns: &netns, rtnl: &rtnl };
    let side = MasterSide::open(request.conf.link_in_container, container)?;
    let master = match &plan.master {
        Some(name) => {
            side.get(name).context(|| format!("failed to lookup master {}", quote(name)))?
        }
        None => side.get_default()?,
    };
    let link = side.create(&NewLink {
        name: &ifname,
        mac: None,
        mtu: plan.mtu,
        kind: LinkKind::Ipvlan(Ipvlan { lower: master.index, mode: plan.mode }),
    })?;
    undo.own(ContainerLink::new(netns_path, &link));

    let addressed = match lease {
        Some(lease) => lease.request(undo)?.obtain()?,
        None => plan.inherited.unwrap_or_default(),
    };
    let target = Target { netns: &netns, rtnl: &rtnl, index: link.index, ifname: ifname.as_str() };
    // The address may have been another container's, on another machine.
    let announcement = Announcement { detection: Detection::LeftOut, arp: true, ndisc: true };
    let listed = sole::listed(&link, netns_path);
    let mut result = sole::configure(&target, listed, addressed, &announcement)?;
    // Reference: the DNS settings of the IPAM plugin and of the previous result are dropped.
    result.dns = request.network.dns.to_dns();
    Ok(result)
}
