//! The rules that drop what a container sends under a foreign hardware address (`macspoofchk`).

use std::fmt;

use cni_core::{Attachment, Owned, Result};
use netfilter::spoof_check::SpoofCheck;

/// The rules of one attachment.
pub(crate) struct SpoofCheckRules(pub(crate) SpoofCheck);

impl SpoofCheckRules {
    pub(crate) fn of(attachment: &Attachment) -> Self {
        Self(SpoofCheck {
            container_id: attachment.container_id.clone(),
            ifname: attachment.ifname.clone(),
        })
    }
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
