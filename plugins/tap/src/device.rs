//! The tap device: made under its final name, given its properties, and put on its bridge.

use cni_core::{Context, Result, quote};
use cni_ipam::container::Container;
use linux_net::{Link, Request, Tap, selinux};

use crate::plan::Plan;

/// Makes the device, which is still down; or leaves nothing.
///
/// # Errors
///
/// The reference's texts; `failed to rename tap to …` when the container has an interface of that
/// name.
pub(crate) fn create(plan: &Plan, container: &Container<'_>) -> Result<Link> {
    let bridge = plan.bridge.as_deref().map(|name| {
        let bridge = container.rtnl.get_link(name);
        bridge.context(|| format!("failed to get bridge {name}"))
    });
    let bridge = bridge.transpose()?;
    make(plan, container)?;
    // It is owned only from now on, since until here the name could have been somebody else's.
    set_properties(plan, container, bridge.as_ref())
        .inspect_err(|_| drop(container.rtnl.remove_link(&container.ifname)))
}

fn make(plan: &Plan, container: &Container<'_>) -> Result<()> {
    let name = &container.ifname;
    let tap = Tap {
        name,
        multi_queue: plan.multi_queue,
        packet_info: plan.headers.packet_info,
        vnet_header: plan.headers.vnet,
        owner: plan.owner,
        group: plan.group,
    };
    let made = match &plan.selinux_context {
        None => tap.create_in(&container.netns),
        Some(context) => {
            let make = || tap.create_by_another_process(&container.netns);
            selinux::with_exec_context(context, make).context(|| "failed set socket label")?
        }
    };
    let step = match &made {
        Err(error) if error.is_present() => {
            format!("failed to rename tap to {}", quote(name.as_str()))
        }
        _ => "failed to create tap".to_owned(),
    };
    made.context(|| step)
}

/// Sets everything that rtnetlink sets but the addresses, and reads the device back.
fn set_properties(plan: &Plan, container: &Container<'_>, bridge: Option<&Link>) -> Result<Link> {
    let name = &container.ifname;
    let mut steps = Vec::new();
    if let Some(mtu) = plan.mtu {
        let step = format!("failed to set the MTU of tap {name} to {mtu}");
        steps.push((Request::set_mtu(name, mtu), step));
    }
    if let Some(mac) = plan.mac {
        let step = format!("failed to set the MAC address of tap {name} to {mac}");
        steps.push((Request::set_mac(name, mac), step));
    }
    if let Some(bridge) = bridge {
        let step = format!("failed to set tap {name} as a port of bridge {}", bridge.name);
        steps.push((Request::set_controller(name, Some(bridge.index)), step));
    }
    let (requests, steps): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
    let (outcomes, mut found) = container.rtnl.run_and_get(&requests, &[name.into()]);
    for (outcome, step) in outcomes.into_iter().zip(steps) {
        outcome.context(|| step)?;
    }
    found.remove(0).context(|| format!("failed to refetch tap {}", quote(name.as_str())))
}
