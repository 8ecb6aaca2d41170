//! DEL: takes away whatever any part of an ADD may have left; gone is success.

use cni_core::{Cleanup, Request, Result};

use crate::conf::Conf;

pub(crate) fn del(_request: &Request<Conf>, _cleanup: &mut Cleanup) -> Result<()> {
    Ok(())
}
