//! ADD: the delegate is configured, remembered and run.

use cni_core::{AddResult, Context, Error, Request, Result, Undo};

use crate::conf::Conf;
use crate::delegation::{Delegation, EarlierState, delegate_of, state_of};
use crate::plan::Plan;
use crate::subnet::Subnet;

/// Runs the delegate's ADD.
///
/// # Errors
///
/// A bad subnet file or configuration, a state that cannot be kept, and the delegate's own error.
pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let subnet = Subnet::load(&request.conf.subnet_file)?;
    let plan = Plan::new(&request.network, &request.conf, &subnet)?;
    if request.conf.data_dir.is_empty() {
        return Err(Error::internal("mkdir : no such file or directory"));
    }
    let delegate = delegate_of(request, &plan).context(|| "failed to delegate add")?;
    let state = state_of(request);
    match state.read()? {
        None => undo.own(Delegation { delegate: delegate.clone(), state: state.clone() }),
        Some(content) => undo.own(EarlierState { state: state.clone(), content }),
    }
    state.write(&plan.bytes())?;
    delegate.start_add()?.finish()
}
