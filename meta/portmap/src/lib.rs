//! CNI plugin: makes ports of the host lead to ports of a container.

mod add;
mod backend;
mod check;
mod conf;
mod del;
mod flows;
mod gc;
mod mapping;
mod owner;
mod plan;
mod status;
mod validate;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
use conf::Conf;

/// The plugin `portmap`.
pub struct Portmap;

impl Plugin for Portmap {
    const NAME: &'static str = "portmap";
    const PURPOSE: &'static str = "Makes ports of the host lead to ports of a container";
    const LOAD_CONTEXT: &'static str = conf::LOAD_CONTEXT;
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
        gc::gc(request, valid, it)
    }
    fn status(request: &Request<Conf>) -> Result<()> {
        status::status(request)
    }
}
