//! CHECK: the interface is a dummy that is up, as the result says.

use cni_core::{Error, Interface, Request, Result};
use cni_ipam::container::Container;
use cni_ipam::{sole, verify};
use linux_net::Rtnl;

use crate::conf::{Conf, require_ipam};

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    require_ipam(request)?;
    let container = Container::open(&request.attachment)?;
    sole::check(request, &container, "dummy: Required prevResult missing", |listed| {
        check_link(&container.rtnl, listed)
    })
}

fn check_link(rtnl: &Rtnl, listed: &Interface) -> Result<()> {
    let link = verify::link(rtnl, listed, "dummy", "")?;
    match link.is_up() {
        true => Ok(()),
        false => Err(Error::internal(format!("Interface {} is down", link.name))),
    }
}
