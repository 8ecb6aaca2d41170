//! GC: what is this network's and no valid attachment's.

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Cleanup, Request, Result};

use crate::conf::Conf;

/// Has nothing to do: a VRF ends with its container, and nothing is kept on the host.
///
/// # Errors
///
/// Never.
pub(crate) fn gc(
    _request: &Request<Conf>,
    _valid: &[ValidAttachment],
    _cleanup: &mut Cleanup,
) -> Result<()> {
    Ok(())
}
