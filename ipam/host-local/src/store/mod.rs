//! Reservations as files: `<dataDir>/<network>/<address>`, shared with the reference plugin.
//!
//! Whatever changes the folder holds `flock(2)` on its file `lock`. No file is ever seen under its
//! name before its content is complete.

mod draft;
mod folder;
mod lock;
mod marker;
mod owners;
mod record;
mod reservation;
#[cfg(test)]
mod tests;

use std::io;
use std::net::IpAddr;

use cni_core::Attachment;
use nix::errno::Errno;
use nix::unistd::{UnlinkatFlags, unlinkat};

pub use draft::Draft;
pub use folder::Folder;
use lock::Lock;
use owners::Owners;
use record::{Holder, Record};
pub use reservation::Reservation;

/// Up to so many reservations are simply read: measured, that costs less than keeping the index.
const FEW: usize = 32;

/// The files of a network, locked.
pub struct Store<'f> {
    folder: &'f Folder,
    _lock: Lock,
    owners: Owners,
    known: Known,
    added: Vec<String>,
    removed: Vec<String>,
}

/// What is known about who holds what.
enum Known {
    /// Nothing: the index is missing or older than the folder.
    Nothing,
    /// The index tells.
    ByIndex,
    /// Every file has been read.
    ByReading(Vec<Record>),
}

impl<'f> Store<'f> {
    fn new(folder: &'f Folder, lock: Lock) -> Self {
        let owners = Owners::of(folder);
        let known = if owners.are_current(folder) { Known::ByIndex } else { Known::Nothing };
        Self { folder, _lock: lock, owners, known, added: Vec::new(), removed: Vec::new() }
    }

    /// The names of the files that hold an address for an attachment: those with its container and
    /// interface, or else those of the reference's old form, with its container only.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn held_by(&mut self, attachment: &Attachment) -> io::Result<Vec<String>> {
        let records = self.records_of(&attachment.container_id)?;
        let named = |wanted: fn(&Holder, &Attachment) -> bool| -> Vec<String> {
            let held = records.iter().filter(|record| wanted(&record.holder, attachment));
            held.map(|record| record.name.clone()).collect()
        };
        let exact = named(Holder::is_attachment);
        Ok(if exact.is_empty() { named(Holder::is_container) } else { exact })
    }

    /// The addresses that an attachment holds in either form.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn addresses_of(&mut self, attachment: &Attachment) -> io::Result<Vec<IpAddr>> {
        let records = self.records_of(&attachment.container_id)?;
        let held = records.iter().filter(|Record { holder, .. }| {
            holder.is_attachment(attachment) || holder.is_container(attachment)
        });
        Ok(held.filter_map(|record| folder::address_in(&record.name)).collect())
    }

    /// Reads the files that may be a container's.
    fn records_of(&mut self, container_id: &str) -> io::Result<Vec<Record>> {
        if let Known::ByIndex = self.known {
            if let Ok(names) = self.owners.names_of(container_id) {
                return Ok(names.into_iter().filter_map(|n| self.folder.record(n)).collect());
            }
        }
        let all = self.all_records()?;
        Ok(all.iter().filter(|r| r.holder.container_id() == Some(container_id)).cloned().collect())
    }

    /// Reads every reservation.
    fn all_records(&mut self) -> io::Result<&[Record]> {
        if !matches!(self.known, Known::ByReading(_)) {
            let names = self.folder.names()?;
            let records = names.filter_map(|name| self.folder.record(name)).collect();
            self.known = Known::ByReading(records);
        }
        match &self.known {
            Known::ByReading(records) => Ok(records),
            _ => Ok(&[]),
        }
    }

    /// Takes an address that [`Folder::is_free`] for the attachment in `draft`; `false` when it is
    /// not free after all.
    ///
    /// # Errors
    ///
    /// Anything else that keeps the file from being made.
    pub fn reserve(&mut self, draft: &Draft, address: IpAddr) -> io::Result<bool> {
        let name = address.to_string();
        if !draft.link_as(self.folder, &name)? {
            if !self.folder.is_free(&name)? {
                return Ok(false);
            }
            // An empty file: a crash of the reference between creating and writing.
            self.folder.unlink(&name)?;
            if !draft.link_as(self.folder, &name)? {
                return Ok(false);
            }
        }
        self.added.push(name);
        Ok(true)
    }

    /// Frees the address of a file. Gone is success.
    ///
    /// # Errors
    ///
    /// When the file is still there.
    pub fn release(&mut self, name: String) -> io::Result<()> {
        self.folder.unlink(&name)?;
        self.removed.push(name);
        Ok(())
    }
}
