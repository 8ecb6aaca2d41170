//! ADD: the link on its master, born in the container, and what the IPAM plugin wants on it.

use cni_core::{AddResult, Request, Result, Undo};
use cni_ipam::configure::{Announcement, Detection};
use cni_ipam::container::Container;
use cni_ipam::lease::Lease;
use cni_ipam::link::ContainerLink;
use cni_ipam::master::{self, MasterSide};
use cni_ipam::sole;
use linux_net::{LinkKind, NewLink, Vlan};

use crate::conf::Conf;
use crate::plan::Plan;

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(request)?;
    let lease = Lease::find(request)?;
    let container = Container::open(&request.attachment)?;

    let side = MasterSide::open(request.conf.link_in_container, container.place())?;
    let master = side.get(&plan.master)?;
    let link = side.create(&NewLink {
        name: &container.ifname,
        mac: None,
        mtu: master::mtu(request.conf.mtu, &master)?,
        kind: LinkKind::Vlan(Vlan { lower: master.index, id: plan.id }),
    })?;
    undo.own(ContainerLink::new(container.path, &link));

    let leased = lease.map(|lease| lease.request(undo)?.obtain()).transpose()?;
    // The address may have been that of a container on another machine.
    let announcement = Announcement { detection: Detection::LeftOut, arp: true, ndisc: true };
    let mut result = sole::configure_or_set_up(&container, &link, leased, &announcement)?;
    // Reference: the IPAM plugin's DNS settings are dropped.
    result.dns = request.network.dns.to_dns();
    Ok(result)
}
