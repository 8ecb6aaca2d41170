//! Who the rules belong to.

use cni_core::Request;
use netfilter::naming;

/// An attachment by its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) network: String,
    pub(crate) container_id: String,
    ifname: String,
}

impl Owner {
    /// The attachment of a request.
    pub(crate) fn of<C>(request: &Request<C>) -> Self {
        Self {
            network: request.network.name.clone(),
            container_id: request.attachment.container_id.clone(),
            ifname: request.attachment.ifname.clone(),
        }
    }

    /// A short name for it, which no other attachment has.
    pub(crate) fn instance(&self) -> String {
        naming::instance_hash(&self.network, &self.ifname, &self.container_id)
    }
}
