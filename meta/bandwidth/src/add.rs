//! ADD: what the container receives waits at the host's end, what it sends in a device of its own.

use cni_core::{AddResult, Context, Error, Request, Result, Undo};
use cni_ipam::sole;
use linux_net::Rtnl;

use crate::conf::Conf;
use crate::host_end::HostEnd;
use crate::ifb::Ifb;
use crate::plan::Plan;

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(&request.conf)?;
    let previous = request.network.prev_result().context(|| "could not parse prevResult")?;
    let mut result = previous.ok_or_else(|| Error::internal("must be called as chained plugin"))?;
    if plan.is_empty() {
        return Ok(result);
    }
    let host = Rtnl::open_current()?;
    let end = HostEnd::get(&host, &request.attachment, &result)?;
    if let Some(limit) = plan.ingress {
        end.limit(limit, undo)?;
    }
    if let Some(limit) = plan.egress {
        let ifb = Ifb::of(&request.network.name, &request.attachment)?;
        let ifb = ifb.ensure(&host, end.link.mtu, undo)?;
        end.redirect(&ifb, limit, undo)?;
        result.interfaces.push(sole::listed(&ifb.link, ""));
    }
    Ok(result)
}
