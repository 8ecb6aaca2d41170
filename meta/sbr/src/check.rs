//! CHECK: every address has its rule, and its table the way out.

use cni_core::{Context, Error, Request, Result};
use linux_net::{Netns, Rtnl};

use crate::conf::Conf;
use crate::plan::{Plan, SourceAddress, Tables};
use crate::rules::Rules;

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let previous = request.network.prev_result()?;
    let plan = Plan::new(&request.conf, previous.as_ref(), &request.attachment.ifname)?;
    let rtnl = Rtnl::open(&Netns::open(&request.attachment.netns)?)?;
    let rules = Rules::list(&rtnl, &plan.families()).context(|| "Failed to list all rules")?;
    for address in &plan.addresses {
        check_address(&rtnl, &plan.tables, &rules, address)?;
    }
    Ok(())
}

fn check_address(
    rtnl: &Rtnl,
    tables: &Tables,
    rules: &Rules,
    address: &SourceAddress,
) -> Result<()> {
    let (ip, differs) = (address.ip(), |what: String| Err(Error::internal(what)));
    let (given, gateways) = match tables {
        Tables::Given(table) => (Some(*table), &[None; 2]),
        Tables::Own { gateways, .. } => (None, gateways),
    };
    let Some(rule) = rules.of(ip, given).next() else {
        return differs(format!("no rule leads packets from {ip} to a table"));
    };
    if given.is_some() || address.gateway.is_none() {
        return Ok(());
    }
    // One that the interface had before stands for that of the previous result.
    let wanted = gateways[usize::from(ip.is_ipv6())];
    let routes = rtnl.list_routes(address.family(), rule.table)?;
    let is_way_out = |route: &linux_net::Route| {
        route.destination.prefix() == 0 && wanted.is_none_or(|ip| route.gateway == Some(ip))
    };
    if !routes.iter().any(is_way_out) {
        return differs(format!("no default route in table {} for packets from {ip}", rule.table));
    }
    Ok(())
}
