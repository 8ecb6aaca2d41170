//! GC: the devices of this network's attachments that are gone. What else there was went with the
//! containers' interfaces.

use std::collections::HashSet;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Cleanup, Request, Result};
use cni_ipam::link::HostLink;
use linux_net::Rtnl;

use crate::conf::Conf;
use crate::ifb;

pub(crate) fn gc(
    request: &Request<Conf>,
    valid: &[ValidAttachment],
    cleanup: &mut Cleanup,
) -> Result<()> {
    let network = &request.network.name;
    let prefix = ifb::network_prefix(network);
    let valid: HashSet<String> =
        valid.iter().map(|it| ifb::alias(network, &it.container_id, &it.ifname)).collect();
    for link in Rtnl::open_current()?.list_ifbs()? {
        // Without an alias it is the reference's, and of which network nobody knows.
        let alias = link.alias.unwrap_or_default();
        if alias.starts_with(&prefix) && !valid.contains(&alias) {
            cleanup.remove(&HostLink(link.name));
        }
    }
    Ok(())
}
