//! Masquerading with iptables: one chain for each container and network.

use std::net::IpAddr;

use ipnetwork::IpNetwork;

use super::{Known, Masquerade};
use crate::error::{Error, Result};
use crate::iptables::{
    Document, Iptables, ListedRule, Listing, NAT, Protocol, Rule, change, for_each, may_have,
};
use crate::naming;

const POSTROUTING: &str = "POSTROUTING";

pub(super) fn install(masquerade: &Masquerade, addresses: &[IpNetwork]) -> Result<()> {
    let mut protocols = Protocol::BOTH.to_vec();
    protocols.retain(|protocol| addresses.iter().any(|address| protocol.has(&address.ip())));
    for_each(&protocols, |protocol| {
        let tool = Iptables::find(protocol)?;
        let rules = Rules::new(masquerade, protocol, addresses);
        // Most containers are new; then nothing has to be listed.
        match tool.restore(&rules.as_new()) {
            Err(Error::Command { .. }) => change(&tool, NAT, |listing| rules.missing_in(listing)),
            result => result,
        }
    })
}

pub(super) fn remove(masquerade: &Masquerade, known: Known<'_>) -> Result<()> {
    let chain = naming::iptables_chain(&masquerade.network, &masquerade.container_id);
    for_each(&installed_protocols(Some(&chain)), |protocol| {
        let tool = Iptables::find(protocol)?;
        if let Known::Addresses(addresses) = known {
            let own: Vec<IpNetwork> = addresses
                .iter()
                .filter(|address| protocol.has(address))
                .map(|a| (*a).into())
                .collect();
            if own.is_empty() {
                return Ok(());
            }
            // Most containers have one attachment to a network; then nothing has to be listed.
            match tool.restore(&Rules::new(masquerade, protocol, &own).as_gone()) {
                Err(Error::Command { .. }) => {}
                result => return result,
            }
        }
        change(&tool, NAT, |listing| {
            let mut document = Document::new(NAT);
            unlink(&mut document, listing, &chain, |rule| is_own(rule, known));
            document
        })
    })
}

pub(super) fn collect_garbage(network: &str, valid: &[&str]) -> Result<()> {
    for_each(&installed_protocols(None), |protocol| {
        change(&Iptables::find(protocol)?, NAT, |listing| {
            let mut stale: Vec<String> = listing
                .rules
                .iter()
                .filter_map(|listed| listed.rule.comment.as_deref())
                .filter_map(|comment| naming::container_of_iptables_comment(network, comment))
                .filter(|container_id| !valid.contains(&container_id.as_str()))
                .collect();
            stale.sort();
            stale.dedup();
            let mut document = Document::new(NAT);
            for container_id in stale {
                let comment = naming::iptables_comment(network, &container_id);
                let chain = naming::iptables_chain(network, &container_id);
                unlink(&mut document, listing, &chain, |rule| {
                    rule.comment.as_ref() == Some(&comment)
                });
            }
            document
        })
    })
}

/// The protocols that have a tool and may have our rules, decided without starting a process.
fn installed_protocols(chain: Option<&str>) -> Vec<Protocol> {
    let mut protocols = Protocol::BOTH.to_vec();
    protocols
        .retain(|protocol| Iptables::find(*protocol).is_ok() && may_have(*protocol, NAT, chain));
    protocols
}

/// Deletes chosen jumps from `POSTROUTING` to a chain, and the chain if no other rule leads to it.
fn unlink(document: &mut Document, listing: &Listing, chain: &str, chosen: impl Fn(&Rule) -> bool) {
    let is_jump = |listed: &&ListedRule| listed.rule.target == chain;
    let is_chosen = |listed: &&ListedRule| listed.chain == POSTROUTING && chosen(&listed.rule);
    for jump in listing.rules.iter().filter(is_jump).filter(is_chosen) {
        document.delete_listed(&jump.chain, &jump.text);
    }
    let is_used = listing.rules.iter().filter(is_jump).any(|jump| !is_chosen(&jump));
    if !is_used && listing.has_chain(chain) {
        document.delete_chain(chain);
    }
}

