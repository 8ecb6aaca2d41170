//! The bridge on the host: shared by all attachments, so it is ensured and never taken away.

use cni_core::{Context, Error, Result, quote};
use linux_net::{Bridge, Link, LinkRef, Mac, Request, Rtnl, sysctl};

use crate::plan::Plan;

/// Ensures that the bridge exists and is up, and returns it as it is before this attachment.
pub(crate) fn ensure(host: &Rtnl, plan: &Plan) -> Result<Link> {
    let name = quote(plan.bridge.as_str());
    ensure_link(host, plan).context(|| format!("failed to create bridge {name}"))
}

fn ensure_link(host: &Rtnl, plan: &Plan) -> Result<Link> {
    let quoted = quote(plan.bridge.as_str());
    let lookup_failed = || format!("could not lookup {quoted}");
    let existing = host.find_link(&plan.bridge).context(lookup_failed)?;
    let bridge = match existing {
        Some(link) => link,
        None => create(host, plan)?,
    };
    if bridge.kind.as_deref() != Some("bridge") {
        return Err(Error::internal(format!("{quoted} already exists but is not a bridge")));
    }
    let mut changes = Vec::new();
    if plan.promiscuous {
        changes.push(Request::set_promiscuous(bridge.index, true));
    }
    // Router advertisements of a container must not reach the host (CVE-2020-10749). Without
    // IPv6 there is no such file, and nothing to refuse.
    drop(sysctl::write(&format!("net/ipv6/conf/{}/accept_ra", plan.bridge), "0"));
    if !bridge.is_up() {
        changes.push(Request::set_up(bridge.index));
    }
    let mut outcomes = host.run(&changes).into_iter();
    if plan.promiscuous {
        let outcome = outcomes.next().unwrap_or(Ok(()));
        outcome.context(|| format!("could not set promiscuous mode on {quoted}"))?;
    }
    outcomes.collect::<linux_net::Result<()>>()?;
    Ok(bridge)
}

/// Creates the bridge; another ADD may have been faster.
fn create(host: &Rtnl, plan: &Plan) -> Result<Link> {
    let wanted = Bridge {
        name: &plan.bridge,
        // A gateway is born with the address it keeps: pinned later, it could already have been
        // reported otherwise by an ADD that runs at the same time.
        mac: plan.bridge_is_gateway().then(Mac::random).transpose()?,
        mtu: plan.mtu,
        vlan_filtering: plan.vlans.filtering,
    };
    let (created, mut found) =
        host.run_and_get(&[Request::create_bridge(&wanted)], &[LinkRef::from(&plan.bridge)]);
    for outcome in created {
        match outcome {
            Err(error) if !error.is_present() => {
                return Err(error)
                    .context(|| format!("could not add {}", quote(plan.bridge.as_str())));
            }
            _ => (),
        }
    }
    found.remove(0).context(|| format!("could not lookup {}", quote(plan.bridge.as_str())))
}
