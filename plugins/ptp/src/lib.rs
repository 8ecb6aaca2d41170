//! CNI plugin: a veth pair between container and host, with the host as the container's router.

mod add;
mod check;
mod conf;
mod del;
mod gc;
mod neighbours;
mod plan;
mod status;
mod validate;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
use conf::Conf;

/// The plugin `ptp`.
pub struct Ptp;

impl Plugin for Ptp {
    const NAME: &'static str = "ptp";
    const PURPOSE: &'static str = "Connects a container to the host, which routes for it";
    type Conf = Conf;

    fn default_network() -> serde_json::Value {
        conf::default_network()
    }
    fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
        add::add(request, undo)
    }
    fn del(request: &Request<Conf>, cleanup: &mut Cleanup) -> Result<()> {
        del::del(request, cleanup);
        Ok(())
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
