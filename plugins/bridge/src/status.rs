//! STATUS: whether an ADD could work now.

use cni_core::{Request, Result};
use cni_ipam::{lease, masquerade};

use crate::conf::Conf;

pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    let conf = &request.conf;
    if conf.ip_masq {
        masquerade::status(conf.ip_masq_backend.as_deref())?;
    }
    lease::status(request)
}
