//! STATUS: whether some ADD could succeed.

use cni_core::{Request, Result};

use crate::conf::Conf;

/// Refuses a configuration that is wrong for every attachment. Addresses are not looked at: each
/// attachment may bring its own.
///
/// # Errors
///
/// Those of ADD for a configuration that cannot be read.
pub fn status(request: &Request<Conf>) -> Result<()> {
    request.conf.written()?.ipam()?;
    Ok(())
}
