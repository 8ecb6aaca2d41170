//! STATUS: whether an ADD could work now.

use cni_core::{Code, Error, Request, Result};
use cni_ipam::lease;

use crate::conf::{Conf, require_ipam};

pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    require_ipam(request).map_err(|error| Error { code: Code::NOT_AVAILABLE, ..error })?;
    lease::status(request)
}
