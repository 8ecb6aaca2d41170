//! What ADD refuses whatever the machine and the container are.

use cni_core::{Request, Result, Validate};

use crate::Bandwidth;
use crate::conf::Conf;
use crate::plan::Plan;

impl Validate for Bandwidth {
    fn validate(request: &Request<Conf>) -> Result<()> {
        Plan::new(&request.conf).map(drop)
    }
}
