//! ADD: the device, and what the IPAM plugin wants on it.

use cni_core::{AddResult, Request, Result, Undo};
use cni_ipam::configure::{Announcement, Detection};
use cni_ipam::container::Container;
use cni_ipam::lease::Lease;
use cni_ipam::link::ContainerLink;
use cni_ipam::sole;

use crate::conf::Conf;
use crate::device;
use crate::plan::Plan;

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(request)?;
    let lease = Lease::find(request)?;
    let container = Container::open(&request.attachment)?;

    let link = device::create(&plan, &container)?;
    undo.own(ContainerLink::new(container.path, &link));

    let leased = lease.map(|lease| lease.request(undo)?.obtain()).transpose()?;
    let announcement = Announcement { detection: Detection::LeftOut, arp: true, ndisc: false };
    let mut result = sole::configure_or_set_up(&container, &link, leased, &announcement)?;
    // Reference: the IPAM plugin's DNS settings are dropped.
    result.dns = request.network.dns.to_dns();
    Ok(result)
}
