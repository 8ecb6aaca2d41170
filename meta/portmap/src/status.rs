//! STATUS: whether ADD can work now.

use cni_core::{Code, Error, Request, Result};
use netfilter::Backend;

use crate::backend;
use crate::conf::Conf;
use crate::plan::Plan;

pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    let chosen = Plan::new(request, backend::probe)?.backend;
    if chosen.is_usable() {
        return Ok(());
    }
    let msg = match chosen {
        Backend::Iptables => "iptables cannot be used here",
        Backend::Nftables => "nf_tables cannot be used here",
        Backend::Preferred => "neither iptables nor nf_tables can be used here",
    };
    Err(Error::new(Code::NOT_AVAILABLE, msg))
}
