//! CNI plugin: dhcp.

mod add;
mod check;
mod conf;
mod del;
mod gc;
mod plan;
mod rpc;
mod status;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
use serde_json::Value;

use conf::Conf;

/// The plugin `dhcp`.
pub struct Dhcp;

impl Plugin for Dhcp {
    const NAME: &'static str = "dhcp";
    const PURPOSE: &'static str = "CNI plugin: dhcp";
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
