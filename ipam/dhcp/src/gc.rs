//! GC: leases of attachments that no longer exist are given back.

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Cleanup, Request, Result};

use crate::conf::Conf;
use crate::daemon::record::Records;
use crate::rpc::ask;
use crate::rpc::client::Connection;
use crate::rpc::method;

/// Has the daemon release what belongs to this network and to no valid attachment, or does it
/// without one.
///
/// # Errors
///
/// When a daemon is there and does not answer, or the records cannot be read.
pub(crate) fn gc(
    request: &Request<Conf>,
    valid: &[ValidAttachment],
    cleanup: &mut Cleanup,
) -> Result<()> {
    let socket_path = request.conf.socket_path();
    match Connection::open(socket_path) {
        Ok(connection) => match connection.call(&ask::question(request, method::COLLECT)?) {
            // The reference's daemon collects nothing.
            Err(error) if error.msg.contains("can't find method") => Ok(()),
            outcome => outcome.map(drop),
        },
        Err(unreachable) if unreachable.is_absent => {
            let records = Records::beside(socket_path);
            let is_valid = |container_id: &str, ifname: &str| {
                valid.iter().any(|v| v.container_id == container_id && v.ifname == ifname)
            };
            for record in records.list()?.0 {
                if record.network == request.network.name
                    && !is_valid(&record.container_id, &record.ifname)
                {
                    cleanup.record(records.release(&record.key()));
                }
            }
            Ok(())
        }
        Err(unreachable) => Err(unreachable.error),
    }
}
