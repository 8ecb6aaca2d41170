//! An attachment as the delegate knows it, and what is kept of it here.

use std::fmt;

use cni_core::{Delegate, Owned, Request, Result};

use crate::conf::Conf;
use crate::plan::Plan;
use crate::state::State;

/// The delegate's part of an attachment. Its state outlives it: a DEL that failed is repeated.
pub(crate) struct Delegation {
    pub(crate) delegate: Delegate,
    pub(crate) state: State,
}

impl Owned for Delegation {
    fn remove(&self) -> Result<()> {
        self.delegate.del()?;
        self.state.remove()
    }
}

impl fmt::Display for Delegation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attachment by {}", self.delegate)
    }
}

/// The state of an earlier ADD of the same attachment: a later one that fails puts it back and
/// leaves the attachment alone.
pub(crate) struct EarlierState {
    pub(crate) state: State,
    pub(crate) content: Vec<u8>,
}

impl Owned for EarlierState {
    fn remove(&self) -> Result<()> {
        self.state.write(&self.content)
    }
}

impl fmt::Display for EarlierState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("change of the state of an earlier ADD")
    }
}

/// The state of a request's attachment.
pub(crate) fn state_of(request: &Request<Conf>) -> State {
    let attachment = &request.attachment;
    let network = &request.network.name;
    State::of(&request.conf.data_dir, network, &attachment.container_id, &attachment.ifname)
}

/// Finds the delegate of a plan and gives it its configuration.
///
/// # Errors
///
/// `failed to find plugin …`, and the like.
pub(crate) fn delegate_of(request: &Request<Conf>, plan: &Plan) -> Result<Delegate> {
    Ok(request.delegate(&plan.plugin)?.with_configuration(plan.bytes()))
}
