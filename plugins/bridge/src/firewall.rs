//! The rules an attachment owns: masquerade and the check of its source hardware address.

use std::fmt;
use std::net::IpAddr;

use cni_core::{Attachment, Owned, Request, Result};
use netfilter::masquerade::{Known, Masquerade};
use netfilter::spoof_check::SpoofCheck;

use crate::conf::Conf;

/// Which addresses the masquerade rules of an attachment are for.
pub(crate) enum Sources {
    /// These.
    Are(Vec<IpAddr>),
    /// Unknown, but not these, which the container's other interfaces have.
    AreNot(Vec<IpAddr>),
}

/// The masquerade rules of an attachment.
pub(crate) struct MasqueradeRules {
    pub(crate) masquerade: Masquerade,
    pub(crate) sources: Sources,
}

impl MasqueradeRules {
    pub(crate) fn of(request: &Request<Conf>, sources: Sources) -> Self {
        let Attachment { container_id, ifname, .. } = &request.attachment;
        Self {
            masquerade: Masquerade {
                network: request.network.name.clone(),
                container_id: container_id.clone(),
                ifname: ifname.clone(),
            },
            sources,
        }
    }
}

impl Owned for MasqueradeRules {
    fn remove(&self) -> Result<()> {
        self.masquerade.remove(match &self.sources {
            Sources::Are(addresses) => Known::Addresses(addresses),
            Sources::AreNot(addresses) => Known::KeepAddresses(addresses),
        })?;
        Ok(())
    }
}

impl fmt::Display for MasqueradeRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("masquerade rules")
    }
}

/// The rules that drop frames with a foreign source hardware address.
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
