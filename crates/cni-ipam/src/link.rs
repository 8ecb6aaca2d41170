//! Interfaces that an attachment owns.

use std::fmt;

use cni_core::{Owned, Result};
use linux_net::Rtnl;

/// A link in the namespace this process was started in, by its name.
pub struct HostLink(pub String);

impl Owned for HostLink {
    fn remove(&self) -> Result<()> {
        Rtnl::open_current()?.remove_link(self.0.as_str())?;
        Ok(())
    }
}

impl fmt::Display for HostLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host link {:?}", self.0)
    }
}
