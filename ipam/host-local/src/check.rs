//! CHECK: the attachment still holds an address.

use cni_core::{Error, Request, Result};

use crate::conf::Conf;
use crate::plan::Plan;
use crate::store::{Folder, Store, failed};

/// Looks for an address of the attachment.
///
/// # Errors
///
/// A bad configuration, or no address.
pub fn check(request: &Request<Conf>) -> Result<()> {
    Plan::new(&request.conf, &request.network, &request.cni_args)?;
    let data_dir = request.conf.ipam()?.data_dir();
    if let Some(folder) = Folder::find(data_dir, &request.network.name)? {
        let mut store = Store::lock(&folder, &request.attachment)?;
        let held = store.held().map_err(|error| failed("read", folder.path(), &error))?;
        if !held.is_empty() {
            return Ok(());
        }
    }
    Err(Error::internal(format!(
        "host-local: Failed to find address added by container {}",
        request.attachment.container_id
    )))
}
