//! The rules that drop what a container sends under a foreign hardware address (`macspoofchk`).

use std::fmt;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Cleanup, Owned, Request, Result};
use netfilter::spoof_check::SpoofCheck;

/// The rules of one attachment.
pub(crate) struct SpoofCheckRules(pub(crate) SpoofCheck);

impl SpoofCheckRules {
    pub(crate) fn of<C>(request: &Request<C>) -> Self {
        Self(SpoofCheck {
            network: request.network.name.clone(),
            container_id: request.attachment.container_id.clone(),
            ifname: request.attachment.ifname.clone(),
        })
    }
}

/// Removes the rules of this network's attachments that are not valid any more.
pub(crate) fn collect_garbage<C>(
    request: &Request<C>,
    valid: &[ValidAttachment],
    cleanup: &mut Cleanup,
) {
    let valid: Vec<_> =
        valid.iter().map(|it| (it.container_id.as_str(), it.ifname.as_str())).collect();
    let collected = SpoofCheck::collect_garbage(&request.network.name, &valid);
    cleanup.record(collected.map_err(Into::into));
}

impl Owned for SpoofCheckRules {
    fn remove(&self) -> Result<()> {
        self.0.remove()?;
        Ok(())
    }
}

impl fmt::Display for SpoofCheckRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rules of the MAC spoof check")
    }
}
