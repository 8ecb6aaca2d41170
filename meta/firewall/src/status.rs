//! STATUS: whether ADD can work now.

use cni_core::{Code, Error, Request, Result};

use crate::backend::firewalld::Firewalld;
use crate::backend::{Backend, iptables, nftables};
use crate::conf::Conf;

pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    let answered = match Backend::choose(&request.conf) {
        Backend::Iptables => iptables::status(),
        Backend::Nftables => nftables::status(),
        Backend::Firewalld { .. } => Firewalld::connect().and_then(|it| it.status()),
    };
    answered.map_err(|error| Error { code: Code::NOT_AVAILABLE, ..error })
}
