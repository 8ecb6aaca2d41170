//! ADD: a lease, which the daemon gets and keeps.

use std::fmt;

use cni_core::{AddResult, Error, Owned, Request, Result, Undo};

use crate::conf::Conf;
use crate::rpc::ask;
use crate::rpc::client::Connection;
use crate::rpc::{Answer, Call, method};

/// Asks the daemon for a lease.
///
/// # Errors
///
/// A bad configuration, no daemon, or no lease.
pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let families = ask::check_wishes(request)?;
    let question = ask::question(request, method::ALLOCATE)?;
    let socket_path = request.conf.socket_path();
    let connection = Connection::open(socket_path).map_err(|unreachable| unreachable.error)?;
    undo.own(Lease {
        socket_path: socket_path.to_owned(),
        release: Call { method: method::RELEASE.to_owned(), ..question.clone() },
    });
    match connection.call(&question)? {
        Answer::Result(result) => ask::check_families(families, &result).map(|()| result),
        Answer::Done | Answer::Error(_) => {
            Err(Error::internal("the daemon answered without a lease"))
        }
    }
}

/// The lease of an attachment, kept by the daemon.
struct Lease {
    socket_path: String,
    release: Call,
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the lease of {} in {}", self.release.ifname, self.release.container_id)
    }
}

impl Owned for Lease {
    fn remove(&self) -> Result<()> {
        let connection = Connection::open(&self.socket_path).map_err(|failed| failed.error)?;
        connection.call(&self.release).map(drop)
    }
}
