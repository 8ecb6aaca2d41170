//! What ADD refuses whatever the machine and the container are.

use cni_core::{Request, Result, Validate};

use crate::Tuning;
use crate::conf::Conf;
use crate::plan::Plan;

impl Validate for Tuning {
    fn validate(request: &Request<Conf>) -> Result<()> {
        Plan::for_interface(request, "IFNAME").map(drop)
    }
}