/// Whether a jump belongs to the attachment. Old versions of the reference made jumps from the
/// address's whole network.
fn is_own(jump: &Rule, known: Known<'_>) -> bool {
    let is_from = |address: &IpAddr| jump.source.is_some_and(|source| source.contains(*address));
    match known {
        Known::Addresses(addresses) => addresses.iter().any(is_from),
        Known::KeepAddresses(addresses) => !addresses.iter().any(is_from),
    }
}

/// The rules of an attachment in one protocol.
struct Rules {
    chain: String,
    /// In the chain: traffic inside a network stays as it is.
    accepts: Vec<Rule>,
    /// In the chain: all other traffic does not, unless it is multicast.
    masquerade: Rule,
    /// In `POSTROUTING`: the ways into the chain.
    jumps: Vec<Rule>,
}

impl Rules {
    fn new(masquerade: &Masquerade, protocol: Protocol, addresses: &[IpNetwork]) -> Rules {
        let chain = naming::iptables_chain(&masquerade.network, &masquerade.container_id);
        let comment = naming::iptables_comment(&masquerade.network, &masquerade.container_id);
        let rule = |target: &str| Rule {
            comment: Some(comment.clone()),
            target: target.to_owned(),
            ..Rule::default()
        };
        let multicast = match protocol {
            Protocol::V4 => "224.0.0.0/4",
            Protocol::V6 => "ff00::/8",
        };
        let multicast = multicast.parse().expect("the network is written correctly");
        let mut accepts = Vec::new();
        let mut jumps = Vec::new();
        for address in addresses.iter().filter(|address| protocol.has(&address.ip())) {
            let accept = Rule { destination: network_of(address), ..rule("ACCEPT") };
            let jump = Rule { source: Some(address.ip().into()), ..rule(&chain) };
            if !accepts.contains(&accept) {
                accepts.push(accept);
            }
            if !jumps.contains(&jump) {
                jumps.push(jump);
            }
        }
        let masquerade = Rule { not_destination: Some(multicast), ..rule("MASQUERADE") };
        Rules { chain, accepts, masquerade, jumps }
    }

    /// Adds everything; fails if the chain exists.
    fn as_new(&self) -> Document {
        let mut document = Document::new(NAT);
        document.new_chain(&self.chain);
        for rule in self.accepts.iter().chain([&self.masquerade]) {
            document.append(&self.chain, rule);
        }
        self.jumps.iter().for_each(|rule| document.append(POSTROUTING, rule));
        document
    }

    /// Removes everything; fails if a jump is missing or the chain has others.
    fn as_gone(&self) -> Document {
        let mut document = Document::new(NAT);
        self.jumps.iter().for_each(|rule| document.delete(POSTROUTING, rule));
        document.delete_chain(&self.chain);
        document
    }

    /// Adds what a listing does not have.
    fn missing_in(&self, listing: &Listing) -> Document {
        if !listing.has_chain(&self.chain) {
            return self.as_new();
        }
        let is_missing = |chain: &str, rule: &Rule| !listing.has_rule(chain, rule);
        let mut document = Document::new(NAT);
        for rule in self.accepts.iter().filter(|rule| is_missing(&self.chain, rule)) {
            // Behind the masquerading rule of another attachment it would have no effect.
            document.insert(&self.chain, rule);
        }
        if is_missing(&self.chain, &self.masquerade) {
            document.append(&self.chain, &self.masquerade);
        }
        for rule in self.jumps.iter().filter(|rule| is_missing(POSTROUTING, rule)) {
            document.append(POSTROUTING, rule);
        }
        document
    }
}

/// The network of an address; nothing if it is everything, as a listing shows it.
fn network_of(address: &IpNetwork) -> Option<IpNetwork> {
    let network = IpNetwork::new(address.network(), address.prefix()).ok()?;
    (network.prefix() != 0).then_some(network)
}
