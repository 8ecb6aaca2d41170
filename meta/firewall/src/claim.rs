//! Who lets which address through, as files: the rules themselves name only the address.
//!
//! `/run/cni/firewall/<address>/<attachment>` says which backend has the address. It is gone after
//! a reboot, as the rules are. Other implementations know nothing of these files, and rules without
//! a file are handled as theirs.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cni_core::spec::error::io_cause;
use cni_core::{Attachment, Error, Request, Result, quote};
use cni_ipam::state_file::StateFile;
use netfilter::naming;

use crate::backend::Backend;

const FOLDER: &str = "/run/cni/firewall";

/// An attachment, as its files are named: the hash of its network comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder(String);

impl Holder {
    /// Names the attachment of a request.
    pub(crate) fn of<C>(request: &Request<C>) -> Self {
        let Attachment { container_id, ifname, .. } = &request.attachment;
        Self::new(&request.network.name, container_id, ifname)
    }

    /// Names an attachment.
    pub(crate) fn new(network: &str, container_id: &str, ifname: &str) -> Self {
        Self(naming::instance_hash(network, ifname, container_id))
    }

    /// Whether the attachment is one to this network.
    pub(crate) fn is_of(&self, network: &str) -> bool {
        self.0.starts_with(&format!("{}-", naming::network_hash(network)))
    }
}

/// What an attachment has claimed.
pub(crate) struct Claim {
    address: IpAddr,
    holder: Holder,
}

impl Claim {
    /// A claim that may have been made or not.
    pub(crate) fn new(address: IpAddr, holder: &Holder) -> Self {
        Self { address, holder: holder.clone() }
    }

    /// Claims the address for a backend; `about` is a line for people.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn make(&self, backend: &Backend, about: &str) -> Result<()> {
        self.file().write(format!("{backend}\n{about}\n").as_bytes())
    }

    /// The backend it was made for; `None` when there is no claim, or not a whole one.
    ///
    /// # Errors
    ///
    /// When there is one that cannot be read.
    pub(crate) fn find_backend(&self) -> Result<Option<Backend>> {
        let content = self.file().read()?.unwrap_or_default();
        let text = String::from_utf8_lossy(&content);
        Ok(text.lines().next().and_then(Backend::parse))
    }

    /// Whether others claim the same address.
    ///
    /// # Errors
    ///
    /// When that cannot be read.
    pub(crate) fn is_shared(&self) -> Result<bool> {
        Ok(StateFile::list(&self.folder())?.iter().any(|file| file.name() != self.holder.0))
    }

    /// Gives the claim up; gone is success.
    ///
    /// # Errors
    ///
    /// When it is still there.
    pub(crate) fn release(&self) -> Result<()> {
        self.file().remove()?;
        match fs::remove_dir(self.folder()) {
            Err(error)
                if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) =>
            {
                Err(failed("remove", &self.folder(), &error))
            }
            _ => Ok(()),
        }
    }

    fn folder(&self) -> PathBuf {
        Path::new(FOLDER).join(self.address.to_string())
    }

    fn file(&self) -> StateFile {
        StateFile::new(self.folder(), &self.holder.0)
    }
}

/// All claims whose holders are chosen: each holder with its addresses.
///
/// # Errors
///
/// When the files cannot be listed.
pub(crate) fn find(chosen: impl Fn(&Holder) -> bool) -> Result<Vec<(Holder, Vec<IpAddr>)>> {
    let folder = Path::new(FOLDER);
    let mut found: Vec<(Holder, Vec<IpAddr>)> = Vec::new();
    for address in list(folder)? {
        for file in StateFile::list(&folder.join(address.to_string()))? {
            let holder = Holder(file.name().to_owned());
            if !chosen(&holder) {
                continue;
            }
            match found.iter_mut().find(|(known, _)| *known == holder) {
                Some((_, addresses)) => addresses.push(address),
                None => found.push((holder, vec![address])),
            }
        }
    }
    Ok(found)
}

/// The addresses that there are folders of; none where there is nothing.
fn list(folder: &Path) -> Result<Vec<IpAddr>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| failed("list", folder, &error))?,
    };
    let address = |entry: io::Result<fs::DirEntry>| match entry {
        Ok(entry) => entry.file_name().to_str()?.parse().ok().map(Ok),
        Err(error) => Some(Err(failed("list", folder, &error))),
    };
    entries.filter_map(address).collect()
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::internal(format!("{what} {}: {}", quote(&path.to_string_lossy()), io_cause(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_belongs_to_one_network() {
        let holder = Holder::new("net1", "c1", "eth0");
        assert!(holder.is_of("net1") && !holder.is_of("net") && !holder.is_of("net11"));
        assert_ne!(Holder::new("net1", "c1", "eth1"), holder);
    }
}
