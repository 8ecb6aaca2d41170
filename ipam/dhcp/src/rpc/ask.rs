//! A request of the runtime, as a question to the daemon.

use std::path;

use cni_core::spec::error::io_cause;
use cni_core::spec::json;
use cni_core::{AddResult, Context, Error, Request, Result, quote};

use super::Call;
use crate::conf::{Conf, LeaseConf};
use crate::plan::{self, Families};

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

/// Refuses a configuration that no lease can be asked for with, and returns which families of
/// addresses it asks for.
///
/// # Errors
///
/// Values of wrong types, and whatever [`plan::wishes`] and [`plan::families`] refuse, in the
/// daemon's words.
pub(crate) fn check_wishes(request: &Request<Conf>) -> Result<Families> {
    let conf: LeaseConf = json::from_slice(&request.invocation().stdin)
        .context(|| "error obtaining socketPath: error parsing socket path conf")?;
    let wishes = plan::wishes(&conf, &request.cni_args);
    wishes.and_then(|_| plan::families(&conf)).context(|| "error calling DHCP.Allocate")
}

/// Refuses an answer with other families of addresses than those that were asked for: the
/// reference's daemon knows nothing of IPv6, and an old one of ours neither.
///
/// # Errors
///
/// The first family that is missing or too many.
pub(crate) fn check_families(wanted: Families, answer: &AddResult) -> Result<()> {
    let has = |is_ipv6: bool| {
        let mut addresses = answer.ips.iter().filter_map(|ip| ip.address);
        addresses.any(|address| address.ip().is_ipv6() == is_ipv6)
    };
    let is_wanted = [wanted.four, wanted.six.is_some()];
    let keys = ["ipam.ipv4", "ipam.ipv6"];
    for (family, (key, is_wanted)) in keys.into_iter().zip(is_wanted).enumerate() {
        if has(family == 1) != is_wanted {
            let what = if is_wanted { "none" } else { "one" };
            return Err(Error::internal(format!(
                "the DHCP daemon does not follow {key}: its answer has {what} of these addresses; \
                 is it of this release?"
            )));
        }
    }
    Ok(())
}
