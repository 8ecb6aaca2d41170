//! DEL: the device comes home while the addresses are given back.

use cni_core::{Cleanup, Context, Error, Request, Result, quote};
use cni_ipam::{container, lease};
use linux_net::{Link, Netns, Place, Rtnl};

use crate::conf::Conf;
use crate::device::{self, Source};
use crate::plan::Plan;
use crate::stranded;
use crate::sysfs::Sysfs;

pub(crate) fn del(request: &Request<Conf>, cleanup: &mut Cleanup) {
    let removal = lease::start_return(request, cleanup);
    let homecoming = bring_home(request);
    if let Some(removal) = removal {
        cleanup.record(removal.and_then(|removal| removal.finish()));
    }
    cleanup.record(homecoming);
}

fn bring_home(request: &Request<Conf>) -> Result<()> {
    // A configuration that is wrong now, or whose device has gone, may have been right before.
    let source = match Plan::new(&request.conf, &Sysfs::default()) {
        Ok(Plan { device: None }) => return Ok(()),
        Ok(Plan { device: source }) => source,
        Err(_) => None,
    };
    let (path, ifname) = (&request.attachment.netns, request.attachment.ifname.as_str());
    let host = Rtnl::open_current()?;
    let netns =
        container::find_netns(path).context(|| format!("failed to open netns {}", quote(path)))?;
    if let Some(netns) = netns {
        let rtnl = Rtnl::open(&netns)?;
        if let Some(inside) = rtnl.find_link(ifname)? {
            return bring_out(Place { netns: &netns, rtnl: &rtnl }, &inside, &host, source);
        }
    }
    match source {
        Some(source) => stranded::restore(&host, &source, ifname),
        None => Ok(()),
    }
}

fn bring_out(
    container: Place<'_>,
    inside: &Link,
    host: &Rtnl,
    source: Option<Source>,
) -> Result<()> {
    let Some(original) = device::original_name(inside) else {
        // Somebody else's interface when the device is at home: this ADD had failed.
        if source.is_some_and(|source| source.find(host).is_ok()) {
            return Ok(());
        }
        return Err(Error::internal(match inside.alias.as_deref() {
            None | Some("") => format!(
                "failed to find original ifname for {} (alias is not set)",
                quote(&inside.name)
            ),
            Some(alias) => format!(
                "failed to rename device {} to {}: invalid argument",
                quote(&inside.name),
                quote(alias)
            ),
        }));
    };
    let home = Netns::current()?;
    device::move_out(container, inside, Place { netns: &home, rtnl: host }, &original)
}
