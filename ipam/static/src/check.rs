//! CHECK: the container has the addresses of the plan.

use cni_core::{Error, IpConfig, Request, Result};

use crate::conf::Conf;
use crate::plan::{Address, Plan, canonical};

/// Looks for each address of the plan in the previous result.
///
/// Routes and DNS settings are not looked at: the interface plugin may replace the latter, and
/// multi-network runtimes take default routes out of the results they keep.
///
/// # Errors
///
/// A bad configuration, no previous result, or an address that is not in it with the same prefix
/// length and gateway.
pub fn check(request: &Request<Conf>) -> Result<()> {
    let plan = Plan::of(request)?;
    let previous = request.network.prev_result()?;
    let previous = previous.ok_or_else(|| Error::internal("Required prevResult missing"))?;
    match plan.addresses.iter().find(|wanted| !previous.ips.iter().any(|ip| is(ip, wanted))) {
        Some(wanted) => Err(Error::internal(format!(
            "static: Failed to match addr {} on interface {}",
            wanted.cidr.ip(),
            request.attachment.ifname
        ))
        .with_details(format!("the previous result has no address {wanted}"))),
        None => Ok(()),
    }
}

/// Whether an address of a result is the one that is wanted. Where no gateway is written down, the
/// interface plugin may have made one up.
fn is(found: &IpConfig, wanted: &Address) -> bool {
    found.address.map(canonical) == Some(wanted.cidr)
        && (wanted.gateway.is_none() || wanted.gateway == found.gateway)
}
