//! STATUS: whether an ADD could work now.

use cni_core::{Code, Context, Error, Request, Result};
use cni_ipam::lease;
use linux_net::Tap;

use crate::conf::Conf;

pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    lease::status(request)?;
    Tap::probe()
        .context(|| "failed to create tap")
        .map_err(|error| Error { code: Code::NOT_AVAILABLE, ..error })
}
