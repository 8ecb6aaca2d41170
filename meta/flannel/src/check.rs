//! CHECK: the delegate finds the attachment as its ADD left it.

use cni_core::{Error, Request, Result, quote};

use crate::conf::Conf;
use crate::delegation::{delegate_of, state_of};
use crate::plan::Plan;

/// Runs the delegate's CHECK with the configuration of its ADD and the result of that.
///
/// # Errors
///
/// When there is no state, without which nothing would be cleaned up, and the delegate's own.
pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let content = state_of(request).read()?;
    let plan = content.and_then(|content| Plan::read(&content)).ok_or_else(|| {
        let container_id = quote(&request.attachment.container_id);
        let data_dir = quote(&request.conf.data_dir);
        Error::internal(format!("failed to find the state of {container_id} in {data_dir}"))
    })?;
    let prev_result = request.network.prev_result.clone().into();
    delegate_of(request, &plan.with(&request.network, "prevResult", prev_result))?.check()
}
