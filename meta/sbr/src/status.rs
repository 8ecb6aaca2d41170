//! STATUS: whether ADD can work now; nothing but the configuration can tell.

use cni_core::{Request, Result};

use crate::conf::Conf;
use crate::plan::Tables;

pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    Tables::new(&request.conf).map(drop)
}
