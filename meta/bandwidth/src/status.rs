//! STATUS: whether ADD could work now.

use cni_core::{Request, Result};

use crate::conf::Conf;
use crate::plan::Plan;

/// Nothing but wrong limits is known to be in the way; that the kernel lacks the devices or the
/// disciplines would only show by making one.
pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    Plan::new(&request.conf).map(drop)
}
