//! ADD: the link, and what the IPAM plugin wants on it.

use cni_core::{AddResult, Context, Request, Result, Undo, quote};
use cni_ipam::configure::{Announcement, Detection, Target};
use cni_ipam::lease::Lease;
use cni_ipam::link::ContainerLink;
use cni_ipam::sole;
use linux_net::{IfName, LinkKind, Netns, NewLink, NewLinkError, Rtnl};

use crate::conf::{Conf, require_ipam};

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    require_ipam(request)?;
    let lease = Lease::find(request)?;
    let netns_path = &request.attachment.netns;
    let netns = Netns::open(netns_path)
        .context(|| format!("failed to open netns {}", quote(netns_path)))?;
    let rtnl = Rtnl::open(&netns)?;
    let ifname = IfName::try_from(request.attachment.ifname.as_str())?;

    let dummy = NewLink { name: &ifname, mac: None, mtu: None, kind: LinkKind::Dummy };
    let made = rtnl.create_link(&dummy);
    let step = match &made {
        Err(NewLinkError::LookUp(_)) => format!("failed to fetch dummy{}", quote(ifname.as_str())),
        _ => "failed to create dummy".to_owned(),
    };
    let link = made.context(|| step)?;
    undo.own(ContainerLink::new(netns_path, &link));

    let leased = lease.request(undo)?.obtain()?;
    let target = Target { netns: &netns, rtnl: &rtnl, index: link.index, ifname: ifname.as_str() };
    // There are no neighbours to ask or to tell.
    let announcement = Announcement { detection: Detection::LeftOut, arp: false, ndisc: false };
    sole::configure(&target, sole::listed(&link, netns_path), leased, &announcement)
}
