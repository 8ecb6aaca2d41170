//! The addresses an attachment holds from its delegated IPAM plugin.

use std::fmt;

use cni_core::runtime::{RunningAdd, RunningDel};
use cni_core::{AddResult, Cleanup, Code, Delegate, Error, Owned, Request, Result, Undo};

/// The lease of one attachment: whatever its IPAM plugin gave it.
#[derive(Clone)]
pub struct Lease {
    plugin: Delegate,
    /// Whether the IPAM plugin may need the interface: dhcp speaks to servers through it, and so may
    /// plugins that are not known here.
    needs_interface: bool,
}

impl Lease {
    /// Finds the IPAM plugin, if the network has one; nothing is obtained yet.
    ///
    /// # Errors
    ///
    /// Those of [`cni_core::runtime::find_plugin`].
    pub fn find<C>(request: &Request<C>) -> Result<Option<Self>> {
        let has_one = !request.network.ipam.plugin_type.is_empty();
        has_one.then(|| Self::get(request)).transpose()
    }

    /// Finds the IPAM plugin, without which the network cannot be.
    ///
    /// # Errors
    ///
    /// The same, and `no plugin name provided`.
    pub fn get<C>(request: &Request<C>) -> Result<Self> {
        let name = request.network.ipam.plugin_type.as_str();
        let needs_interface = !matches!(name, "host-local" | "static");
        Ok(Self { plugin: request.delegate(name)?, needs_interface })
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
        self.plugin.start_add().map(RequestedLease)
    }

    /// Does so now, before the interface is made, if the IPAM plugin does without.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn request_ahead(self, undo: &mut Undo) -> Result<LeaseAhead> {
        if self.needs_interface {
            return Ok(LeaseAhead::Waits(self));
        }
        self.request(undo).map(LeaseAhead::Requested)
    }

    /// Starts to give the addresses back.
    ///
    /// # Errors
    ///
    /// When the IPAM plugin cannot be started.
    pub fn start_removal(&self) -> Result<RunningDel> {
        self.plugin.start_del()
    }

    /// Verifies the lease.
    ///
    /// # Errors
    ///
    /// The IPAM plugin's own error.
    pub fn check(&self) -> Result<()> {
        self.plugin.check()
    }
}

/// A lease that is on its way while the interface is made, unless it waits for that.
pub enum LeaseAhead {
    /// It is on its way.
    Requested(RequestedLease),
    /// It is there.
    Obtained(AddResult),
    /// It waits for the interface.
    Waits(Lease),
}

impl LeaseAhead {
    /// Waits for what is on its way.
    ///
    /// # Errors
    ///
    /// Those of [`RequestedLease::obtain`].
    pub fn awaited(self) -> Result<Self> {
        match self {
            Self::Requested(requested) => requested.obtain().map(Self::Obtained),
            other => Ok(other),
        }
    }

    /// Waits for the addresses, now that the interface is there.
    ///
    /// # Errors
    ///
    /// Those of [`Lease::request`] and [`RequestedLease::obtain`].
    pub fn obtain(self, undo: &mut Undo) -> Result<AddResult> {
        match self {
            Self::Requested(requested) => requested.obtain(),
            Self::Obtained(result) => Ok(result),
            Self::Waits(lease) => lease.request(undo)?.obtain(),
        }
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
        self.plugin.del()
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "addresses from {}", self.plugin)
    }
}

/// DEL: begins to give the lease back. It is done before this returns where the interface has to be
/// there meanwhile; else the interface may go at the same time.
pub fn start_return<C>(request: &Request<C>, cleanup: &mut Cleanup) -> Option<Result<RunningDel>> {
    let lease = Lease::find(request).transpose()?;
    let needs_interface = lease.as_ref().is_ok_and(|lease| lease.needs_interface);
    let removal = lease.and_then(|lease| lease.start_removal());
    if !needs_interface {
        return Some(removal);
    }
    cleanup.record(removal.and_then(RunningDel::finish));
    None
}

/// Passes GC on, as the specification demands; without an IPAM plugin there is nothing to do.
pub fn collect_garbage<C>(request: &Request<C>, cleanup: &mut Cleanup) {
    if let Some(lease) = Lease::find(request).transpose() {
        cleanup.record(lease.and_then(|lease| lease.plugin.gc()));
    }
}

/// Passes STATUS on; without an IPAM plugin nothing is in the way.
///
/// # Errors
///
/// The IPAM plugin's own error; code 50 when there is no such plugin.
pub fn status<C>(request: &Request<C>) -> Result<()> {
    let unavailable = |error| Error { code: Code::NOT_AVAILABLE, ..error };
    match Lease::find(request).map_err(unavailable)? {
        Some(lease) => lease.plugin.status(),
        None => Ok(()),
    }
}
