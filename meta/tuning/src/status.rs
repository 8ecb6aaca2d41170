//! STATUS: whether ADD can work now.

use cni_core::spec::error::Code;
use cni_core::{Error, Request, Result};

use crate::allowlist::Allowlist;
use crate::conf::Conf;
use crate::plan::Plan;

/// There is no interface yet, so any name will do, and what only the kernel can refuse is not told.
pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    let plan = Plan::for_interface(request, "IFNAME")?;
    if plan.sysctls.is_empty() {
        return Ok(());
    }
    Allowlist::read()
        .and_then(|list| list.check(&plan.sysctls))
        .map_err(|error| Error { code: Code::NOT_AVAILABLE, ..error })
}
