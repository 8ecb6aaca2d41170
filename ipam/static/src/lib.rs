//! CNI plugin: the addresses, routes and DNS settings that are written down.
//!
//! It keeps no state, so DEL and GC have nothing to do.

mod add;
mod check;
mod conf;
mod plan;
mod status;
mod validate;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
use conf::Conf;
use serde_json::Value;

/// The plugin `static`.
pub struct Static;

impl Plugin for Static {
    const NAME: &'static str = "static";
    const PURPOSE: &'static str = "Hands out the addresses that are written down";
    const LOAD_CONTEXT: &'static str = "";
    type Conf = Conf;

    fn default_network() -> Value {
        conf::default_network()
    }
    fn add(request: &Request<Conf>, _: &mut Undo) -> Result<AddResult> {
        add::add(request)
    }
    fn del(_: &Request<Conf>, _: &mut Cleanup) -> Result<()> {
        Ok(())
    }
    fn check(request: &Request<Conf>) -> Result<()> {
        check::check(request)
    }
    fn gc(_: &Request<Conf>, _: &[ValidAttachment], _: &mut Cleanup) -> Result<()> {
        Ok(())
    }
    fn status(request: &Request<Conf>) -> Result<()> {
        status::status(request)
    }
}
