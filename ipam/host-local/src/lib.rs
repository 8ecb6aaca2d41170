//! CNI plugin: addresses from ranges, reserved in files on the host.

mod add;
mod check;
mod conf;
mod del;
mod gc;
mod plan;
mod range;
mod range_set;
mod resolv_conf;
mod status;
mod store;
mod validate;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
use conf::Conf;
pub use range::Range;
pub use validate::store_and_ranges;

/// The plugin `host-local`.
pub struct HostLocal;

impl Plugin for HostLocal {
    const NAME: &'static str = "host-local";
    const PURPOSE: &'static str =
        "Hands out addresses from ranges, remembered in files on the host";
    const LOAD_CONTEXT: &'static str = "";
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

    fn gc(request: &Request<Conf>, valid: &[ValidAttachment], c: &mut Cleanup) -> Result<()> {
        gc::gc(request, valid, c)
    }

    fn status(request: &Request<Conf>) -> Result<()> {
        status::status(request)
    }
}
