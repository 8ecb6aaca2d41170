//! CHECK: the interface is a macvlan of the configured mode on its master, as the result says.

use cni_core::{Error, Interface, Request, Result};
use cni_ipam::container::Container;
use cni_ipam::master::{self, MasterSide};
use cni_ipam::sole::{self, Words};

use crate::conf::Conf;
use crate::plan::Plan;

const WORDS: Words = Words { missing: "required prevResult missing", sandbox: "sandbox" };

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let plan = Plan::new(request)?;
    let container = Container::open(&request.attachment)?;
    sole::check_in_words(request, &container, &WORDS, |listed| {
        check_link(&plan, &container, listed)
    })
}

fn check_link(plan: &Plan, container: &Container<'_>, listed: &Interface) -> Result<()> {
    let name = &listed.name;
    let differs = |what: String| Err(Error::internal(what));
    let side = MasterSide::open(plan.master_in_container, container.place())?;
    // The default route may have changed since, so a master that it chose is not looked at.
    let master = plan.master.as_deref().map(|name| side.get(name)).transpose()?;
    let Some(link) = container.rtnl.find_link(name.as_str())? else {
        return differs(format!("container Interface name in prevResult: {name} not found"));
    };
    if link.kind.as_deref() != Some("macvlan") {
        return differs(format!("error: Container interface {name} not of type macvlan"));
    }
    let mode = link.macvlan_mode.map(|mode| mode.to_string()).unwrap_or_default();
    if link.macvlan_mode != Some(plan.mode) {
        return differs(format!(
            "container macvlan mode {mode} does not match expected value: {}",
            plan.mode
        ));
    }
    let mac = link.mac.map(|mac| mac.to_string()).unwrap_or_default();
    if !listed.mac.is_empty() && listed.mac != mac {
        return differs(format!(
            "interface {name} Mac {} doesn't match container Mac: {mac}",
            listed.mac
        ));
    }
    master::expect_on(&link, master.as_ref())
}
