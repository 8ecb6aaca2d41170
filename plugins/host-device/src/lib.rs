//! CNI plugin: moves a device of the host into a container, and back.

mod add;
mod check;
mod conf;
mod del;
mod device;
mod plan;
mod stranded;
mod sysfs;
mod validate;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Cleanup, Plugin, Request, Result, Undo};
use cni_ipam::lease;
use conf::Conf;

/// The plugin `host-device`.
pub struct HostDevice;

impl Plugin for HostDevice {
    const NAME: &'static str = "host-device";
    const PURPOSE: &'static str = "Moves a device of the host into a container";
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
    fn gc(request: &Request<Conf>, _: &[ValidAttachment], cleanup: &mut Cleanup) -> Result<()> {
        lease::collect_garbage(request, cleanup);
        Ok(())
    }
    // The device is no matter of STATUS: while a container has it, the node is not out of order.
    fn status(request: &Request<Conf>) -> Result<()> {
        lease::status(request)
    }
}
