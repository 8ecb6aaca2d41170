//! CNI plugin: gives a container an 802.1Q VLAN interface on an interface of the host.

mod add;
mod check;
mod conf;
mod plan;
mod status;
mod validate;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
use cni_ipam::{lease, master, sole};
use conf::Conf;

/// The plugin `vlan`.
pub struct Vlan;

impl Plugin for Vlan {
    const NAME: &'static str = "vlan";
    const PURPOSE: &'static str = "Gives a container a VLAN interface on a host interface";
    type Conf = Conf;

    fn default_network() -> serde_json::Value {
        conf::default_network(master::find_default())
    }
    fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
        add::add(request, undo)
    }
    fn del(request: &Request<Conf>, cleanup: &mut Cleanup) -> Result<()> {
        sole::del(request, cleanup);
        Ok(())
    }
    fn check(request: &Request<Conf>) -> Result<()> {
        check::check(request)
    }
    fn gc(request: &Request<Conf>, _: &[ValidAttachment], cleanup: &mut Cleanup) -> Result<()> {
        lease::collect_garbage(request, cleanup);
        Ok(())
    }
    fn status(request: &Request<Conf>) -> Result<()> {
        status::status(request)
    }
}
