//! CHECK: every rule is there.

use cni_core::{Error, Request, Result};

use crate::backend;
use crate::conf::Conf;
use crate::owner::Owner;
use crate::plan::Plan;

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let plan = Plan::new(request, backend::probe)?;
    if plan.previous.is_none() {
        return Err(Error::internal("Required prevResult missing"));
    }
    if plan.mappings.is_empty() {
        return Ok(());
    }
    backend::check(&plan, &Owner::of(request))
}
