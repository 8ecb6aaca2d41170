//! STATUS: whether an ADD could work now.

use cni_core::{Request, Result};
use cni_ipam::{lease, masquerade};

use crate::conf::Conf;
use crate::plan::require_ipam;

pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    require_ipam(request)?;
    if request.conf.ip_masq {
        masquerade::status(request.conf.ip_masq_backend.as_deref())?;
    }
    lease::status(request)
}
