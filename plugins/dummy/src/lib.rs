//! CNI plugin: gives a container an interface that drops what it is to send.

mod add;
mod check;
mod conf;
mod status;
mod validate;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
use cni_ipam::{lease, sole};
use conf::Conf;

/// The plugin `dummy`.
pub struct Dummy;

impl Plugin for Dummy {
    const NAME: &'static str = "dummy";
    const PURPOSE: &'static str = "Gives a container an interface that drops what it is to send";
    const LOAD_CONTEXT: &'static str = "failed to parse network config";
    type Conf = Conf;

    fn default_network() -> serde_json::Value {
        conf::default_network()
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
