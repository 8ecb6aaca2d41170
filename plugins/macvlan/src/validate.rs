//! What ADD refuses whatever the machine and the container are.

use cni_core::{Request, Result, Validate};

use crate::Macvlan;
use crate::conf::Conf;
use crate::plan::Plan;

impl Validate for Macvlan {
    const CHOICES: &'static [(&'static str, &'static [&'static str])] =
        &[("mode", &["bridge", "private", "vepa", "passthru", ""])];

    fn validate(request: &Request<Conf>) -> Result<()> {
        Plan::new(request).map(drop)
    }
}
