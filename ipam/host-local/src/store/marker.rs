//! The address of each range set that was reserved last, so that the next search goes on there.

use std::io;
use std::net::IpAddr;

use cni_core::Draft;
use cni_core::spec::address;

use super::{Folder, Store};

impl Store<'_> {
    /// The address that was last reserved from a set. A marker that is missing or unreadable only
    /// makes the search begin at the set's first address.
    pub fn last_reserved(&self, set: usize) -> Option<IpAddr> {
        let content = self.folder.read(&name_of(set)).ok()?;
        std::str::from_utf8(&content).ok()?.parse().ok().map(address::canonical)
    }

    /// Remembers the addresses that were last reserved, one of each set in order.
    ///
    /// # Errors
    ///
    /// When they cannot be written; the old markers may be gone then, but not because the disk is
    /// full: all are written before the first is replaced.
    pub fn set_last_reserved(&mut self, addresses: impl Iterator<Item = IpAddr>) -> io::Result<()> {
        let drafts: Vec<Draft> = addresses
            .map(|address| Draft::new(self.folder, address.to_string()))
            .collect::<io::Result<_>>()?;
        let replaced = |(set, draft)| replace(self.folder, &name_of(set), draft);
        drafts.iter().enumerate().try_for_each(replaced)
    }
}

/// Removing and linking anew takes a third of the time of renaming over the old marker, which ext4
/// starts to write to disk at once. Between the two there is no marker, which does no harm.
fn replace(folder: &Folder, name: &str, draft: &Draft) -> io::Result<()> {
    if !draft.link_as(folder, name)? {
        folder.unlink(name)?;
        draft.link_as(folder, name)?;
    }
    Ok(())
}

fn name_of(set: usize) -> String {
    format!("last_reserved_ip.{set}")
}
