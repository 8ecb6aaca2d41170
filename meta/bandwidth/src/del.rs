//! DEL: the host's end as it was, and no device of the attachment.

use cni_core::{Cleanup, Context, Request, Result, quote};
use cni_ipam::container;
use linux_net::{Link, Qdisc, Rtnl};

use crate::conf::Conf;
use crate::host_end::HostEnd;
use crate::ifb::Ifb;
use crate::plan::Plan;

pub(crate) fn del(request: &Request<Conf>, cleanup: &mut Cleanup) -> Result<()> {
    let host = Rtnl::open_current()?;
    let ifb = Ifb::of(&request.network.name, &request.attachment)?.find(&host)?;
    let outcome = restore_host_end(request, ifb.as_ref(), &host, cleanup);
    cleanup.record(outcome);
    if let Some(ifb) = ifb {
        host.remove_link(&ifb).context(|| format!("failed to delete {}", quote(&ifb.name)))?;
    }
    Ok(())
}

/// The host's end goes with the container's interface, but may be used again before.
fn restore_host_end(
    request: &Request<Conf>,
    ifb: Option<&Link>,
    host: &Rtnl,
    cleanup: &mut Cleanup,
) -> Result<()> {
    // Limits that are wrong were never set.
    let plan = Plan::new(&request.conf).unwrap_or_default();
    let mut qdiscs = Vec::new();
    if plan.ingress.is_some() {
        qdiscs.push(Qdisc::TokenBucket);
    }
    if plan.egress.is_some() || ifb.is_some() {
        qdiscs.push(Qdisc::Ingress);
    }
    if qdiscs.is_empty() {
        return Ok(());
    }
    // The namespace is only the way there; one that cannot be opened is no reason to keep the ifb.
    let Ok(Some(container)) = container::open_if_present(&request.attachment.netns) else {
        return Ok(());
    };
    if let Some(end) = HostEnd::find(host, &container, &request.attachment.ifname)? {
        for qdisc in qdiscs {
            cleanup.remove(&end.qdisc(qdisc));
        }
    }
    Ok(())
}
