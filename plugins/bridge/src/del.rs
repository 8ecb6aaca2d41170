//! DEL: the link, the lease and the rules, none of which waits for another.

use cni_core::{Cleanup, Owned, Request, Result};
use cni_ipam::container;
use cni_ipam::masquerade::MasqueradeRules;

use crate::conf::Conf;
use crate::spoof_check::SpoofCheckRules;

pub(crate) fn del(request: &Request<Conf>, cleanup: &mut Cleanup) -> Result<()> {
    container::detach(request, cleanup, |container| {
        let mut rules: Vec<Box<dyn Owned>> = Vec::new();
        if request.conf.ip_masq {
            rules.push(Box::new(MasqueradeRules::find(request, container)));
        }
        if request.conf.macspoofchk {
            rules.push(Box::new(SpoofCheckRules::of(request)));
        }
        rules
    });
    Ok(())
}
