//! GC: the rules of attachments that are gone; addresses are the IPAM plugin's.

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Cleanup, Request};
use cni_ipam::{lease, masquerade};

use crate::conf::Conf;
use crate::spoof_check;

pub(crate) fn gc(request: &Request<Conf>, valid: &[ValidAttachment], cleanup: &mut Cleanup) {
    lease::collect_garbage(request, cleanup);
    if request.conf.ip_masq {
        masquerade::collect_garbage(request, valid, cleanup);
    }
    if request.conf.macspoofchk {
        spoof_check::collect_garbage(request, valid, cleanup);
    }
}
