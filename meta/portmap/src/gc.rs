//! GC: the rules of attachments that are gone.

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Cleanup, Request};

use crate::conf::Conf;
use crate::{iptables, nftables};

pub(crate) fn gc(request: &Request<Conf>, valid: &[ValidAttachment], cleanup: &mut Cleanup) {
    let network = &request.network.name;
    cleanup.record(iptables::collect_garbage(network, valid));
    cleanup.record(nftables::collect_garbage(network, valid));
}
