//! Tracked flows to the mapped ports, which would go on to where they went before.

use std::fmt;

use cni_core::{Context, Owned, Result};
use linux_net::Family;
use linux_net::conntrack::{self, UdpFlows};
use netfilter::iptables::Protocol;
use netfilter::nft::Transport;

use crate::mapping::Mapping;

/// The flows of UDP to these ports; connections of other protocols end when their ends do.
pub(crate) struct Flows {
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) protocols: Vec<Protocol>,
}

impl Flows {
    /// Forgets them.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(crate) fn forget(&self) -> Result<()> {
        let of = |protocol: &Protocol| {
            let protocol = *protocol;
            let family = if protocol == Protocol::V4 { Family::V4 } else { Family::V6 };
            let is_meant = move |mapping: &&Mapping| {
                mapping.transport == Transport::Udp && mapping.is_for(protocol)
            };
            let flows = move |mapping: &Mapping| UdpFlows {
                family,
                receiver: mapping.receiver(),
                port: mapping.host_port,
            };
            self.mappings.iter().filter(is_meant).map(flows)
        };
        let flows: Vec<UdpFlows> = self.protocols.iter().flat_map(of).collect();
        conntrack::forget(&flows).context(|| "failed to delete stale UDP conntrack entries")
    }
}

impl Owned for Flows {
    fn remove(&self) -> Result<()> {
        self.forget()
    }
}

impl fmt::Display for Flows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tracked flows to the mapped ports")
    }
}
