//! A request of the runtime, as a question to the daemon.

use std::path;

use cni_core::spec::error::io_cause;
use cni_core::spec::json;
use cni_core::{Context, Error, Request, Result, quote};

use super::Call;
use crate::conf::{Conf, LeaseConf};
use crate::plan;

/// The question with this method.
///
/// # Errors
///
/// When the namespace has a relative path and there is no folder to start from.
pub(crate) fn question(request: &Request<Conf>, method: &str) -> Result<Call> {
    let invocation = request.invocation();
    let attachment = &request.attachment;
    let netns = match attachment.netns.as_str() {
        "" => String::new(),
        netns => path::absolute(netns)
            .map_err(|error| {
                let (netns, cause) = (quote(netns), io_cause(&error));
                Error::internal(format!("failed to make {netns} an absolute path: {cause}"))
            })?
            .to_string_lossy()
            .into_owned(),
    };
    Ok(Call {
        method: method.to_owned(),
        sequence: 0,
        container_id: attachment.container_id.clone(),
        netns,
        ifname: attachment.ifname.clone(),
        args: request.cni_args.clone(),
        path: invocation.path.clone(),
        stdin: invocation.stdin.to_vec(),
    })
}

/// Refuses a configuration that no lease can be asked for with.
///
/// # Errors
///
/// Values of wrong types, and whatever [`plan::wishes`] refuses, in the daemon's words.
pub(crate) fn check_wishes(request: &Request<Conf>) -> Result<()> {
    let conf: LeaseConf = json::from_slice(&request.invocation().stdin)
        .context(|| "error obtaining socketPath: error parsing socket path conf")?;
    plan::wishes(&conf, &request.cni_args).context(|| "error calling DHCP.Allocate").map(drop)
}
