//! GC: the delegate's GC, with each configuration that stale attachments were delegated with.

use std::collections::BTreeMap;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Cleanup, Request, Result};
use serde_json::json;

use crate::conf::Conf;
use crate::delegation::delegate_of;
use crate::plan::Plan;
use crate::state::{self, State};
use crate::subnet::Subnet;

/// Passes GC on and forgets the attachments that it has cleaned up after.
///
/// # Errors
///
/// When the folder of the states cannot be read.
pub(crate) fn gc(
    request: &Request<Conf>,
    valid: &[ValidAttachment],
    cleanup: &mut Cleanup,
) -> Result<()> {
    let current = Subnet::load(&request.conf.subnet_file)
        .and_then(|subnet| Plan::new(&request.network, &request.conf, &subnet));
    let current = current.map(Some).unwrap_or_else(|error| {
        cleanup.record(Err(error));
        None
    });
    // The present configuration counts without a stale attachment: the delegate may know of some.
    let mut plans: BTreeMap<Vec<u8>, (Plan, Vec<State>)> = BTreeMap::new();
    let mut collect = |plan: Option<&Plan>, state: Option<State>| {
        let Some(plan) = plan.map(|plan| for_all_attachments(plan, request, valid)) else { return };
        plans.entry(plan.bytes()).or_insert_with(|| (plan, Vec::new())).1.extend(state);
    };
    collect(current.as_ref(), None);
    for state in state::stale(&request.conf.data_dir, &request.network.name, valid)? {
        let stored = state.read()?.and_then(|content| Plan::read(&content));
        collect(stored.as_ref().or(current.as_ref()), Some(state));
    }
    for (plan, states) in plans.into_values() {
        match delegate_of(request, &plan).and_then(|delegate| delegate.gc()) {
            Ok(()) => states.iter().for_each(|state| cleanup.record(state.remove())),
            Err(error) => cleanup.record(Err(error)),
        }
    }
    Ok(())
}

/// The configuration without what differs from attachment to attachment, for GC.
fn for_all_attachments(plan: &Plan, request: &Request<Conf>, valid: &[ValidAttachment]) -> Plan {
    let list = valid
        .iter()
        .map(|valid| json!({ "containerID": valid.container_id, "ifname": valid.ifname }));
    let list = list.collect();
    let mut plan = plan.with(&request.network, "cni.dev/valid-attachments", list);
    plan.configuration.remove("runtimeConfig");
    plan
}
