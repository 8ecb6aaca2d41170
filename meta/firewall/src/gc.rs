//! GC: takes away what this network's attachments claimed that are not valid any more.

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Cleanup, Request, Result};

use crate::allowance::Allowance;
use crate::claim::{self, Holder};
use crate::conf::Conf;

pub(crate) fn gc(
    request: &Request<Conf>,
    valid: &[ValidAttachment],
    cleanup: &mut Cleanup,
) -> Result<()> {
    let network = &request.network.name;
    let valid: Vec<Holder> = valid
        .iter()
        .map(|attachment| Holder::new(network, &attachment.container_id, &attachment.ifname))
        .collect();
    for (holder, addresses) in claim::find(|it| it.is_of(network) && !valid.contains(it))? {
        for allowance in Allowance::find(&request.conf, &holder, &addresses)? {
            cleanup.remove(&allowance);
        }
    }
    Ok(())
}
