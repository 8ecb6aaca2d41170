//! ADD: the device, and what the IPAM plugin wants on it.

use cni_core::{AddResult, Context, Request, Result, Undo, quote};
use cni_ipam::configure::{Announcement, Detection, Target};
use cni_ipam::lease::Lease;
use cni_ipam::link::ContainerLink;
use cni_ipam::sole;
use linux_net::{IfName, Netns, Place, Rtnl};

use crate::conf::Conf;
use crate::device;
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

    // With addresses it comes up after them.
    let link = device::create(&plan, &ifname, Place { netns: &netns, rtnl: &rtnl }, !has_ipam)?;
    undo.own(ContainerLink::new(netns_path, &link));

    let listed = sole::listed(&link, netns_path);
    let mut result = if let Some(lease) = lease {
        let leased = lease.request(undo)?.obtain()?;
        let target =
            Target { netns: &netns, rtnl: &rtnl, index: link.index, ifname: ifname.as_str() };
        let announcement = Announcement { detection: Detection::LeftOut, arp: true, ndisc: false };
        sole::configure(&target, listed, leased, &announcement)?
    } else {
        AddResult { interfaces: vec![listed], ..AddResult::default() }
    };
    // Reference: the IPAM plugin's DNS settings are dropped.
    result.dns = request.network.dns.to_dns();
    Ok(result)
}
