//! CHECK: the device is in the container, with the addresses and routes of the previous result.

use cni_core::{Error, Interface, Request, Result};
use cni_ipam::container::Container;
use cni_ipam::lease::Lease;
use cni_ipam::sole;
use linux_net::Rtnl;

use crate::conf::Conf;
use crate::plan::Plan;
use crate::sysfs::Sysfs;

/// The text for a missing previous result.
const MISSING: &str = "Required prevResult missing";

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let plan = Plan::new(&request.conf, &Sysfs::default())?;
    let container = Container::open(&request.attachment)?;
    if plan.device.is_some() {
        return sole::check(request, &container, MISSING, |listed| {
            check_device(&container.rtnl, listed)
        });
    }
    // Only the program in the container could tell about the device.
    if let Some(lease) = Lease::find(request)? {
        lease.check()?;
    }
    let previous = request.network.prev_result()?;
    previous.map(drop).ok_or_else(|| Error::internal(MISSING))
}

fn check_device(container: &Rtnl, listed: &Interface) -> Result<()> {
    let name = &listed.name;
    let device = container.find_link(name.as_str())?.ok_or_else(|| {
        Error::internal(format!("Container Interface name in prevResult: {name} not found"))
    })?;
    let mac = device.mac.map(|mac| mac.to_string()).unwrap_or_default();
    if !listed.mac.is_empty() && listed.mac != mac {
        return Err(Error::internal(format!(
            "Interface {name} Mac {} doesn't match container Mac: {mac}",
            listed.mac
        )));
    }
    Ok(())
}
