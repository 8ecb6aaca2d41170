//! What ADD refuses whatever the machine and the container are.

use cni_core::{Request, Result, Validate};

use crate::Sbr;
use crate::conf::Conf;
use crate::plan::Tables;

impl Validate for Sbr {
    fn validate(request: &Request<Conf>) -> Result<()> {
        Tables::new(&request.conf).map(drop)
    }
}
