//! Interfaces that an attachment owns.

use std::fmt;

use cni_core::{Owned, Result};
use linux_net::{Link, Rtnl};

use crate::container;

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

/// A link in the container's namespace.
pub struct ContainerLink {
    netns: String,
    index: u32,
    name: String,
}

impl ContainerLink {
    /// Names a link in the namespace at the path `netns`.
    pub fn new(netns: &str, link: &Link) -> Self {
        Self { netns: netns.to_owned(), index: link.index, name: link.name.clone() }
    }
}

impl Owned for ContainerLink {
    fn remove(&self) -> Result<()> {
        if let Some(container) = container::open_if_present(&self.netns)? {
            container.remove_link(self.index)?;
        }
        Ok(())
    }
}

impl fmt::Display for ContainerLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "container link {:?}", self.name)
    }
}
