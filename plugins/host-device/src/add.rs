//! ADD: the addresses first, then the device, which loses what it had on the host by the move.

use cni_core::{AddResult, Context, Error, Interface, Request, Result, Undo, quote};
use cni_ipam::configure::{Announcement, Detection};
use cni_ipam::container::Container;
use cni_ipam::lease::Lease;
use cni_ipam::sole;
use linux_net::{IfName, Link, Netns, Place, Rtnl};

use crate::conf::Conf;
use crate::device::{self, Moved, Source};
use crate::plan::Plan;
use crate::sysfs::Sysfs;

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(&request.conf, &Sysfs::default())?;
    let lease = Lease::find(request)?;
    let has_lease = lease.is_some();
    let container = Container::open(&request.attachment)?;
    let mut result = match &plan.device {
        Some(source) => add_device(source, &container, lease, undo)?,
        None => report_device(request, lease, undo)?,
    };
    // Reference: the configuration's DNS settings replace the IPAM plugin's, but only with one.
    if has_lease {
        result.dns = request.network.dns.to_dns();
    }
    Ok(result)
}

fn add_device(
    source: &Source,
    container: &Container<'_>,
    lease: Option<Lease>,
    undo: &mut Undo,
) -> Result<AddResult> {
    let (home, host) = (Netns::current()?, Rtnl::open_current()?);
    let ifname = &container.ifname;
    let device = source.find(&host).context(|| "failed to find host device")?;
    refuse_taken_name(&host, &device, &container.rtnl, ifname)?;
    // Not while the device moves: without addresses for it, it had better stay, since it loses its
    // carrier, its addresses and its routes on the way. It moves first for an IPAM plugin that may
    // need it there.
    let lease = lease.map(|lease| lease.request_ahead(undo)?.awaited()).transpose()?;
    let from = Place { netns: &home, rtnl: &host };
    let inside = device::move_in(from, &device, container.place(), ifname)?;
    let netns = container.path.to_owned();
    undo.own(Moved { netns, ifname: ifname.clone(), original: device });

    let Some(lease) = lease else {
        let interfaces = vec![sole::listed(&inside, container.path)];
        return Ok(AddResult { interfaces, ..AddResult::default() });
    };
    let announcement = Announcement { detection: Detection::LeftOut, arp: false, ndisc: false };
    sole::configure(container, &inside, lease.obtain(undo)?, &announcement)
}

/// Refuses what the kernel would refuse only after the device has left the host.
fn refuse_taken_name(host: &Rtnl, device: &Link, container: &Rtnl, ifname: &IfName) -> Result<()> {
    if container.find_link(ifname)?.is_some() {
        return Err(Error::internal(device::taken(device, ifname)));
    }
    let is_own = |link: &Link| link.index == device.index && link.name != ifname.as_str();
    // No device may have one of its own alternative names.
    if host.find_link(ifname)?.as_ref().is_some_and(is_own) {
        return Err(Error::internal(format!(
            "failed to move link failed to rename host device {} to {}: file exists",
            quote(&device.name),
            quote(ifname.as_str())
        )));
    }
    Ok(())
}

/// DPDK: a program in the container drives the device and configures its addresses.
fn report_device(
    request: &Request<Conf>,
    lease: Option<Lease>,
    undo: &mut Undo,
) -> Result<AddResult> {
    let leased = lease.map(|lease| lease.request(undo)?.obtain()).transpose()?;
    let mut result = leased.unwrap_or_default();
    result.interfaces = vec![Interface {
        name: request.attachment.ifname.clone(),
        sandbox: request.attachment.netns.clone(),
        ..Interface::default()
    }];
    for ip in &mut result.ips {
        ip.interface = Some(0);
    }
    Ok(result)
}
