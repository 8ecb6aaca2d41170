//! What ADD refuses whatever the machine and the container are.

use cni_core::{Request, Result, Validate};

use crate::HostLocal;
use crate::conf::Conf;
use crate::plan::Plan;
use crate::range::Range;

impl Validate for HostLocal {
    fn validate(request: &Request<Conf>) -> Result<()> {
        let ipam = request.conf.ipam()?;
        let has_none =
            ipam.ranges.get("ipam.ranges")?.is_empty() && ipam.old_syntax_range()?.is_none();
        if has_none && request.network.capabilities.get("ipRanges") == Some(&true) {
            return Ok(());
        }
        plan(request).map(drop)
    }
}

/// The store that a configuration uses, and the ranges it hands out addresses of.
///
/// # Errors
///
/// Those of ADD.
pub fn store_and_ranges(request: &Request<Conf>) -> Result<(String, Vec<Range>)> {
    let store = format!("{}/{}", request.conf.ipam()?.data_dir(), request.network.name);
    let ranges = plan(request)?.sets.iter().flat_map(|set| set.ranges()).copied().collect();
    Ok((store, ranges))
}

fn plan(request: &Request<Conf>) -> Result<Plan> {
    Plan::new(&request.conf, &request.network, &request.cni_args)
}
