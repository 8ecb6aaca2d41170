//! Lets a container reach other networks under the host's addresses (`ipMasq`).

mod iptables;
mod nftables;

use std::net::IpAddr;

use ipnetwork::IpNetwork;

use crate::error::{Error, Result};
use crate::iptables::{Iptables, Protocol, is_usable as iptables_is_usable};
use crate::naming;
use crate::nft;

/// What enforces the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// iptables, unless it is unusable here and nf_tables is usable.
    ///
    /// [`Masquerade::install`] finds out by trying, so that no process is started for a probe.
    Preferred,
    /// iptables.
    Iptables,
    /// nf_tables, without any executable.
    Nftables,
}

impl Backend {
    /// Whether rules could be installed now. May start a process.
    pub fn is_usable(self) -> bool {
        match self {
            Self::Preferred => iptables_is_usable() || nft::is_usable(),
            Self::Iptables => iptables_is_usable(),
            Self::Nftables => nft::is_usable(),
        }
    }
}

/// Decides on the backend for the key `ipMasqBackend`; runs nothing.
///
/// # Errors
///
/// [`Error::UnknownBackend`] for a name that is none.
pub fn choose_backend(configured: Option<&str>) -> Result<Backend> {
    match configured {
        None => Ok(Backend::Preferred),
        Some("iptables") => Ok(Backend::Iptables),
        Some("nftables") => Ok(Backend::Nftables),
        Some(other) => Err(Error::UnknownBackend(other.to_owned())),
    }
}

/// Which iptables rules of an attachment to remove; nf_tables rules name their attachment.
///
/// All attachments of a container to one network share their iptables chain.
#[derive(Debug, Clone, Copy)]
pub enum Known<'a> {
    /// Those of these addresses.
    Addresses(&'a [IpAddr]),
    /// Those of all addresses but these, when the attachment's own are not known any more.
    KeepAddresses(&'a [IpAddr]),
}

/// The masquerading of one attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masquerade {
    /// The network's name.
    pub network: String,
    /// The container.
    pub container_id: String,
    /// The interface's name in the container.
    pub ifname: String,
}

impl Masquerade {
    /// Masquerades what these addresses send to other networks than their own.
    ///
    /// Rules that exist stay; nf_tables rules of this attachment for other addresses go.
    ///
    /// # Errors
    ///
    /// The backend's; then nothing has changed in the family that failed.
    pub fn install(&self, backend: Backend, addresses: &[IpNetwork]) -> Result<()> {
        self.check_names()?;
        match backend {
            Backend::Iptables => iptables::install(self, addresses),
            Backend::Nftables => nftables::install(self, addresses),
            Backend::Preferred => {
                // Reference: IPv4 alone decides whether iptables is usable.
                let tried =
                    Iptables::find(Protocol::V4).and_then(|_| iptables::install(self, addresses));
                match tried {
                    Err(_) if !iptables_is_usable() && nft::is_usable() => {
                        nftables::install(self, addresses)
                    }
                    result => result,
                }
            }
        }
    }

    /// Removes this attachment's rules from both backends, whichever made them.
    ///
    /// # Errors
    ///
    /// Those of backends that are usable here.
    pub fn remove(&self, known: Known<'_>) -> Result<()> {
        self.check_names()?;
        both(nftables::remove(self), || iptables::remove(self, known))
    }

    fn check_names(&self) -> Result<()> {
        naming::check("network name", &self.network)?;
        naming::check("container id", &self.container_id)?;
        naming::check("interface name", &self.ifname)
    }
}

/// Removes a network's rules of all attachments but the valid ones, pairs of container id and
/// interface name.
///
/// Only rules whose comment names this network are touched. iptables rules tell containers apart,
/// but not the interfaces of one container.
///
/// # Errors
///
/// Those of backends that are usable here.
pub fn collect_garbage<S: AsRef<str>>(network: &str, valid: &[(S, S)]) -> Result<()> {
    naming::check("network name", network)?;
    let comments: Vec<String> = valid
        .iter()
        .map(|(id, ifname)| naming::nft_comment(network, ifname.as_ref(), id.as_ref()))
        .collect();
    let containers: Vec<&str> = valid.iter().map(|(id, _)| id.as_ref()).collect();
    both(nftables::collect_garbage(network, &comments), || {
        iptables::collect_garbage(network, &containers)
    })
}

/// The errors of both backends, without those of a backend that cannot be used here.
fn both(nftables: Result<()>, iptables: impl FnOnce() -> Result<()>) -> Result<()> {
    let iptables = iptables();
    Error::all([
        iptables.or_else(|error| if iptables_is_usable() { Err(error) } else { Ok(()) }),
        nftables.or_else(|error| if nft::is_usable() { Err(error) } else { Ok(()) }),
    ])
}
