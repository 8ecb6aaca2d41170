//! ADD: the interface goes into the VRF, with its addresses and routes.

use std::rc::Rc;

use cni_core::{AddResult, Context, Error, Request, Result, Undo};
use linux_net::{Link, Netns, Request as Change, Rtnl};

use crate::belongings::Belongings;
use crate::check::prev_result;
use crate::conf::Conf;
use crate::plan::Plan;
use crate::vrf::{self, LOCK_LIMIT, Membership};

/// Puts the interface into the VRF and passes the previous result on.
///
/// # Errors
///
/// A bad configuration or previous result, and what the kernel refused.
pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(&request.conf, &request.attachment.ifname)?;
    let previous = prev_result(request)?;
    join(&request.attachment.netns, &plan, undo).context(|| "cmdAdd failed")?;
    Ok(previous)
}

/// Nobody else changes VRFs of this namespace meanwhile, so that two attachments make one VRF
/// between them, and two VRFs choose different tables.
fn join(path: &str, plan: &Plan, undo: &mut Undo) -> Result<()> {
    let netns = Netns::open(path)?;
    let _lock = netns.lock(LOCK_LIMIT)?;
    let rtnl = Rc::new(Rtnl::open(&netns)?);
    let ifname = plan.ifname.as_str();
    let [link, found] = vrf::find(&rtnl, ifname, &plan.vrf)?;
    found.as_ref().map_or(Ok(()), |found| vrf::expect(found, plan))?;
    let link =
        link.ok_or_else(|| Error::internal(format!("could not get link by name {ifname}")))?;
    if let Some(controller) = link.controller {
        return match found {
            // An earlier ADD of this attachment has done it.
            Some(found) if found.index == controller => Ok(()),
            _ => Err(taken(&rtnl, ifname, controller)),
        };
    }
    let belongings = Belongings::of(&rtnl, &link)?;
    let keeps_vrf = found.is_some();
    let vrf = found.map_or_else(|| vrf::create(&rtnl, plan), Ok)?;
    undo.own(belongings.clone());
    undo.own(Membership {
        netns: path.to_owned(),
        ifname: ifname.to_owned(),
        vrf: plan.vrf.clone(),
        keeps_vrf,
    });
    enslave(&rtnl, &link, &vrf)?;
    belongings.bring_into(&vrf)
}

fn enslave(rtnl: &Rtnl, link: &Link, vrf: &Link) -> Result<()> {
    let mut steps =
        rtnl.run(&[Change::set_up(vrf), Change::set_controller(link, Some(vrf.index))]).into_iter();
    let mut step = || steps.next().unwrap_or(Ok(()));
    step().context(|| format!("could not set link up for VRF {}", vrf.name))?;
    step().context(|| format!("could not set vrf {} as master of {}", vrf.name, link.name))
}

fn taken(rtnl: &Rtnl, ifname: &str, controller: u32) -> Error {
    Error::internal(match rtnl.get_link(controller) {
        Ok(controller) => {
            format!("interface {ifname} has already a master set: {}", controller.name)
        }
        Err(error) => format!(
            "interface {ifname} has already a master set, could not retrieve the name: {error}"
        ),
    })
}
