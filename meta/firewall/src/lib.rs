//! CNI plugin: lets the traffic of containers through the host's firewall.

mod add;
mod allowance;
mod backend;
mod check;
mod claim;
mod conf;
mod del;
mod gc;
mod plan;
mod status;
mod validate;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, SpecVersion, Undo};
use serde_json::Value;

use conf::Conf;

/// The plugin `firewall`.
pub struct Firewall;

impl Plugin for Firewall {
    const NAME: &'static str = "firewall";
    const PURPOSE: &'static str = "Lets the traffic of containers through the host's firewall";
    const SUPPORTED: &'static [SpecVersion] =
        &[SpecVersion::V0_4_0, SpecVersion::V1_0_0, SpecVersion::V1_1_0];
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
