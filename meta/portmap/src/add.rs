//! ADD: rules, then what was decided without them, then the way from the host's own loopback.

use std::net::IpAddr;

use cni_core::{AddResult, Context, Error, Request, Result, Undo};
use linux_net::{Rtnl, sysctl};
use netfilter::iptables::Protocol;

use crate::backend;
use crate::backend::iptables::IptablesRules;
use crate::backend::nftables::NftablesRules;
use crate::conf::Conf;
use crate::flows::Flows;
use crate::owner::Owner;
use crate::plan::{Plan, Source};

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(request, backend::probe).context(|| "failed to parse config")?;
    let Some(previous) = &plan.previous else {
        return Err(Error::internal("must be called as chained plugin"));
    };
    if plan.mappings.is_empty() {
        return Ok(previous.clone());
    }
    let owner = Owner::of(request);
    undo.own(IptablesRules::of(request, plan.mappings.clone()));
    undo.own(NftablesRules { owner: owner.clone(), takes_untold: false });
    backend::install(&plan, &owner)?;
    let protocols = plan.targets.iter().map(|target| target.protocol).collect();
    Flows { mappings: plan.mappings.clone(), protocols }.forget()?;
    if plan.source != Source::Kept {
        let ipv4 = plan.targets.iter().find(|target| target.protocol == Protocol::V4);
        ipv4.map_or(Ok(()), |target| ensure_localhost_leaves(target.container.ip()))
            .context(|| "unable to enable route_localnet")?;
    }
    Ok(previous.clone())
}

/// Lets packets from 127.0.0.0/8 leave towards the container; their sender is replaced.
fn ensure_localhost_leaves(container: IpAddr) -> Result<()> {
    let Some(link) = Rtnl::open_current()?.find_link_towards(container)? else {
        return Ok(());
    };
    let name = format!("net/ipv4/conf/{}/route_localnet", link.name);
    if sysctl::read(&name)? != "1" {
        sysctl::write(&name, "1")?;
    }
    Ok(())
}
