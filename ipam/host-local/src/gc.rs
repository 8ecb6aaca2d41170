//! GC: frees what no valid attachment holds.

use std::collections::HashSet;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Cleanup, Request, Result};

use crate::conf::Conf;
use crate::store::{Folder, Holder, Store, failed};

/// Frees the addresses of attachments that are not `valid`, and those that nobody holds. Files
/// that say something else than the name of a holder are left alone.
///
/// # Errors
///
/// When the store cannot be read.
pub fn gc(request: &Request<Conf>, valid: &[ValidAttachment], cleanup: &mut Cleanup) -> Result<()> {
    let data_dir = request.conf.ipam()?.data_dir();
    let Some(folder) = Folder::find(data_dir, &request.network.name)? else {
        return Ok(());
    };
    let unreadable = |error| failed("read", folder.path(), &error);
    let mut store = Store::lock(&folder, &request.attachment)?;
    let valid = Valid::of(valid);
    let records = store.records().map_err(unreadable)?.iter();
    let stale: Vec<String> = records
        .filter(|record| valid.excludes(&record.holder))
        .map(|record| record.name.clone())
        .chain(folder.drafts().map_err(unreadable)?)
        .collect();
    for name in stale {
        let path = folder.path().join(&name);
        let released = store.release(name);
        cleanup.record(released.map_err(|error| failed("free the address", &path, &error)));
    }
    store.settle();
    Ok(())
}

/// The attachments that keep their addresses.
struct Valid<'a> {
    attachments: HashSet<(&'a str, &'a str)>,
    containers: HashSet<&'a str>,
}

impl<'a> Valid<'a> {
    fn of(valid: &'a [ValidAttachment]) -> Self {
        let attachments =
            valid.iter().map(|v| (v.container_id.as_str(), v.ifname.as_str())).collect();
        let containers = valid.iter().map(|v| v.container_id.as_str()).collect();
        Self { attachments, containers }
    }

    /// Whether an address is held by none of them; what is unknown is left alone.
    fn excludes(&self, holder: &Holder) -> bool {
        match holder {
            Holder::Attachment { container_id, ifname } => {
                !self.attachments.contains(&(container_id.as_str(), ifname.as_str()))
            }
            Holder::Container(container_id) => !self.containers.contains(container_id.as_str()),
            Holder::Nobody => true,
            Holder::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_provably_belongs_to_nobody_is_stale() {
        let valid = [ValidAttachment { container_id: "c1".to_owned(), ifname: "eth0".to_owned() }];
        for (content, stale) in [
            ("c1\r\neth0", false),
            ("c1\r\neth1", true),
            ("c2\r\neth0", true),
            ("c1", false),
            (" c2\n", true),
            ("", true),
            ("c2\neth0", false),
            ("a remark of the administrator", false),
        ] {
            let holder = Holder::of(content.as_bytes());
            assert_eq!(Valid::of(&valid).excludes(&holder), stale, "{content:?}");
        }
    }
}
