//! DEL: the link, the lease and the rules, none of which waits for another.

use std::net::IpAddr;

use cni_core::{Cleanup, Context, Owned, Request, Result, quote};
use cni_ipam::lease::Lease;
use linux_net::{Family, Netns, Rtnl};

use crate::conf::Conf;
use crate::firewall::{MasqueradeRules, Sources, SpoofCheckRules};

pub(crate) fn del(request: &Request<Conf>, cleanup: &mut Cleanup) -> Result<()> {
    let container = match open_container(&request.attachment.netns) {
        Ok(container) => container,
        Err(error) => {
            cleanup.record(Err(error));
            None
        }
    };
    let masquerade = request
        .conf
        .ip_masq
        .then(|| MasqueradeRules::of(request, sources(request, container.as_ref())));
    let ifname = request.attachment.ifname.clone();
    // The kernel takes some 15 ms to let go of a link, all of it waiting.
    let link = container.map(|container| {
        std::thread::spawn(move || match container.remove_link(ifname.as_str()) {
            Ok(_) => Ok(()),
            Err(error) => Err(error).context(|| format!("failed to delete {}", quote(&ifname))),
        })
    });
    if let Some(rules) = masquerade {
        cleanup.record(rules.remove());
    }
    if request.conf.macspoofchk {
        cleanup.record(SpoofCheckRules::of(&request.attachment).remove());
    }
    if !request.network.ipam.plugin_type.is_empty() {
        cleanup.record(Lease::find(request).and_then(|lease| lease.remove()));
    }
    if let Some(link) = link {
        cleanup.record(link.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
    }
    Ok(())
}

/// A socket in the container's namespace; none when there is no such namespace any more.
fn open_container(path: &str) -> Result<Option<Rtnl>> {
    if path.is_empty() {
        return Ok(None);
    }
    match Netns::open(path) {
        Ok(netns) => Ok(Some(Rtnl::open(&netns)?)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The addresses whose masquerade rules are this attachment's. The chain is shared by all
/// interfaces of the container in this network, so what the others have is kept.
fn sources(request: &Request<Conf>, container: Option<&Rtnl>) -> Sources {
    let previous = request.network.prev_result().ok().flatten().unwrap_or_default();
    let mut addresses: Vec<IpAddr> =
        previous.ips.iter().filter_map(|ip| Some(ip.address?.ip())).collect();
    let Some(container) = container else {
        return match addresses.is_empty() {
            true => Sources::AreNot(Vec::new()),
            false => Sources::Are(addresses),
        };
    };
    let of_link = |index: u32| {
        [Family::V4, Family::V6]
            .into_iter()
            .filter_map(|family| container.list_addresses(index, family).ok())
            .flatten()
            .map(|address| address.network.ip())
            .collect::<Vec<_>>()
    };
    match container.find_link(request.attachment.ifname.as_str()) {
        Ok(Some(link)) => addresses.extend(of_link(link.index)),
        // The interface is gone, and only the others can tell which addresses were not its own.
        _ if addresses.is_empty() => return Sources::AreNot(of_link(ALL_LINKS)),
        _ => (),
    }
    Sources::Are(addresses)
}

/// The index that stands for every link when addresses are listed.
const ALL_LINKS: u32 = 0;
