//! ADD: the effects, in order. What the attachment owns is given to `undo` as it is made.

use cni_core::{AddResult, Context, Request, Result, Undo};
use linux_net::{Netns, Rtnl};

use crate::conf::Conf;
use crate::plan::Plan;

pub(crate) fn add(request: &Request<Conf>, _undo: &mut Undo) -> Result<AddResult> {
    let previous = request.network.prev_result().context(|| "failed to parse prevResult")?;
    let plan = Plan::new(&request.conf, &request.attachment.ifname)?;
    let netns = Netns::open(&request.attachment.netns)?;
    Rtnl::open(&netns)?.get_link(&plan.ifname)?;
    Ok(previous.unwrap_or_default())
}
