//! CHECK: the rules are there; nothing is changed.

use cni_core::{Request, Result};

use crate::allowance::Allowance;
use crate::claim::Holder;
use crate::conf::Conf;
use crate::plan::Plan;

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let (plan, _) = Plan::new(request)?;
    let allowances = Allowance::find(&request.conf, &Holder::of(request), &plan.addresses)?;
    allowances.iter().try_for_each(|allowance| allowance.check(&plan))
}
