//! DEL: takes away whatever any part of an ADD may have left; gone is success.

use cni_core::{Cleanup, Request, Result};

use crate::allowance::Allowance;
use crate::claim::{self, Holder};
use crate::conf::Conf;
use crate::plan;

pub(crate) fn del(request: &Request<Conf>, cleanup: &mut Cleanup) -> Result<()> {
    let holder = Holder::of(request);
    let previous = request.network.prev_result().ok().flatten().unwrap_or_default();
    let mut addresses = plan::addresses(&previous);
    if addresses.is_empty() {
        // Only the claims tell.
        let claimed = claim::find(|claimant| *claimant == holder)?;
        addresses = claimed.into_iter().flat_map(|(_, addresses)| addresses).collect();
    }
    for allowance in Allowance::find(&request.conf, &holder, &addresses)? {
        cleanup.remove(&allowance);
    }
    Ok(())
}
