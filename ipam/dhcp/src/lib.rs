//! CNI plugin: addresses of a DHCP server, kept by a daemon.

mod add;
mod check;
mod client;
mod conf;
mod daemon;
mod del;
mod gc;
mod plan;
mod role;
mod rpc;
mod status;
mod validate;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
pub use role::*;

/// The plugin `dhcp`.
pub struct Dhcp;

impl Plugin for Dhcp {
    const NAME: &'static str = "dhcp";
    const PURPOSE: &'static str = "Gets addresses from a DHCP server, kept by `dhcp daemon`";
    const ROLES: &'static [(&'static str, &'static str)] = role::ROLES;
    const LOAD_CONTEXT: &'static str = "error obtaining socketPath: error parsing socket path conf";
    type Conf = conf::Conf;

    fn default_network() -> serde_json::Value {
        conf::default_network()
    }
    fn add(request: &Request<Self::Conf>, undo: &mut Undo) -> Result<AddResult> {
        add::add(request, undo)
    }
    fn del(request: &Request<Self::Conf>, _: &mut Cleanup) -> Result<()> {
        del::del(request)
    }
    fn check(request: &Request<Self::Conf>) -> Result<()> {
        check::check(request)
    }
    fn gc(request: &Request<Self::Conf>, valid: &[ValidAttachment], c: &mut Cleanup) -> Result<()> {
        gc::gc(request, valid, c)
    }
    fn status(request: &Request<Self::Conf>) -> Result<()> {
        status::status(request)
    }
}
