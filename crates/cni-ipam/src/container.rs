//! The container's side of an attachment that goes away.

use std::thread::{self, JoinHandle};

use cni_core::{Context, Result, quote};
use linux_net::{Netns, Rtnl};

/// Opens a socket in the container's namespace; `None` when none is given or it is gone, which
/// DEL takes for "already clean".
///
/// # Errors
///
/// When the path is something else than a namespace, or may not be entered.
pub fn open_if_present(netns: &str) -> Result<Option<Rtnl>> {
    if netns.is_empty() {
        return Ok(None);
    }
    match Netns::open(netns) {
        Ok(netns) => Ok(Some(Rtnl::open(&netns)?)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A link on its way out. The kernel takes some 15 ms to let go of one, nearly all of it waiting,
/// so the rest of a DEL is done meanwhile.
pub struct Departure(JoinHandle<Result<()>>);

impl Departure {
    /// Starts to remove a link; one that is not there is fine.
    pub fn start(container: Rtnl, ifname: &str) -> Self {
        let ifname = ifname.to_owned();
        Self(thread::spawn(move || match container.remove_link(ifname.as_str()) {
            Ok(_) => Ok(()),
            Err(error) => Err(error).context(|| format!("failed to delete {}", quote(&ifname))),
        }))
    }

    /// Waits for the end.
    ///
    /// # Errors
    ///
    /// `failed to delete …`.
    pub fn finish(self) -> Result<()> {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
