//! The rules of an attachment in the words of iptables: chains, comments and order are the
//! reference's, and other programs look for them.

use std::collections::BTreeMap;

use netfilter::iptables::{Document, Listing, NAT, Protocol};
use netfilter::naming;

use crate::mapping::Mapping;
use crate::owner::Owner;
use crate::plan::{Mark, Plan, Source, Target};

/// Where a packet is marked whose sender has to be replaced.
const SETMARK: &str = "CNI-HOSTPORT-SETMARK";
/// Where the senders of marked packets are replaced.
const MASQ: &str = "CNI-HOSTPORT-MASQ";
/// Where packets to the host's ports find the way to the attachments' chains.
pub(crate) const DNAT: &str = "CNI-HOSTPORT-DNAT";
/// Ports that one rule can name.
const PORTS: usize = 15;
/// Bytes of a comment that the kernel keeps.
const COMMENT_LENGTH: usize = 255;

/// Names the chain of an attachment; all interfaces of a container in a network share it.
pub(crate) fn chain(network: &str, container_id: &str) -> String {
    naming::iptables_chain_with_prefix(network, container_id, "DN-")
}

/// Whether a chain can be an attachment's.
pub(crate) fn is_chain(name: &str) -> bool {
    name.starts_with("CNI-DN-")
}

/// Names the second chain that old versions of the reference made.
pub(crate) fn legacy_chain(network: &str, container_id: &str) -> String {
    naming::iptables_chain_with_prefix(network, container_id, "SN-")
}

/// How the comments of a network's rules begin.
pub(crate) fn comment_start(network: &str) -> String {
    format!("dnat name: \"{network}\" id: \"")
}

/// The rules of one family.
#[derive(Debug)]
pub(crate) struct Rules {
    /// What all attachments share, in order of creation; as `iptables-save` writes it.
    shared: Vec<Shared>,
    /// The attachment's chain.
    pub(crate) chain: String,
    /// In that chain: marks and new receivers.
    pub(crate) own: Vec<String>,
    /// In [`DNAT`]: the ways into that chain.
    pub(crate) entries: Vec<String>,
}

