//! An address that a running ADD has reserved.

use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use cni_core::{Attachment, Draft, Owned, Result};

use super::folder::failed;
use super::{Folder, Store};

/// An address that ADD reserves, owned before that is done. Taking it away frees nothing that an
/// earlier ADD of the same attachment has reserved: the file must be the very one of this ADD.
pub struct Reservation {
    /// The network's folder.
    pub folder: Rc<Folder>,
    /// The file that the address is a name of.
    pub draft: Rc<Draft>,
    /// Who it is for.
    pub attachment: Attachment,
    /// The address.
    pub address: IpAddr,
}

impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reservation of {}", self.address)
    }
}

impl Owned for Reservation {
    fn remove(&self) -> Result<()> {
        let name = self.address.to_string();
        let mut store = Store::lock(&self.folder, &self.attachment)?;
        let released = match self.draft.is_linked_as(&self.folder, &name) {
            Ok(true) => store.release(name),
            outcome => outcome.map(|_| ()),
        };
        store.settle();
        released.map_err(|error| {
            failed("free the address", &self.folder.path().join(self.address.to_string()), &error)
        })
    }
}
