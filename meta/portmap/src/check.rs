//! CHECK: every rule is there.

use cni_core::{Error, Request, Result};
use netfilter::Backend;

use crate::conf::Conf;
use crate::owner::Owner;
use crate::plan::{Plan, probe};
use crate::{iptables, nftables};

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let plan = Plan::new(request, probe)?;
    if plan.previous.is_none() {
        return Err(Error::internal("Required prevResult missing"));
    }
    if plan.mappings.is_empty() {
        return Ok(());
    }
    let backend = match plan.backend {
        Backend::Preferred => probe(),
        chosen => chosen,
    };
    let owner = Owner::of(request);
    match backend {
        Backend::Nftables => nftables::check(&plan, &owner),
        Backend::Iptables | Backend::Preferred => iptables::check(&plan, &owner),
    }
}
