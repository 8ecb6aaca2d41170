//! ADD: rules, the tables they lead to, and then the main table.

use std::rc::Rc;
use std::time::Duration;

use cni_core::{AddResult, Context, Request, Result, Undo};
use linux_net::{Netns, Rtnl, Rule};

use crate::conf::Conf;
use crate::own_tables::OwnTables;
use crate::plan::{Plan, Tables};
use crate::rules::{NewRule, Rules};

/// How long another one may choose its tables in the same namespace.
const LOCK_LIMIT: Duration = Duration::from_secs(10);

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let previous = request.network.prev_result()?;
    let ifname = &request.attachment.ifname;
    let plan = Plan::new(&request.conf, previous.as_ref(), ifname)?;
    let netns = Netns::open(&request.attachment.netns)?;
    // Reference: the same lock, so that both can be at work in one namespace.
    let _lock = netns.lock(LOCK_LIMIT)?;
    let rtnl = Rc::new(Rtnl::open(&netns)?);
    let rules = Rules::list(&rtnl, &plan.families()).context(|| "Failed to list all rules")?;
    match &plan.tables {
        Tables::Given(table) => add_rules(&rtnl, &plan, &rules, *table, undo)?,
        Tables::Own { gateways, source_hints } => {
            let link = rtnl
                .get_link(ifname.as_str())
                .context(|| format!("Cannot find network interface {ifname}"))?;
            let own =
                OwnTables::find(&rtnl, link.index, &plan.addresses, &plan.families(), &rules)?;
            own.fill(gateways, undo)?;
            own.clear_main_table(*source_hints, undo)?;
        }
    }
    Ok(previous.unwrap_or_default())
}

fn add_rules(
    rtnl: &Rc<Rtnl>,
    plan: &Plan,
    rules: &Rules,
    table: u32,
    undo: &mut Undo,
) -> Result<()> {
    for address in &plan.addresses {
        if rules.of(address.ip(), Some(table)).next().is_none() {
            let rule = Rule::from_address(address.ip(), table);
            undo.own(NewRule { rtnl: Rc::clone(rtnl), rule: rule.clone() });
            rtnl.apply(linux_net::Request::create_rule(&rule)).context(|| "failed to add rule")?;
        }
    }
    Ok(())
}
