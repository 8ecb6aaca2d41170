//! CNI plugin: brings up the loopback interface of a container.

mod add;
mod check;
mod del;
mod validate;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
use serde::Deserialize;
use serde_json::{Value, json};

/// The interface, whatever `CNI_IFNAME` says.
const LO: &str = "lo";

/// The plugin `loopback`.
pub struct Loopback;

/// Nothing: the plugin has no keys of its own.
#[derive(Deserialize)]
pub struct Conf {}

impl Plugin for Loopback {
    const NAME: &'static str = "loopback";
    const PURPOSE: &'static str = "Brings up the loopback interface of a container";
    const LOAD_CONTEXT: &'static str = "failed to parse network config";
    type Conf = Conf;

    fn default_network() -> Value {
        json!({ "cniVersion": "1.1.0", "name": "loopback", "type": "loopback" })
    }

    fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
        add::add(request, undo)
    }

    fn del(request: &Request<Conf>, _cleanup: &mut Cleanup) -> Result<()> {
        del::del(request)
    }

    fn check(request: &Request<Conf>) -> Result<()> {
        check::check(request)
    }

    fn gc(_: &Request<Conf>, _: &[ValidAttachment], _: &mut Cleanup) -> Result<()> {
        Ok(())
    }

    fn status(_: &Request<Conf>) -> Result<()> {
        Ok(())
    }
}
