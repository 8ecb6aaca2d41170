//! The addresses an attachment holds from its delegated IPAM plugin.

use std::fmt;

use cni_core::runtime::{RunningAdd, RunningDel};
use cni_core::{AddResult, Cleanup, Code, Delegate, Error, Owned, Request, Result, Undo};

/// How addresses get back to where they came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayBack {
    /// There are none.
    Nowhere,
    /// Without the interface, which may go meanwhile.
    OfItsOwn,
    /// Through the interface: dhcp tells a server, and so may plugins that are not known here.
    ByInterface,
}

impl WayBack {
    /// The way of this network's IPAM plugin.
    pub fn of<C>(request: &Request<C>) -> Self {
        match request.network.ipam.plugin_type.as_str() {
            "" => Self::Nowhere,
            "host-local" | "static" => Self::OfItsOwn,
            _ => Self::ByInterface,
        }
    }
}

/// The lease of one attachment: whatever its IPAM plugin gave it.
#[derive(Clone)]
pub struct Lease(Delegate);

impl Lease {
    /// Finds the IPAM plugin; nothing is obtained yet.
    ///
    /// # Errors
    ///
    /// Those of [`cni_core::runtime::find_plugin`].
    pub fn find<C>(request: &Request<C>) -> Result<Self> {
        request.delegate(&request.network.ipam.plugin_type).map(Self)
    }

    /// Starts to obtain addresses. From now on `undo` gives back whatever comes of it: the
    /// specification wants a failed ADD to be followed by DEL.
    ///
    /// The caller has made sure that this attachment does not exist yet, lest a repeated ADD
    /// should give back the addresses of the first.
    ///
    /// # Errors
    ///
    /// When the IPAM plugin cannot be started.
    pub fn request(&self, undo: &mut Undo) -> Result<RequestedLease> {
        undo.own(self.clone());
        self.0.start_add().map(RequestedLease)
    }

    /// Starts to give the addresses back.
    ///
    /// # Errors
    ///
    /// When the IPAM plugin cannot be started.
    pub fn start_removal(&self) -> Result<RunningDel> {
        self.0.start_del()
    }

    /// Verifies the lease.
    ///
    /// # Errors
    ///
    /// The IPAM plugin's own error.
    pub fn check(&self) -> Result<()> {
        self.0.check()
    }
}

/// A lease on its way, while other work is done.
pub struct RequestedLease(RunningAdd);

impl RequestedLease {
    /// Waits for the addresses.
    ///
    /// # Errors
    ///
    /// The IPAM plugin's own error, and `IPAM plugin returned missing IP config`.
    pub fn obtain(self) -> Result<AddResult> {
        let result = self.0.finish()?;
        if result.ips.is_empty() {
            return Err(Error::internal("IPAM plugin returned missing IP config"));
        }
        Ok(result)
    }
}

impl Owned for Lease {
    fn remove(&self) -> Result<()> {
        self.0.del()
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "addresses from {}", self.0)
    }
}

/// Passes GC on, as the specification demands; without an IPAM plugin there is nothing to do.
pub fn collect_garbage<C>(request: &Request<C>, cleanup: &mut Cleanup) {
    if !request.network.ipam.plugin_type.is_empty() {
        let plugin = request.delegate(&request.network.ipam.plugin_type);
        cleanup.record(plugin.and_then(|plugin| plugin.gc()));
    }
}

/// Passes STATUS on; without an IPAM plugin nothing is in the way.
///
/// # Errors
///
/// The IPAM plugin's own error; code 50 when there is no such plugin.
pub fn status<C>(request: &Request<C>) -> Result<()> {
    if request.network.ipam.plugin_type.is_empty() {
        return Ok(());
    }
    let plugin = request.delegate(&request.network.ipam.plugin_type);
    plugin.map_err(|error| Error { code: Code::NOT_AVAILABLE, ..error })?.status()
}
