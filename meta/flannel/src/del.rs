//! DEL: the delegate's DEL with the configuration of its ADD, and then the state.

use cni_core::{Cleanup, Request, Result};

use crate::conf::Conf;
use crate::delegation::{Delegation, delegate_of, state_of};
use crate::plan::Plan;
use crate::subnet::Subnet;

/// Runs the delegate's DEL.
///
/// # Errors
///
/// The delegate's own error; the state then stays for the next DEL.
pub(crate) fn del(request: &Request<Conf>, cleanup: &mut Cleanup) -> Result<()> {
    let state = state_of(request);
    let content = state.read()?;
    let stored = content.as_deref().and_then(Plan::read);
    let delegate = match (content, stored) {
        (Some(content), Some(plan)) => request.delegate(&plan.plugin)?.with_configuration(content),
        // A crash has spoilt the state. What is known of the subnet will do: no DEL depends on it.
        (Some(_), None) => {
            let subnet = Subnet::load(&request.conf.subnet_file).unwrap_or_default();
            delegate_of(request, &Plan::new(&request.network, &request.conf, &subnet)?)?
        }
        // The reference may have lost the state, or an earlier DEL may not have known the
        // namespace. Where nothing could be attached now there is nothing to be done, either.
        (None, _) => {
            let now = Subnet::load(&request.conf.subnet_file)
                .and_then(|subnet| Plan::new(&request.network, &request.conf, &subnet))
                .and_then(|plan| delegate_of(request, &plan));
            let Ok(delegate) = now else { return state.remove() };
            delegate
        }
    };
    cleanup.remove(&Delegation { delegate, state });
    Ok(())
}
