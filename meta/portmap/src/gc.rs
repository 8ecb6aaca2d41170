//! GC: the rules of attachments that are gone.

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Cleanup, Request, Result};

use crate::backend::{iptables, nftables};
use crate::conf::Conf;

pub(crate) fn gc(
    request: &Request<Conf>,
    valid: &[ValidAttachment],
    cleanup: &mut Cleanup,
) -> Result<()> {
    let network = &request.network.name;
    cleanup.record(iptables::collect_garbage(network, valid));
    cleanup.record(nftables::collect_garbage(network, valid));
    Ok(())
}
