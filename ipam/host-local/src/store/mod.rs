//! Reservations as files: `<dataDir>/<network>/<address>`, shared with the reference plugin.
//!
//! Whoever changes the folder holds `flock(2)` on its file `lock`. No file is seen under its name
//! before its content is complete.

mod folder;
mod lock;
mod marker;
mod owners;
mod record;
mod reservation;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;

use cni_core::{Attachment, Draft, Result};

pub use folder::{Folder, failed};
use lock::Lock;
use owners::Owners;
pub use record::{Holder, Record};
pub use reservation::Reservation;

/// Up to so many reservations are simply read, which takes no longer than keeping the index.
const FEW: usize = 32;

/// The folder of a network, locked on behalf of an attachment.
pub struct Store<'a> {
    folder: &'a Folder,
    attachment: &'a Attachment,
    owners: Owners,
    /// Whether the index knew everything when the lock was taken.
    is_indexed: bool,
    /// Every reservation, once they have been read.
    records: Option<Vec<Record>>,
    added: Vec<String>,
    removed: Vec<String>,
    _lock: Lock,
}

impl<'a> Store<'a> {
    /// Waits for the lock.
    ///
    /// # Errors
    ///
    /// When there can be no lock.
    pub fn lock(folder: &'a Folder, attachment: &'a Attachment) -> Result<Self> {
        let lock = Lock::take(folder)?;
        let owners = Owners::of(folder);
        Ok(Self {
            folder,
            attachment,
            is_indexed: owners.are_current(folder),
            owners,
            records: None,
            added: Vec::new(),
            removed: Vec::new(),
            _lock: lock,
        })
    }

    /// What the attachment holds: the files with its container and interface, or else those in the
    /// reference's old form, with its container alone.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn held(&mut self) -> io::Result<Vec<Record>> {
        let (mut exact, old_form): (Vec<_>, Vec<_>) = self
            .held_in_any_form()?
            .into_iter()
            .partition(|record| record.holder.is_attachment(self.attachment));
        if exact.is_empty() {
            exact = old_form;
        }
        Ok(exact)
    }

    /// What the attachment holds in either form.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn held_in_any_form(&mut self) -> io::Result<Vec<Record>> {
        let attachment = self.attachment;
        let holds = |record: &Record| {
            record.holder.is_attachment(attachment) || record.holder.is_container(attachment)
        };
        if self.is_indexed
            && let Ok(names) = self.owners.names_of(&attachment.container_id)
        {
            let records = names.into_iter().filter_map(|name| self.folder.record(name));
            return Ok(records.filter(holds).collect());
        }
        Ok(self.records()?.iter().filter(|record| holds(record)).cloned().collect())
    }

    /// Reads every reservation.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn records(&mut self) -> io::Result<&[Record]> {
        if self.records.is_none() {
            let names = self.folder.names()?.into_iter();
            self.records = Some(names.filter_map(|name| self.folder.record(name)).collect());
        }
        Ok(self.records.as_deref().unwrap_or_default())
    }

    /// Takes an address that [`Folder::is_free`]; `false` when it is not free after all.
    ///
    /// # Errors
    ///
    /// Whatever else keeps the file from being made.
    pub fn reserve(&mut self, draft: &Draft, address: IpAddr) -> io::Result<bool> {
        let name = address.to_string();
        if !draft.link_as(self.folder, &name)? {
            if !self.folder.is_free(&name)? {
                return Ok(false);
            }
            // An empty file, left by a crash of the reference between making and writing it.
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

    /// Brings the index up to date after the last change. It only saves time: where it cannot be
    /// written it stays older than the folder, and the next call reads the files themselves.
    pub fn settle(self) {
        let changed = !self.added.is_empty() || !self.removed.is_empty();
        let container_id = &self.attachment.container_id;
        let written = match self.records {
            Some(mut records) => {
                let added = self.added.into_iter();
                let removed: HashSet<&String> = self.removed.iter().collect();
                records.retain(|record| !removed.contains(&record.name));
                records.extend(added.map(|name| Record::of(name, self.attachment)));
                if records.len() <= FEW {
                    return;
                }
                self.owners.rebuild(&records)
            }
            None if self.is_indexed && changed => {
                self.owners.update(container_id, &self.added, &self.removed)
            }
            None => return,
        };
        if written.is_ok() {
            // A failure has the effect of a failed write: the index is out of date.
            self.owners.stamp(self.folder).unwrap_or_default();
        }
    }
}
