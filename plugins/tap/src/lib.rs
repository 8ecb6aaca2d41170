//! CNI plugin: gives a container a tap device, for a virtual machine or another program.

mod add;
mod check;
mod conf;
mod device;
mod plan;

use std::process::ExitCode;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo, runtime};
use cni_ipam::{lease, sole};
use conf::Conf;

/// Runs the plugin, or the part of it that another process of it has started this one for.
pub fn main() -> ExitCode {
    match linux_net::obey_tap_order(&runtime::arguments()) {
        Some(status) => ExitCode::from(status),
        None => runtime::main::<Tap>(),
    }
}

/// The plugin `tap`.
pub struct Tap;

impl Plugin for Tap {
    const NAME: &'static str = "tap";
    const PURPOSE: &'static str = "Gives a container a tap device for a virtual machine";
    type Conf = Conf;

    fn default_network() -> serde_json::Value {
        conf::default_network()
    }
    fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
        add::add(request, undo)
    }
    fn del(request: &Request<Conf>, cleanup: &mut Cleanup) -> Result<()> {
        sole::del(request, cleanup);
        Ok(())
    }
    fn check(request: &Request<Conf>) -> Result<()> {
        check::check(request)
    }
    fn gc(request: &Request<Conf>, _: &[ValidAttachment], cleanup: &mut Cleanup) -> Result<()> {
        lease::collect_garbage(request, cleanup);
        Ok(())
    }
    fn status(request: &Request<Conf>) -> Result<()> {
        lease::status(request)
    }
}
