//! GC: the rules of attachments that are gone; addresses are the IPAM plugin's.

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Cleanup, Request};
use cni_ipam::lease;
use netfilter::masquerade;

use crate::conf::Conf;

pub(crate) fn gc(request: &Request<Conf>, valid: &[ValidAttachment], cleanup: &mut Cleanup) {
    lease::collect_garbage(request, cleanup);
    if request.conf.ip_masq {
        let valid: Vec<_> = valid
            .iter()
            .map(|attachment| (attachment.container_id.as_str(), attachment.ifname.as_str()))
            .collect();
        let collected = masquerade::collect_garbage(&request.network.name, &valid);
        cleanup.record(collected.map_err(Into::into));
    }
}
