//! Membership of a bridge port in VLANs.

use cni_core::{Context, Result, quote};
use linux_net::{Link, PortVlan, Request, Rtnl, VlanId};

use crate::plan::Vlans;

/// The VLAN of untagged frames on a trunk without an access VLAN.
const DEFAULT_NATIVE: VlanId = VlanId::MIN;

/// Makes `port` a member of its VLANs.
///
/// The native VLAN is never also a tagged one: the reference adds it once more as tagged, which
/// leaves the port without a native VLAN.
pub(crate) fn join(host: &Rtnl, port: &Link, vlans: &Vlans) -> Result<()> {
    let native = match vlans.access {
        Some(id) => id,
        None if vlans.trunk.is_empty() => return Ok(()),
        None => DEFAULT_NATIVE,
    };
    let tagged = vlans.trunk.iter().copied().filter(|id| *id != native);
    let mut members = vec![PortVlan::native(native)];
    members.extend(PortVlan::tagged_ranges(tagged));

    let name = quote(&port.name);
    let mut requests = Vec::new();
    if !vlans.keep_default {
        requests.push(Request::remove_port_vlans(port.index, &[PortVlan::ALL]));
    }
    requests.push(Request::add_port_vlans(port.index, &members));
    let mut outcomes = host.run(&requests).into_iter();
    if !vlans.keep_default {
        let outcome = outcomes.next().unwrap_or(Ok(()));
        outcome.context(|| format!("failed to remove default vlan on interface {name}"))?;
    }
    let outcome = outcomes.next().unwrap_or(Ok(()));
    outcome.context(|| format!("failed to setup vlan tag on interface {name}"))
}
