//! CNI plugin: sets kernel settings and link attributes of a container's interface.

mod add;
mod allowlist;
mod attributes;
mod check;
mod conf;
mod del;
mod gc;
mod plan;
mod record;
mod status;
mod sysctls;
mod validate;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
use conf::Conf;

/// The plugin `tuning`.
pub struct Tuning;

impl Plugin for Tuning {
    const NAME: &'static str = "tuning";
    const PURPOSE: &'static str = "Sets sysctls and link attributes of a container's interface";
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
    fn gc(request: &Request<Conf>, valid: &[ValidAttachment], cleanup: &mut Cleanup) -> Result<()> {
        gc::gc(request, valid, cleanup)
    }
    fn status(request: &Request<Conf>) -> Result<()> {
        status::status(request)
    }
}
