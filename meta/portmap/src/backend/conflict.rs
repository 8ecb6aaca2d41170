//! The key `rejectConflicts`: a port of the host has one container.

use std::net::IpAddr;

use cni_core::{Error, Result, quote};
use netfilter::iptables::{ListedRule, Listing};
use netfilter::nft::Transport;

use super::iptables_rules::is_chain;
use crate::mapping::Mapping;

/// A port of the host that is mapped already.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) transport: Transport,
    pub(crate) port: u16,
    /// The address it is mapped for; none: all of them.
    pub(crate) receiver: Option<IpAddr>,
    pub(crate) holder: Holder,
}

/// Whom a port is mapped to.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) container_id: String,
    /// Where the rules say it.
    pub(crate) network: Option<String>,
}

/// The ports that a listing of iptables maps to others than the attachment of the chain `own`.
pub(crate) fn listed_claims(listing: &Listing, own: &str) -> Vec<Claim> {
    let others =
        listing.rules.iter().filter(|listed| is_chain(&listed.chain) && listed.chain != own);
    let holder = |chain: &str| {
        let mut entries = listing.rules.iter().filter(|listed| listed.rule.target == chain);
        entries.find_map(|entry| {
            let names = entry.rule.comment.as_deref()?.strip_prefix("dnat name: \"")?;
            let (network, container_id) = names.strip_suffix('"')?.split_once("\" id: \"")?;
            Some(Holder {
                container_id: container_id.to_owned(),
                network: Some(network.to_owned()),
            })
        })
    };
    let claim = |listed: &ListedRule| {
        let words: Vec<&str> = listed.text.split(' ').collect();
        let value = |option| words.windows(2).find(|pair| pair[0] == option).map(|pair| pair[1]);
        let transport = value("-p")?;
        Some(Claim {
            transport: Transport::ALL.into_iter().find(|known| known.name() == transport)?,
            port: value("--dport")?.parse().ok()?,
            receiver: listed.rule.destination.map(|network| network.ip()),
            holder: holder(&listed.chain)?,
        })
    };
    others.filter(|listed| listed.rule.target == "DNAT").filter_map(claim).collect()
}

/// Refuses mappings of ports that others have.
///
/// # Errors
///
/// Names the port and the other container.
pub(crate) fn reject<'a>(
    mut mappings: impl Iterator<Item = &'a Mapping>,
    claims: &[Claim],
) -> Result<()> {
    let conflict = mappings.find_map(|mapping| {
        let claim = claims.iter().find(|claim| claim.covers(mapping))?;
        Some((mapping, &claim.holder))
    });
    let Some((mapping, Holder { container_id, network })) = conflict else {
        return Ok(());
    };
    Err(error(mapping, container_id, network.as_deref()))
}

/// The error that says who has the port of a mapping.
pub(crate) fn error(mapping: &Mapping, container_id: &str, network: Option<&str>) -> Error {
    let network = network.map(|name| format!(" of network {}", quote(name)));
    Error::internal(format!(
        "host port {mapping} is already mapped to container {}{}",
        quote(container_id),
        network.unwrap_or_default()
    ))
}

impl Claim {
    fn covers(&self, mapping: &Mapping) -> bool {
        let is_same_port = (self.transport, self.port) == (mapping.transport, mapping.host_port);
        let shares_address = match (self.receiver, mapping.receiver()) {
            (Some(claimed), Some(wanted)) => claimed == wanted,
            _ => true,
        };
        is_same_port && shares_address
    }
}