/// A part of what all attachments share.
#[derive(Debug)]
enum Shared {
    Chain(&'static str),
    /// At the end of a chain.
    Last(&'static str, String),
    /// At the start of a chain.
    First(&'static str, String),
}

impl Rules {
    /// The rules for a container's address.
    pub(crate) fn new(plan: &Plan, target: &Target, owner: &Owner) -> Self {
        let mut own = Vec::new();
        for mapping in target.applicable(&plan.mappings) {
            let base = base(mapping);
            for (source, chain) in marked_sources(&plan.source, target) {
                own.push(format!("{base} -s {source} -j {chain}"));
            }
            let to = socket_text(target, mapping.container_port);
            own.push(format!("{base} -j DNAT --to-destination {to}"));
        }
        let entries = entries(owner, &plan.mappings, &target.conditions);
        let chain = chain(&owner.network, &owner.container_id);
        Self { shared: shared(&plan.source), chain, own, entries }
    }

    /// Adds the attachment's rules; fails if its chain exists, or anything shared does not.
    pub(crate) fn as_new(&self) -> Document {
        let mut document = Document::new(NAT);
        self.require_shared(&mut document);
        document.new_chain(&self.chain);
        self.append_own(&mut document);
        document
    }

    /// Adds what is missing of what is shared, and the attachment's rules, in the place of those
    /// that there are.
    pub(crate) fn renewed(&self, listing: &Listing) -> Document {
        let mut document = Document::new(NAT);
        for part in &self.shared {
            let lacks = |chain: &str, rule: &String| listing.position(chain, rule).is_none();
            match part {
                Shared::Chain(chain) if !listing.has_chain(chain) => document.new_chain(chain),
                Shared::Last(chain, rule) if lacks(chain, rule) => document.append(chain, rule),
                Shared::First(chain, rule) if lacks(chain, rule) => document.insert(chain, rule),
                _ => {}
            }
        }
        if listing.has_chain(&self.chain) {
            document.flush_chain(&self.chain);
        } else {
            document.new_chain(&self.chain);
        }
        for listed in listing.rules.iter().filter(|listed| listed.rule.target == self.chain) {
            document.delete_listed(&listed.chain, &listed.text);
        }
        self.append_own(&mut document);
        document
    }

    /// Whether a listing has as many rules of the attachment as there should be.
    pub(crate) fn is_as_many_as(&self, listing: &Listing) -> bool {
        let own = listing.rules.iter().filter(|listed| listed.chain == self.chain).count();
        let entries =
            listing.rules.iter().filter(|listed| listed.rule.target == self.chain).count();
        own == self.own.len() && entries == self.entries.len()
    }

    /// Requires everything, and changes nothing.
    pub(crate) fn required(&self) -> Document {
        let mut document = Document::new(NAT);
        self.require_shared(&mut document);
        self.own.iter().for_each(|rule| document.require(&self.chain, rule));
        self.entries.iter().for_each(|rule| document.require(DNAT, rule));
        document
    }

    fn require_shared(&self, document: &mut Document) {
        for part in &self.shared {
            match part {
                Shared::Chain(_) => {}
                Shared::Last(chain, rule) | Shared::First(chain, rule) => {
                    document.require(chain, rule);
                }
            }
        }
    }

    fn append_own(&self, document: &mut Document) {
        self.own.iter().for_each(|rule| document.append(&self.chain, rule));
        self.entries.iter().for_each(|rule| document.append(DNAT, rule));
    }
}

/// Requires rules of one chain, and changes nothing.
pub(crate) fn required(chain: &str, rules: &[String]) -> Document {
    let mut document = Document::new(NAT);
    rules.iter().for_each(|rule| document.require(chain, rule));
    document
}

/// Removes an attachment's rules; fails if they are not exactly those with these entries.
pub(crate) fn gone(chain: &str, entries: &[String]) -> Document {
    let mut document = Document::new(NAT);
    entries.iter().for_each(|rule| document.delete(DNAT, rule));
    document.delete_chain(chain);
    document
}

/// Removes chains and whatever leads to them.
pub(crate) fn unlinked(listing: &Listing, chains: &[&str]) -> Document {
    let mut document = Document::new(NAT);
    for chain in chains {
        for listed in listing.rules.iter().filter(|listed| listed.rule.target == *chain) {
            document.delete_listed(&listed.chain, &listed.text);
        }
        if listing.has_chain(chain) {
            document.delete_chain(chain);
        }
    }
    document
}

/// The ways into an attachment's chain. Reference: the host's address is not looked at, so ports
/// of the other family are here as well.
pub(crate) fn entries(owner: &Owner, mappings: &[Mapping], conditions: &[String]) -> Vec<String> {
    let Owner { network, container_id, .. } = owner;
    let comment = comment(network, container_id);
    let chain = chain(network, container_id);
    let conditions: String =
        conditions.iter().map(|word| format!(" \"{}\"", escaped(word))).collect();
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for mapping in mappings {
        groups.entry(mapping.transport.name()).or_default().push(mapping.host_port.to_string());
    }
    let rule = |(protocol, ports): (&str, &[String])| {
        let ports = ports.join(",");
        format!(
            "-m comment --comment \"{comment}\" -m multiport -p {protocol} \
             --destination-ports {ports}{conditions} -j {chain}"
        )
    };
    groups
        .iter()
        .flat_map(|(protocol, ports)| ports.chunks(PORTS).map(|ports| (*protocol, ports)))
        .map(rule)
        .collect()
}

fn comment(network: &str, container_id: &str) -> String {
    let mut comment = format!("{}{container_id}\"", comment_start(network));
    if comment.len() > COMMENT_LENGTH {
        comment.truncate(comment.floor_char_boundary(COMMENT_LENGTH - 2));
        comment.push_str("..");
    }
    escaped(&comment)
}

/// What stands between double quotes for this text.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"")
}

/// What all rules of a mapping begin with.
fn base(mapping: &Mapping) -> String {
    let base = format!("-p {} --dport {}", mapping.transport.name(), mapping.host_port);
    match mapping.receiver() {
        Some(address) => format!("{base} -d {address}"),
        None => base,
    }
}

/// Whose packets are marked, and by which chain.
fn marked_sources<'a>(source: &'a Source, target: &Target) -> Vec<(String, &'a str)> {
    let Source::Replaced { always, mark } = source else {
        return Vec::new();
    };
    let chain = match mark {
        Mark::Bits(_) => SETMARK,
        Mark::By(chain) => chain,
    };
    match (always, target.protocol) {
        (true, Protocol::V4) => vec![("0.0.0.0/0".to_owned(), chain)],
        (true, Protocol::V6) => vec![("::/0".to_owned(), chain)],
        // Reference: the container's whole network, of which some may be reached directly.
        (false, Protocol::V4) => {
            vec![(target.container.to_string(), chain), ("127.0.0.1".to_owned(), chain)]
        }
        (false, Protocol::V6) => vec![(target.container.to_string(), chain)],
    }
}

fn socket_text(target: &Target, port: u16) -> String {
    std::net::SocketAddr::new(target.container.ip(), port).to_string()
}

fn shared(source: &Source) -> Vec<Shared> {
    let mut shared = Vec::new();
    if let Source::Replaced { mark: Mark::Bits(bits), .. } = source {
        let mark = format!("{bits:#x}/{bits:#x}");
        shared.extend([
            Shared::Chain(SETMARK),
            Shared::Last(
                SETMARK,
                format!(
                    "-m comment --comment \"CNI portfwd masquerade mark\" -j MARK \
                     --set-xmark {mark}"
                ),
            ),
            Shared::Chain(MASQ),
            Shared::Last(MASQ, format!("-m mark --mark {mark} -j MASQUERADE")),
            // Before the masquerading of whole networks, which would not ask for the mark.
            Shared::First(
                "POSTROUTING",
                format!("-m comment --comment \"CNI portfwd requiring masquerade\" -j {MASQ}"),
            ),
        ]);
    }
    let jump = format!("-m addrtype --dst-type LOCAL -j {DNAT}");
    shared.extend([
        Shared::Chain(DNAT),
        Shared::Last("PREROUTING", jump.clone()),
        Shared::Last("OUTPUT", jump),
    ]);
    shared
}

#[cfg(test)]
mod tests;
