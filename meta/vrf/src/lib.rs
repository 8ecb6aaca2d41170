//! CNI plugin: puts an interface into a virtual routing and forwarding domain.

mod add;
mod belongings;
mod check;
mod conf;
mod del;
mod plan;
mod status;
mod table;
mod validate;
mod vrf;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, SpecVersion, Undo};
use serde_json::Value;

use conf::Conf;

/// The plugin `vrf`.
pub struct Vrf;

impl Plugin for Vrf {
    const NAME: &'static str = "vrf";
    const PURPOSE: &'static str =
        "Puts a container's interface into a virtual routing and forwarding domain";
    const SUPPORTED: &'static [SpecVersion] =
        &[SpecVersion::V0_3_1, SpecVersion::V0_4_0, SpecVersion::V1_0_0, SpecVersion::V1_1_0];
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

    /// A VRF ends with its container, and nothing is kept on the host.
    fn gc(_: &Request<Conf>, _: &[ValidAttachment], _: &mut Cleanup) -> Result<()> {
        Ok(())
    }

    fn status(request: &Request<Conf>) -> Result<()> {
        status::status(request)
    }
}
