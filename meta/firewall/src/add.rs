//! ADD: claims, then rules.

use cni_core::{AddResult, Owned, Request, Result, Undo};

use crate::allowance::Allowance;
use crate::backend::Backend;
use crate::claim::Holder;
use crate::conf::Conf;
use crate::plan::Plan;

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let (plan, previous) = Plan::new(request)?;
    if plan.addresses.is_empty() {
        return Ok(previous);
    }
    let allowance = Allowance {
        backend: Backend::choose(&request.conf),
        addresses: plan.addresses.clone(),
        holder: Holder::of(request),
    };
    let earlier = Allowance::find_claimed(&allowance.holder, &plan.addresses)?;
    if earlier.is_empty() {
        undo.own(allowance.clone());
    }
    // Another backend may have been chosen since; what restores the rules does not own them anew.
    for other in earlier.iter().filter(|earlier| earlier.backend != allowance.backend) {
        other.remove()?;
    }
    allowance.claim(request)?;
    allowance.install(&plan)?;
    Ok(previous)
}
