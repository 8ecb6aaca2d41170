//! CNI plugin: connects a container to a Linux bridge on the host with a veth pair.

mod add;
mod check;
mod conf;
mod del;
mod gateway;
mod gc;
mod host_bridge;
mod plan;
mod port;
mod spoof_check;
mod status;
mod validate;
mod vlan;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
use conf::Conf;

/// The plugin `bridge`.
pub struct Bridge;

impl Plugin for Bridge {
    const NAME: &'static str = "bridge";
    const PURPOSE: &'static str = "Connects a container to a Linux bridge on the host";
    type Conf = Conf;

    fn default_network() -> serde_json::Value {
        conf::default_network()
    }
    fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
        add::add(request, undo)
    }
    fn del(request: &Request<Conf>, cleanup: &mut Cleanup) -> Result<()> {
        del::del(request, cleanup)
    }
    fn check(request: &Request<Conf>) -> Result<()> {
        check::check(request)
    }
    fn gc(request: &Request<Conf>, valid: &[ValidAttachment], it: &mut Cleanup) -> Result<()> {
        gc::gc(request, valid, it);
        Ok(())
    }
    fn status(request: &Request<Conf>) -> Result<()> {
        status::status(request)
    }
}
