//! CNI plugin: another plugin, configured for the node's part of a flannel network.

mod add;
mod check;
mod conf;
mod del;
mod delegation;
mod gc;
mod plan;
mod state;
mod status;
mod subnet;
mod validate;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
use serde_json::Value;

use conf::Conf;
pub use validate::delegated;

/// The plugin `flannel`.
pub struct Flannel;

impl Plugin for Flannel {
    const NAME: &'static str = "flannel";
    const PURPOSE: &'static str = "Attaches a container to the node's part of a flannel network";
    const LOAD_CONTEXT: &'static str =
        "failed to load flannel netconf file: failed to load netconf";
    type Conf = Conf;

    fn default_network() -> Value {
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

    fn gc(request: &Request<Conf>, valid: &[ValidAttachment], cleanup: &mut Cleanup) -> Result<()> {
        gc::gc(request, valid, cleanup)
    }

    fn status(request: &Request<Conf>) -> Result<()> {
        status::status(request)
    }
}
