//! A file that says that nf_tables may have rules of an attachment, so that the first ADD need not
//! read those of all others to find out that it has none.

use std::path::Path;

use cni_core::Result;
use cni_ipam::state_file::StateFile;
use netfilter::naming;

use crate::owner::Owner;

/// Gone after a reboot, as the rules are.
pub(crate) const FOLDER: &str = "/run/cni/portmap";

/// The marker of an attachment.
pub(crate) fn of(owner: &Owner) -> StateFile {
    StateFile::new(Path::new(FOLDER), owner.instance())
}

/// Makes the marker; tells whether it was there.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn ensure(owner: &Owner) -> Result<bool> {
    let marker = of(owner);
    if marker.read()?.is_some() {
        return Ok(true);
    }
    marker.write(format!("{} {}\n", owner.network, owner.container_id).as_bytes())?;
    Ok(false)
}

/// Removes the markers of a network's attachments but those of these instances.
///
/// # Errors
///
/// The first that cannot be removed.
pub(crate) fn collect_garbage(network: &str, valid: &[String]) -> Result<()> {
    let start = format!("{}-", naming::network_hash(network));
    let is_stale = |file: &StateFile| {
        file.name().starts_with(&start) && !valid.iter().any(|instance| instance == file.name())
    };
    StateFile::list(Path::new(FOLDER))?
        .iter()
        .filter(|file| is_stale(file))
        .try_for_each(StateFile::remove)
}
