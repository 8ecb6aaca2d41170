//! ADD: tells the plan.

use cni_core::{AddResult, IpConfig, Request, Result};

use crate::conf::Conf;
use crate::plan::{Address, Plan};

/// Answers what is written down; nothing is made and nothing remembered.
///
/// # Errors
///
/// A bad configuration.
pub fn add(request: &Request<Conf>) -> Result<AddResult> {
    let Plan { addresses, routes, dns } = Plan::of(request)?;
    let ips = addresses
        .into_iter()
        .map(|Address { cidr, gateway }| IpConfig { interface: None, address: Some(cidr), gateway })
        .collect();
    Ok(AddResult { ips, routes, dns, ..AddResult::default() })
}
