//! CHECK: the daemon holds the lease that ADD has reported.

use cni_core::{Error, Request, Result};

use crate::conf::Conf;
use crate::rpc::ask;
use crate::rpc::client::Connection;
use crate::rpc::{Answer, Call, method};

/// Compares the lease with the previous result.
///
/// # Errors
///
/// A bad configuration, no daemon, no lease, or another one.
pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let families = ask::check_wishes(request)?;
    let previous = request.network.prev_result()?;
    let question = ask::question(request, method::CHECK)?;
    let Answer::Result(held) = ask_daemon(request.conf.socket_path(), &question)? else {
        return Err(Error::internal("the daemon answered without a lease"));
    };
    ask::check_families(families, &held)?;
    let Some(previous) = previous else { return Ok(()) };
    let addresses =
        |ips: &[cni_core::IpConfig]| -> Vec<_> { ips.iter().filter_map(|ip| ip.address).collect() };
    let reported = addresses(&previous.ips);
    match addresses(&held.ips).into_iter().find(|address| !reported.contains(address)) {
        None => Ok(()),
        Some(address) => Err(Error::internal(format!(
            "dhcp: the lease of container {} is for {address}, which prevResult does not have",
            request.attachment.container_id
        ))),
    }
}

/// Asks without asking for a lease. The reference's daemon has no such question; it is asked for
/// the lease then, as its own plugin does.
fn ask_daemon(socket_path: &str, question: &Call) -> Result<Answer> {
    let ask = |question: &Call| {
        Connection::open(socket_path).map_err(|unreachable| unreachable.error)?.call(question)
    };
    match ask(question) {
        Err(error) if error.msg.contains("can't find method") => {
            ask(&Call { method: method::ALLOCATE.to_owned(), ..question.clone() })
        }
        outcome => outcome,
    }
}
