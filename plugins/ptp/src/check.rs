//! CHECK: the container's end, its addresses and routes are as the previous result says.

use cni_core::{Error, Interface, Request, Result};
use cni_ipam::container::Container;
use cni_ipam::sole;
use linux_net::Rtnl;

use crate::conf::Conf;
use crate::plan::require_ipam;

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let container = Container::open(&request.attachment)?;
    require_ipam(request)?;
    sole::check(request, &container, "ptp: Required prevResult missing", |listed| {
        check_link(&container.rtnl, listed)
    })
}

fn check_link(container: &Rtnl, listed: &Interface) -> Result<()> {
    let name = &listed.name;
    let link = container.find_link(name.as_str())?.ok_or_else(|| {
        Error::internal(format!("ptp: Container Interface name in prevResult: {name} not found"))
    })?;
    if link.kind.as_deref() != Some("veth") {
        return Err(Error::internal(format!(
            "Error: Container interface {name} not of type veth/p2p"
        )));
    }
    let mac = link.mac.map(|mac| mac.to_string()).unwrap_or_default();
    if !listed.mac.is_empty() && listed.mac != mac {
        return Err(Error::internal(format!(
            "ptp: Interface {name} Mac {} doesn't match container Mac: {mac}",
            listed.mac
        )));
    }
    Ok(())
}
