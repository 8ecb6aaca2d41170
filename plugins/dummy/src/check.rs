//! CHECK: the interface is a dummy that is up, as the result says.

use cni_core::{Context, Error, Interface, Request, Result, quote};
use cni_ipam::{sole, verify};
use linux_net::{Netns, Rtnl};

use crate::conf::{Conf, require_ipam};

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    require_ipam(request)?;
    let netns_path = &request.attachment.netns;
    let netns = Netns::open(netns_path)
        .context(|| format!("failed to open netns {}", quote(netns_path)))?;
    sole::check(request, &netns, "dummy: Required prevResult missing", check_link)
}

fn check_link(rtnl: &Rtnl, listed: &Interface) -> Result<()> {
    let link = verify::link(rtnl, listed, "dummy", "")?;
    match link.is_up() {
        true => Ok(()),
        false => Err(Error::internal(format!("Interface {} is down", link.name))),
    }
}
