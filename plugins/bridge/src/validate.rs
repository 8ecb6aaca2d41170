//! What ADD refuses whatever the machine and the container are.

use cni_core::{Request, Result, Validate};

use crate::Bridge;
use crate::conf::Conf;
use crate::plan::Plan;

impl Validate for Bridge {
    const CHOICES: &'static [(&'static str, &'static [&'static str])] =
        &[("ipMasqBackend", &["iptables", "nftables"])];

    fn validate(request: &Request<Conf>) -> Result<()> {
        Plan::new(request).map(drop)
    }
}
