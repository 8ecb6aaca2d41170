//! What ADD refuses whatever the machine and the container are.

use cni_core::{Request, Result, Validate};

use crate::Dummy;
use crate::conf::{Conf, require_ipam};

impl Validate for Dummy {
    fn validate(request: &Request<Conf>) -> Result<()> {
        require_ipam(request)
    }
}
