//! CNI plugin: routes the packets of a container's interface by their source address.

mod add;
mod check;
mod conf;
mod del;
mod own_tables;
mod plan;
mod rules;
mod selection;
mod status;
mod validate;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
use conf::Conf;

/// The plugin `sbr`.
pub struct Sbr;

impl Plugin for Sbr {
    const NAME: &'static str = "sbr";
    const PURPOSE: &'static str = "Routes the packets of an interface by their source address";
    const LOAD_CONTEXT: &'static str = "failed to parse network configuration";
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
    /// Rules and tables end with their namespace, and it is not told which one that was.
    fn gc(_: &Request<Conf>, _: &[ValidAttachment], _: &mut Cleanup) -> Result<()> {
        Ok(())
    }
    fn status(request: &Request<Conf>) -> Result<()> {
        status::status(request)
    }
}
