//! DEL: frees what the attachment holds.

use cni_core::{Cleanup, Request, Result};

use crate::conf::Conf;
use crate::store::{Folder, Store, failed};

/// Frees every address of the attachment. Ranges, routes and requested addresses do not matter, so
/// neither do mistakes in them.
///
/// # Errors
///
/// When the store cannot be read.
pub fn del(request: &Request<Conf>, cleanup: &mut Cleanup) -> Result<()> {
    let data_dir = request.conf.ipam()?.data_dir();
    let Some(folder) = Folder::find(data_dir, &request.network.name)? else {
        return Ok(());
    };
    let mut store = Store::lock(&folder, &request.attachment)?;
    let held = store.held().map_err(|error| failed("read", folder.path(), &error))?;
    for record in held {
        let path = folder.path().join(&record.name);
        let released = store.release(record.name);
        cleanup.record(released.map_err(|error| failed("free the address", &path, &error)));
    }
    store.settle();
    Ok(())
}
