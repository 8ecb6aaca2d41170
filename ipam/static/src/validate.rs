//! What ADD refuses whatever the machine and the container are.

use cni_core::{Request, Result, Validate};

use crate::Static;
use crate::conf::Conf;
use crate::plan::Plan;

impl Validate for Static {
    fn validate(request: &Request<Conf>) -> Result<()> {
        Plan::of(request).map(drop)
    }
}
