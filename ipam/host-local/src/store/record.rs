//! What a reservation file says: who holds the address.

use cni_core::Attachment;
use cni_core::spec::names::validate_container_id;

/// A reservation file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The file's name, an address as it was written.
    pub name: String,
    /// What the file says.
    pub holder: Holder,
}

/// Who holds an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// An interface of a container.
    Attachment {
        /// The container.
        container_id: String,
        /// The interface in the container.
        ifname: String,
    },
    /// A container, in the form of the reference before it knew interfaces.
    Container(String),
    /// The file is empty: its writer was killed before it wrote.
    Nobody,
    /// Something else is written there.
    Unknown,
}

impl Record {
    /// The record of an address that an attachment holds.
    pub fn of(name: String, attachment: &Attachment) -> Self {
        let Attachment { container_id, ifname, .. } = attachment.clone();
        Self { name, holder: Holder::Attachment { container_id, ifname } }
    }
}

impl Holder {
    /// Reads the content of a reservation file; white space around it means nothing.
    pub fn of(content: &[u8]) -> Self {
        let Ok(content) = std::str::from_utf8(content) else {
            return Self::Unknown;
        };
        let content = content.trim();
        let (container_id, ifname) = match content.split_once("\r\n") {
            Some((container_id, ifname)) => (container_id, Some(ifname)),
            None if content.is_empty() => return Self::Nobody,
            None => (content, None),
        };
        if validate_container_id(container_id).is_err() {
            return Self::Unknown;
        }
        let container_id = container_id.to_owned();
        match ifname {
            Some(ifname) => Self::Attachment { container_id, ifname: ifname.to_owned() },
            None => Self::Container(container_id),
        }
    }

    /// The content of a reservation file, byte for byte as the reference writes it.
    pub fn content_for(attachment: &Attachment) -> String {
        format!("{}\r\n{}", attachment.container_id, attachment.ifname)
    }

    /// The container, where there is one.
    pub fn container_id(&self) -> Option<&str> {
        match self {
            Self::Attachment { container_id, .. } | Self::Container(container_id) => {
                Some(container_id)
            }
            Self::Nobody | Self::Unknown => None,
        }
    }

    /// Whether this is exactly that attachment.
    pub fn is_attachment(&self, attachment: &Attachment) -> bool {
        matches!(self, Self::Attachment { container_id, ifname }
            if *container_id == attachment.container_id && *ifname == attachment.ifname)
    }

    /// Whether this is that attachment's container, with no interface told.
    pub fn is_container(&self, attachment: &Attachment) -> bool {
        matches!(self, Self::Container(container_id) if *container_id == attachment.container_id)
    }
}
