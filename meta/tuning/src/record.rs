//! The file that says what an interface's attributes were before its first ADD.

use std::fmt;

use cni_core::spec::json;
use cni_core::{Attachment, Context, Owned, Result, quote};
use cni_ipam::container;
use cni_ipam::state_file::StateFile;
use serde::{Deserialize, Serialize};

use crate::attributes::Attributes;

/// What the file says; what is not an original value is left out.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promisc: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtu: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allmulti: Option<bool>,
    #[serde(rename = "txQLen", skip_serializing_if = "Option::is_none")]
    tx_queue_len: Option<u32>,
    /// Whose attachment it is, for GC. The reference does not write it, and ignores it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) network: Option<String>,
}

impl Record {
    fn new(originals: &Attributes, network: &str) -> Self {
        Self {
            mac: originals.mac.map(|mac| mac.to_string()),
            promisc: originals.promisc,
            mtu: originals.mtu.filter(|mtu| *mtu != 0),
            allmulti: originals.allmulti,
            tx_queue_len: originals.tx_queue_len,
            network: Some(network.to_owned()),
        }
    }

    /// Reads the text of a file; `None` when it is no record, as a crash of the reference leaves.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        json::from_slice(text).ok()
    }

    fn originals(&self) -> Attributes {
        Attributes {
            mac: self.mac.as_deref().and_then(|mac| mac.parse().ok()),
            promisc: self.promisc,
            mtu: self.mtu.filter(|mtu| *mtu != 0),
            allmulti: self.allmulti,
            tx_queue_len: self.tx_queue_len,
        }
    }

    /// The text of the file: as the reference writes it, indented by one blank.
    fn text(&self) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        let layout = serde_json::ser::PrettyFormatter::with_indent(b" ");
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut text, layout))?;
        Ok(text)
    }
}

/// The record of one attachment: taking it away restores the interface first.
#[derive(Debug, Clone)]
pub(crate) struct Originals {
    file: StateFile,
    netns: String,
    ifname: String,
}

impl Originals {
    /// Names the record.
    pub(crate) fn of(attachment: &Attachment, data_dir: &str) -> Self {
        Self {
            file: StateFile::new(data_dir, file_name(&attachment.container_id, &attachment.ifname)),
            netns: attachment.netns.clone(),
            ifname: attachment.ifname.clone(),
        }
    }

    /// Records original values, but for those that an earlier ADD has recorded. Tells whether this
    /// is the first one.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; what there was is there still.
    pub(crate) fn ensure(&self, found: &Attributes, network: &str) -> Result<bool> {
        let earlier = self.read().filter(|earlier| {
            // The same interface is in one network only, so another's record is a leftover.
            earlier.network.as_deref().is_none_or(|name| name == network)
        });
        let originals = earlier.as_ref().map(Record::originals).unwrap_or_default();
        let record = Record::new(&originals.or(found), network);
        if earlier.as_ref() != Some(&record) {
            let written = self.file.write(&record.text()?);
            written.context(|| format!("failed to save file {}.json", self.ifname))?;
        }
        Ok(earlier.is_none())
    }

    /// What cannot be read says nothing, as does what is no record.
    fn read(&self) -> Option<Record> {
        Record::parse(&self.file.read().ok()??)
    }

    /// Gives the interface its values back, where it still is.
    fn restore(&self, record: &Record) -> Result<()> {
        let Some(rtnl) = container::open_if_present(&self.netns)? else {
            return Ok(());
        };
        match rtnl.find_link(self.ifname.as_str())? {
            Some(link) => record.originals().set(&rtnl, link.index),
            None => Ok(()),
        }
    }
}

impl Owned for Originals {
    fn remove(&self) -> Result<()> {
        if let Some(record) = self.read() {
            // The record stays where it is needed for another attempt.
            self.restore(&record)?;
        }
        self.file.remove()
    }
}

impl fmt::Display for Originals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attributes of {}, recorded in {:?}", quote(&self.ifname), self.file.path())
    }
}

/// The name of an attachment's file.
pub(crate) fn file_name(container_id: &str, ifname: &str) -> String {
    format!("{container_id}_{ifname}.json")
}

#[cfg(test)]
mod tests;
