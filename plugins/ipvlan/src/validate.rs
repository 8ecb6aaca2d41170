//! What ADD refuses whatever the machine and the container are.

use cni_core::{Request, Result, Validate};

use crate::Ipvlan;
use crate::conf::Conf;
use crate::plan::Plan;

impl Validate for Ipvlan {
    const CHOICES: &'static [(&'static str, &'static [&'static str])] =
        &[("mode", &["l2", "l3", "l3s", ""])];

    fn validate(request: &Request<Conf>) -> Result<()> {
        Plan::new(request).map(drop)
    }
}
