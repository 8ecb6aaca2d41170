//! CNI plugin: limits how much a container receives and sends.

mod add;
mod check;
mod conf;
mod del;
mod gc;
mod host_end;
mod ifb;
mod limit;
mod plan;
mod status;
mod validate;

use cni_core::SpecVersion::{self, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0};
use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
use conf::Conf;

/// The plugin `bandwidth`.
pub struct Bandwidth;

impl Plugin for Bandwidth {
    const NAME: &'static str = "bandwidth";
    const PURPOSE: &'static str = "Limits how much a container receives and sends";
    const SUPPORTED: &'static [SpecVersion] = &[V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0];
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
    fn gc(request: &Request<Conf>, valid: &[ValidAttachment], it: &mut Cleanup) -> Result<()> {
        gc::gc(request, valid, it)
    }
    fn status(request: &Request<Conf>) -> Result<()> {
        status::status(request)
    }
}
