//! ADD: the settings, then the attributes, whose original values are on disk before.

use std::fmt;
use std::rc::Rc;

use cni_core::{AddResult, Context, Error, Owned, Request, Result, Undo, quote};
use linux_net::{Netns, Rtnl};

use crate::allowlist::Allowlist;
use crate::attributes::Attributes;
use crate::conf::Conf;
use crate::plan::Plan;
use crate::record::Originals;
use crate::sysctls;

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(request)?;
    if !plan.sysctls.is_empty() {
        Allowlist::read()?.check(&plan.sysctls)?;
    }
    let missing = || Error::internal("Required prevResult missing");
    let mut result = request.network.prev_result()?.ok_or_else(missing)?;
    let netns = Rc::new(Netns::open(&request.attachment.netns)?);
    sysctls::write(&netns, &plan.sysctls, undo)?;
    if !plan.attributes.is_empty() {
        set_attributes(request, &plan, &netns, undo)?;
    }
    plan.attributes.report(&mut result, plan.ifname.as_str());
    Ok(result)
}

fn set_attributes(
    request: &Request<Conf>,
    plan: &Plan,
    netns: &Netns,
    undo: &mut Undo,
) -> Result<()> {
    let rtnl = Rc::new(Rtnl::open(netns)?);
    let link = rtnl
        .get_link(&plan.ifname)
        .context(|| format!("failed to get {}", quote(plan.ifname.as_str())))?;
    let found = plan.attributes.found_on(&link);
    let originals = Originals::of(&request.attachment, request.conf.data_dir());
    if originals.ensure(&found, &request.network.name)? {
        undo.own(originals);
    } else {
        undo.own(Changed { rtnl: Rc::clone(&rtnl), index: link.index, before: found });
    }
    plan.attributes.set(&rtnl, link.index)
}

/// What a repeated ADD has changed; the original values stay recorded.
struct Changed {
    rtnl: Rc<Rtnl>,
    index: u32,
    before: Attributes,
}

impl Owned for Changed {
    fn remove(&self) -> Result<()> {
        self.before.set(&self.rtnl, self.index)
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "changed attributes of the link with index {}", self.index)
    }
}
