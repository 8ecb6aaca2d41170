//! CHECK: the limits are those of the configuration, and what the container sends goes through its
//! device.

use cni_core::{Context, Error, Request, Result};
use linux_net::Rtnl;

use crate::conf::Conf;
use crate::host_end::HostEnd;
use crate::ifb::Ifb;
use crate::limit::Limit;
use crate::plan::Plan;

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let plan = Plan::new(&request.conf)?;
    let previous = request.network.prev_result().context(|| "could not parse prevResult")?;
    let previous = previous.ok_or_else(|| Error::internal("must be called as a chained plugin"))?;
    let host = Rtnl::open_current()?;
    let end = HostEnd::get(&host, &request.attachment, &previous)?.link;
    if let Some(limit) = plan.ingress {
        check_bucket(&host, end.index, limit)?;
    }
    if let Some(limit) = plan.egress {
        let ifb = Ifb::of(&request.network.name, &request.attachment)?;
        let ifb = ifb.find(&host)?.ok_or_else(|| Error::internal("Link not found"));
        let ifb = ifb.context(|| "get ifb device")?;
        check_bucket(&host, ifb.index, limit)?;
        if host.find_redirect(end.index)? != Some(ifb.index) {
            let details = format!("{:?} does not redirect to {:?}", end.name, ifb.name);
            return Err(Error::internal("Failed to find filter").with_details(details));
        }
    }
    Ok(())
}

fn check_bucket(host: &Rtnl, link: u32, limit: Limit) -> Result<()> {
    let found = host.find_token_bucket(link)?;
    let found = found.ok_or_else(|| Error::internal("Failed to find qdisc"))?;
    match limit.find_mismatch(found) {
        None => Ok(()),
        Some(mismatch) => {
            let details = format!("there is {found:?}, and should be {:?}", limit.bucket());
            Err(Error::internal(mismatch).with_details(details))
        }
    }
}
