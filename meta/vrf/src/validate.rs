//! What ADD refuses whatever the machine and the container are.

use cni_core::{Request, Result, Validate};

use crate::Vrf;
use crate::conf::Conf;
use crate::plan::Plan;

impl Validate for Vrf {
    fn validate(request: &Request<Conf>) -> Result<()> {
        Plan::new(&request.conf, "eth0").map(drop)
    }
}
