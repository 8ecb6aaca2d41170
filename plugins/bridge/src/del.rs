//! DEL: the link, the lease and the rules, none of which waits for another.

use std::net::IpAddr;

use cni_core::{Cleanup, Owned, Request, Result};
use cni_ipam::container::{self, Departure};
use cni_ipam::lease::Lease;
use linux_net::{Address, Family, Rtnl};

use crate::conf::Conf;
use crate::firewall::{MasqueradeRules, Sources, SpoofCheckRules};

pub(crate) fn del(request: &Request<Conf>, cleanup: &mut Cleanup) -> Result<()> {
    let container = match container::open_if_present(&request.attachment.netns) {
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
    let departure =
        container.map(|container| Departure::start(container, &request.attachment.ifname));
    let has_lease = !request.network.ipam.plugin_type.is_empty();
    let lease = has_lease.then(|| Lease::find(request).and_then(|lease| lease.start_removal()));
    if let Some(rules) = masquerade {
        cleanup.record(rules.remove());
    }
    if request.conf.macspoofchk {
        cleanup.record(SpoofCheckRules::of(&request.attachment).remove());
    }
    if let Some(lease) = lease {
        cleanup.record(lease.and_then(|running| running.finish()));
    }
    if let Some(departure) = departure {
        cleanup.record(departure.finish());
    }
    Ok(())
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
    let listed = |list: &dyn Fn(Family) -> linux_net::Result<Vec<Address>>| {
        let families = [Family::V4, Family::V6].into_iter();
        let addresses = families.filter_map(|family| list(family).ok()).flatten();
        addresses.map(|address| address.network.ip()).collect::<Vec<_>>()
    };
    match container.find_link(request.attachment.ifname.as_str()) {
        Ok(Some(link)) => {
            addresses.extend(listed(&|family| container.list_addresses(link.index, family)));
        }
        // The interface is gone, and only the others can tell which addresses were not its own.
        _ if addresses.is_empty() => {
            return Sources::AreNot(listed(&|family| container.list_all_addresses(family)));
        }
        _ => (),
    }
    Sources::Are(addresses)
}
