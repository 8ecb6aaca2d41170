//! STATUS: whether ADD can work now.

use cni_core::{Request, Result};

use crate::conf::Conf;

pub(crate) fn status(_request: &Request<Conf>) -> Result<()> {
    Ok(())
}
