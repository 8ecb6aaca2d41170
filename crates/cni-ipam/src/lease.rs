//! The addresses an attachment holds from its delegated IPAM plugin.

use std::fmt;

use cni_core::{AddResult, Cleanup, Code, Delegate, Error, Owned, Request, Result, Undo};

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

    /// Obtains addresses; `undo` gives them back. A failed attempt has already been taken back.
    ///
    /// # Errors
    ///
    /// The IPAM plugin's own error, and `IPAM plugin returned missing IP config`.
    pub fn obtain(&self, undo: &mut Undo) -> Result<AddResult> {
        let result = self.0.add()?;
        undo.own(self.clone());
        if result.ips.is_empty() {
            return Err(Error::internal("IPAM plugin returned missing IP config"));
        }
        Ok(result)
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
