//! CHECK: the interface is in the VRF.

use cni_core::{AddResult, Context, Error, Request, Result};
use linux_net::{Netns, Rtnl};

use crate::conf::Conf;
use crate::plan::Plan;
use crate::vrf;

/// Verifies the VRF, its table, and that the interface is its port.
///
/// # Errors
///
/// The first difference.
pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let plan = Plan::new(&request.conf, &request.attachment.ifname)?;
    prev_result(request)?;
    let netns = Netns::open(&request.attachment.netns)?;
    let rtnl = Rtnl::open(&netns)?;
    let found = rtnl.get_link(&plan.vrf)?;
    vrf::expect(&found, &plan)?;
    if !found.is_up() {
        return Err(Error::internal(format!("VRF {} is down", plan.vrf)));
    }
    match rtnl.find_link(&plan.ifname)? {
        Some(link) if link.controller == Some(found.index) => Ok(()),
        _ => Err(Error::internal(format!(
            "failed to find {} associated to vrf {}",
            plan.ifname, plan.vrf
        ))),
    }
}

/// Reads the previous result, which there has to be.
///
/// # Errors
///
/// `missing prevResult from earlier plugin`, `could not parse prevResult: …`.
pub(crate) fn prev_result(request: &Request<Conf>) -> Result<AddResult> {
    let previous = request.network.prev_result().context(|| "could not parse prevResult")?;
    previous.ok_or_else(|| Error::internal("missing prevResult from earlier plugin"))
}
