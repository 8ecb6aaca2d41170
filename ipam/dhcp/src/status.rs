//! STATUS: whether ADD can get a lease now, as far as this machine can tell.

use cni_core::{Code, Error, Request, Result};

use crate::conf::Conf;
use crate::rpc::ask;
use crate::rpc::client::Connection;

/// Looks whether the daemon greets.
///
/// # Errors
///
/// A bad configuration, and code 50 without a daemon.
pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    ask::check_wishes(request)?;
    match Connection::open(request.conf.socket_path()) {
        Ok(_) => Ok(()),
        Err(unreachable) => Err(Error { code: Code::NOT_AVAILABLE, ..unreachable.error }),
    }
}
