//! What ADD refuses whatever the machine and the container are.

use cni_core::spec::json::Shape;
use cni_core::{Request, Result, Validate};

use crate::Dhcp;
use crate::conf::{Conf, LeaseConf};
use crate::rpc::ask;

impl Validate for Dhcp {
    const CHOICES: &'static [(&'static str, &'static [&'static str])] =
        &[("ipam.ipv6", &["dhcp", "slaac", "auto"])];

    // The plugin reads where the daemon is, the daemon reads the rest.
    fn shape() -> Shape {
        Shape::of::<Conf>().merged(Shape::of::<LeaseConf>())
    }

    fn validate(request: &Request<Conf>) -> Result<()> {
        ask::check_wishes(request).map(drop)
    }
}
