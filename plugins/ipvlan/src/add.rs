//! ADD: the link on its master, born in the container, with its addresses.

use cni_core::{AddResult, Context, Request, Result, Undo, quote};
use cni_ipam::configure::{Announcement, Detection};
use cni_ipam::container::Container;
use cni_ipam::lease::Lease;
use cni_ipam::link::ContainerLink;
use cni_ipam::master::MasterSide;
use cni_ipam::sole;
use linux_net::{Ipvlan, LinkKind, NewLink};

use crate::conf::Conf;
use crate::plan::Plan;

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(request)?;
    let lease = plan.inherited.is_none().then(|| Lease::get(request)).transpose()?;
    let container = Container::open(&request.attachment)?;

    let side = MasterSide::open(request.conf.link_in_container, container.place())?;
    let master = match &plan.master {
        Some(name) => {
            side.get(name).context(|| format!("failed to lookup master {}", quote(name)))?
        }
        None => side.get_default()?,
    };
    let link = side.create(&NewLink {
        name: &container.ifname,
        mac: None,
        mtu: plan.mtu,
        kind: LinkKind::Ipvlan(Ipvlan { lower: master.index, mode: plan.mode }),
    })?;
    undo.own(ContainerLink::new(container.path, &link));

    let addressed = match lease {
        Some(lease) => lease.request(undo)?.obtain()?,
        None => plan.inherited.unwrap_or_default(),
    };
    // The address may have been another container's, on another machine.
    let announcement = Announcement { detection: Detection::LeftOut, arp: true, ndisc: true };
    let mut result = sole::configure(&container, &link, addressed, &announcement)?;
    // Reference: the DNS settings of the IPAM plugin and of the previous result are dropped.
    result.dns = request.network.dns.to_dns();
    Ok(result)
}
