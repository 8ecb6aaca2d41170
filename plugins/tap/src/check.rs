//! CHECK: the interface is a tap device on its bridge, as the result says.

use cni_core::{Context, Error, Interface, Request, Result};
use cni_ipam::container::Container;
use cni_ipam::{sole, verify};
use linux_net::Rtnl;

use crate::conf::Conf;
use crate::plan::Plan;

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let plan = Plan::new(request)?;
    let container = Container::open(&request.attachment)?;
    sole::check(request, &container, "Required prevResult missing", |listed| {
        check_link(&plan, &container.rtnl, listed)
    })
}

/// The configured MTU and hardware address are not looked at: the reference's devices may not have
/// them, and the program behind the device may have chosen others.
fn check_link(plan: &Plan, rtnl: &Rtnl, listed: &Interface) -> Result<()> {
    let link = verify::link(rtnl, listed, "tun", "")?;
    let Some(name) = &plan.bridge else { return Ok(()) };
    let bridge = rtnl.get_link(name.as_str()).context(|| format!("failed to get bridge {name}"))?;
    if link.controller != Some(bridge.index) {
        return Err(Error::internal(format!("tap {} is not a port of bridge {name}", link.name)));
    }
    Ok(())
}
