//! DEL: the lease is given back to its server.

use cni_core::{Request, Result};

use crate::conf::Conf;
use crate::daemon::record::{Records, key};
use crate::rpc::ask;
use crate::rpc::client::Connection;
use crate::rpc::method;

/// Has the daemon release the lease, or does it without one: what a daemon held is on record.
///
/// # Errors
///
/// When a daemon is there and does not answer, or the record cannot be removed.
pub(crate) fn del(request: &Request<Conf>) -> Result<()> {
    let socket_path = request.conf.socket_path();
    match Connection::open(socket_path) {
        Ok(connection) => {
            let question = ask::question(request, method::RELEASE)?;
            connection.call(&question).map(drop)
        }
        Err(unreachable) if unreachable.is_absent => {
            let attachment = &request.attachment;
            let key = key(&attachment.container_id, &request.network.name, &attachment.ifname);
            Records::beside(socket_path).release(&key)
        }
        Err(unreachable) => Err(unreachable.error),
    }
}
