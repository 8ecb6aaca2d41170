//! What ADD refuses whatever the machine and the container are.

use cni_core::{Request, Result, Validate};

use crate::Flannel;
use crate::conf::Conf;
use crate::plan::Plan;
use crate::subnet::Subnet;

impl Validate for Flannel {
    fn validate(request: &Request<Conf>) -> Result<()> {
        delegated(request).map(drop)
    }
}

/// The configuration that the delegate gets on a node with some subnet or other.
///
/// # Errors
///
/// Those of ADD.
pub fn delegated(request: &Request<Conf>) -> Result<String> {
    let network = |text: &str| text.parse().into_iter().collect();
    let subnet = Subnet {
        networks: network("10.244.0.0/16"),
        subnets: network("10.244.1.0/24"),
        mtu: 1450,
        masquerades: false,
    };
    let plan = Plan::new(&request.network, &request.conf, &subnet)?;
    Ok(String::from_utf8_lossy(&plan.bytes()).into_owned())
}
