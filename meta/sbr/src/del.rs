//! DEL: the rules go. The routes are the interface's and go with it.

use std::net::IpAddr;

use cni_core::{Cleanup, Context, Request, Result};
use cni_ipam::container;
use linux_net::{Family, Rtnl};

use crate::conf::Conf;
use crate::plan;
use crate::rules::{self, Rules};

pub(crate) fn del(request: &Request<Conf>, cleanup: &mut Cleanup) -> Result<()> {
    let Some(rtnl) = container::open_if_present(&request.attachment.netns)? else {
        return Ok(());
    };
    let given = request.conf.table.and_then(|table| u32::try_from(table).ok());
    let addresses = addresses(request, &rtnl)?;
    let has = |family: &Family| addresses.iter().any(|ip| ip.is_ipv6() == (*family == Family::V6));
    let families: Vec<_> = [Family::V4, Family::V6].into_iter().filter(has).collect();
    let rules = Rules::list(&rtnl, &families).context(|| match given {
        Some(table) => format!("failed to list rules of table {table} to tidy"),
        None => "Failed to list all rules to tidy".to_owned(),
    })?;
    for rule in addresses.iter().flat_map(|address| rules.of(*address, given)) {
        cleanup.record(rules::remove(&rtnl, rule));
    }
    Ok(())
}

/// The addresses the interface has, and, in case it has gone, those of the previous result.
fn addresses(request: &Request<Conf>, rtnl: &Rtnl) -> Result<Vec<IpAddr>> {
    let ifname = request.attachment.ifname.as_str();
    let previous = request.network.prev_result().ok().flatten().unwrap_or_default();
    let mut addresses: Vec<_> =
        plan::addresses(&previous, ifname).iter().map(|address| address.ip()).collect();
    let link = rtnl.find_link(ifname).context(|| format!("Failed to get link {ifname}"))?;
    for family in link.iter().flat_map(|_| [Family::V4, Family::V6]) {
        let index = link.as_ref().map_or(0, |link| link.index);
        let found = rtnl.list_addresses(index, family).context(|| "Failed to list all addrs")?;
        addresses.extend(found.iter().map(|address| address.network.ip()));
    }
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}
