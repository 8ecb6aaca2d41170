//! STATUS: whether an ADD could work now.

use cni_core::{Request, Result};
use cni_ipam::{lease, master};

use crate::conf::Conf;

pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    lease::status(request)?;
    master::status(&request.conf.master, request.conf.link_in_container)
}
