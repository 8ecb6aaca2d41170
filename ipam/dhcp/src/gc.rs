//! GC: takes away what is this network's and no valid attachment's.

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Cleanup, Request, Result};

use crate::conf::Conf;

pub(crate) fn gc(
    _request: &Request<Conf>,
    _valid: &[ValidAttachment],
    _cleanup: &mut Cleanup,
) -> Result<()> {
    Ok(())
}
