//! STATUS: whether ADD can work now.

use cni_core::{Request, Result};

use crate::conf::Conf;
use crate::plan::Plan;

/// Looks at the configuration: everything else is in containers that there are not yet.
///
/// # Errors
///
/// A bad configuration.
pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    // The interface's name is the runtime's, and any will do.
    Plan::new(&request.conf, "eth0").map(drop)
}
