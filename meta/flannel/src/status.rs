//! STATUS: whether flannel's daemon has written a subnet, and the delegate could work with it.

use cni_core::{Code, Error, Request, Result};

use crate::conf::Conf;
use crate::delegation::delegate_of;
use crate::plan::Plan;
use crate::subnet::Subnet;

/// Looks at the subnet file and asks the delegate.
///
/// # Errors
///
/// A bad configuration; code 50 for a missing subnet file or delegate; the delegate's own error.
pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    let unavailable = |error: Error| Error { code: Code::NOT_AVAILABLE, ..error };
    let subnet = Subnet::load(&request.conf.subnet_file).map_err(unavailable)?;
    let plan = Plan::new(&request.network, &request.conf, &subnet)?;
    delegate_of(request, &plan).map_err(unavailable)?.status()
}
