//! STATUS: whether an ADD could work now.

use cni_core::{Request, Result};
use cni_ipam::lease;

use crate::conf::Conf;

pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    lease::status(request)
}
