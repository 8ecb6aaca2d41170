//! DEL: takes away whatever any part of an ADD may have left; gone is success.

use cni_core::{Cleanup, Request, Result};
use netfilter::iptables::Protocol;

use crate::backend::iptables::IptablesRules;
use crate::backend::nftables::NftablesRules;
use crate::conf::Conf;
use crate::flows::Flows;
use crate::mapping::Mapping;
use crate::owner::Owner;

pub(crate) fn del(request: &Request<Conf>, cleanup: &mut Cleanup) -> Result<()> {
    // A mapping that ADD refuses has left nothing.
    let written = &request.conf.runtime_config.port_mappings;
    let mappings: Vec<Mapping> =
        written.iter().filter_map(|mapping| Mapping::read(mapping).ok()).collect();
    // Whichever backend would be chosen now, another one may have been.
    cleanup.remove(&IptablesRules::of(request, mappings.clone()));
    // Without mappings, rules that name only the container belong to another network of it.
    cleanup.remove(&NftablesRules { owner: Owner::of(request), takes_untold: !written.is_empty() });
    cleanup.remove(&Flows { mappings, protocols: Protocol::BOTH.to_vec() });
    Ok(())
}
