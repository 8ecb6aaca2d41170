//! ADD: the addresses first, then the device, which loses what it had on the host by the move.

use cni_core::{AddResult, Context, Error, Interface, Request, Result, Undo, quote};
use cni_ipam::configure::{Announcement, Detection, Target};
use cni_ipam::lease::Lease;
use cni_ipam::sole;
use linux_net::{IfName, Link, Netns, Place, Rtnl};

use crate::conf::Conf;
use crate::device::{self, Moved, Source};
use crate::plan::Plan;
use crate::sysfs::Sysfs;

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(&request.conf, &Sysfs::default())?;
    let has_lease = !request.network.ipam.plugin_type.is_empty();
    let lease = has_lease.then(|| Lease::find(request)).transpose()?;
    let path = &request.attachment.netns;
    let netns = Netns::open(path).context(|| format!("failed to open netns {}", quote(path)))?;
    let mut result = match &plan.device {
        Some(source) => add_device(request, source, &netns, lease, undo)?,
        None => report_device(request, lease, undo)?,
    };
    // Reference: the configuration's DNS settings replace the IPAM plugin's, but only with one.
    if has_lease {
        result.dns = request.network.dns.to_dns();
    }
    Ok(result)
}

fn add_device(
    request: &Request<Conf>,
    source: &Source,
    netns: &Netns,
    lease: Option<Lease>,
    undo: &mut Undo,
) -> Result<AddResult> {
    let ifname = IfName::try_from(request.attachment.ifname.as_str())?;
    let (home, host) = (Netns::current()?, Rtnl::open_current()?);
    let rtnl = Rtnl::open(netns)?;
    let device = source.find(&host).context(|| "failed to find host device")?;
    refuse_taken_name(&host, &device, &rtnl, &ifname)?;
    // Not while the device moves: without addresses for it, it had better stay, since it loses its
    // carrier, its addresses and its routes on the way.
    let leased = lease.map(|lease| lease.request(undo)?.obtain()).transpose()?;
    let (from, to) = (Place { netns: &home, rtnl: &host }, Place { netns, rtnl: &rtnl });
    let inside = device::move_in(from, &device, to, &ifname)?;
    let path = &request.attachment.netns;
    undo.own(Moved { netns: path.clone(), ifname: ifname.clone(), original: device });

    let interface = sole::listed(&inside, path);
    let Some(leased) = leased else {
        return Ok(AddResult { interfaces: vec![interface], ..AddResult::default() });
    };
    let target = Target { netns, rtnl: &rtnl, index: inside.index, ifname: ifname.as_str() };
    let announcement = Announcement { detection: Detection::LeftOut, arp: false, ndisc: false };
    sole::configure(&target, interface, leased, &announcement)
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
