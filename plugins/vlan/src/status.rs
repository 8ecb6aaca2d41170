//! STATUS: whether an ADD could work now.

use cni_core::{Request, Result};
use cni_ipam::{lease, master};
use linux_net::Rtnl;

use crate::conf::Conf;

pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    lease::status(request)?;
    master::status(&request.conf.master, request.conf.link_in_container)
}

/// The interface of the default route, for those who name none on the command line.
pub(crate) fn default_master() -> Option<String> {
    let link = Rtnl::open_current().and_then(|rtnl| rtnl.find_default_link());
    link.ok().flatten().map(|link| link.name)
}
