//! The rules of an attachment, each where it belongs, and which of them a listing lacks.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use netfilter::iptables::{Document, FILTER, Listing, Protocol};

use crate::plan::{Isolation, Plan};

/// Where forwarded packets enter.
pub(super) const FORWARD: &str = "FORWARD";
/// The chain with the addresses of all containers.
pub(super) const CNI_FORWARD: &str = "CNI-FORWARD";
/// The chain of packets that come from an isolated bridge.
pub(super) const STAGE_1: &str = "CNI-ISOLATION-STAGE-1";
/// The chain of packets on their way from one isolated bridge to somewhere else.
const STAGE_2: &str = "CNI-ISOLATION-STAGE-2";

/// Everything that must be in the filter table of one protocol.
pub(super) struct Ruleset {
    chains: Vec<String>,
    entries: Vec<Entry>,
    allows: bool,
}

/// One rule, written as `iptables-save` does.
struct Entry {
    chain: String,
    rule: String,
    place: Place,
}

/// Where a rule goes that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before all others.
    First,
    /// Behind all others.
    Last,
    /// Behind all others; a rule of this attachment alone.
    Own,
}

impl Ruleset {
    /// The rules of an attachment; `allows` is whether its addresses are let through here.
    pub(super) fn new(plan: &Plan, protocol: Protocol, allows: bool) -> Self {
        let mut ruleset = Self { chains: Vec::new(), entries: Vec::new(), allows };
        if allows {
            ruleset.allow(&plan.admin_chain, &of_addresses(&plan.addresses, protocol));
        }
        if let Some(isolation) = &plan.isolation {
            ruleset.isolate(isolation);
        }
        ruleset
    }

    fn allow(&mut self, admin_chain: &str, own: &[String]) {
        self.chains.extend([CNI_FORWARD.to_owned(), admin_chain.to_owned()]);
        self.push(FORWARD, Place::First, allow_jump());
        let overrides = "CNI firewall plugin admin overrides";
        self.push(CNI_FORWARD, Place::First, commented("", overrides, admin_chain));
        for rule in own {
            self.push(CNI_FORWARD, Place::Own, rule.clone());
        }
    }

    /// The order matters: every rule goes before `RETURN`, and isolation before `CNI-FORWARD`.
    fn isolate(&mut self, Isolation { bridge, is_strict }: &Isolation) {
        let policy = if *is_strict { "isolated" } else { "same-bridge" };
        let own = format!("CNI firewall plugin rules (ingressPolicy: {policy})");
        let bridge = bridge.as_str();
        self.chains.extend([STAGE_1.to_owned(), STAGE_2.to_owned()]);
        self.push(FORWARD, Place::First, isolation_jump());
        let leaves = format!("-i {bridge} ! -o {bridge} ");
        self.push(STAGE_1, Place::First, commented(&leaves, &own, STAGE_2));
        if *is_strict {
            let stays = format!("-i {bridge} -o {bridge} ");
            self.push(STAGE_1, Place::First, commented(&stays, &own, "DROP"));
        }
        self.push(STAGE_1, Place::Last, commented("", ISOLATION, "RETURN"));
        let enters = format!("-o {bridge} ");
        self.push(STAGE_2, Place::First, commented(&enters, ISOLATION, "DROP"));
        self.push(STAGE_2, Place::Last, commented("", ISOLATION, "RETURN"));
    }

    fn push(&mut self, chain: &str, place: Place, rule: String) {
        self.entries.push(Entry { chain: chain.to_owned(), rule, place });
    }

    /// Adds the attachment's own rules; fails if something shared is missing.
    pub(super) fn as_further(&self) -> Document {
        let mut document = Document::new(FILTER);
        for entry in &self.entries {
            match entry.place {
                Place::Own => document.append(&entry.chain, &entry.rule),
                Place::First | Place::Last => document.require(&entry.chain, &entry.rule),
            }
        }
        document
    }

    /// Adds what a listing does not have.
    pub(super) fn missing_in(&self, listing: &Listing) -> Document {
        let mut document = Document::new(FILTER);
        for chain in self.chains.iter().filter(|chain| !listing.has_chain(chain)) {
            document.new_chain(chain);
        }
        for Entry { chain, rule, place } in &self.entries {
            match place {
                _ if listing.position(chain, rule).is_some() => {}
                Place::First => document.insert(chain, rule),
                Place::Last | Place::Own => document.append(chain, rule),
            }
        }
        if self.bypasses_isolation(listing) {
            document.delete(FORWARD, &isolation_jump());
            document.insert(FORWARD, &isolation_jump());
        }
        document
    }

    /// Whether `CNI-FORWARD` is, or would come, before the isolation there is.
    fn bypasses_isolation(&self, listing: &Listing) -> bool {
        let allow = listing.position(FORWARD, &allow_jump());
        listing
            .position(FORWARD, &isolation_jump())
            .is_some_and(|isolation| allow.map_or(self.allows, |allow| allow < isolation))
    }

    /// Compares with a listing.
    ///
    /// # Errors
    ///
    /// The text about the first difference.
    pub(super) fn check(&self, listing: &Listing) -> Result<(), String> {
        for Entry { chain, rule, place } in &self.entries {
            if listing.position(chain, rule).is_none() {
                let which = if *place == Place::Own { "" } else { &format!("{chain} ") };
                let words = rule.replace('"', "");
                return Err(format!("expected {which}rule [{words}] not found"));
            }
        }
        match self.bypasses_isolation(listing) {
            true => Err(format!("the jump to {STAGE_1} is behind the jump to {CNI_FORWARD}")),
            false => Ok(()),
        }
    }
}

/// The comment of isolation rules that all bridges share.
const ISOLATION: &str = "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)";

/// The rules that let these addresses through.
pub(super) fn of_addresses(addresses: &[IpAddr], protocol: Protocol) -> Vec<String> {
    let own = addresses.iter().filter(|address| protocol.has(address));
    own.map(|address| IpNetwork::from(*address))
        .flat_map(|host| {
            [
                format!("-d {host} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"),
                format!("-s {host} -j ACCEPT"),
            ]
        })
        .collect()
}

fn allow_jump() -> String {
    commented("", "CNI firewall plugin rules", CNI_FORWARD)
}

fn isolation_jump() -> String {
    commented("", ISOLATION, STAGE_1)
}

fn commented(conditions: &str, comment: &str, target: &str) -> String {
    format!("{conditions}-m comment --comment \"{comment}\" -j {target}")
}

#[cfg(test)]
mod tests {
    use linux_net::IfName;

    use super::*;

    fn plan(is_strict: Option<bool>) -> Plan {
        let addresses = ["10.0.0.2", "2001:db8::2"];
        let bridge = IfName::try_from("br0").expect("a name");
        Plan {
            addresses: addresses.map(|text| text.parse().expect("an address")).to_vec(),
            admin_chain: "CNI-ADMIN".to_owned(),
            isolation: is_strict.map(|is_strict| Isolation { bridge, is_strict }),
        }
    }

    fn ruleset(is_strict: Option<bool>) -> Ruleset {
        Ruleset::new(&plan(is_strict), Protocol::V4, true)
    }

    fn text(document: &Document) -> String {
        document.text().expect("a document")
    }

    const OPEN: &str = r#"*filter
:FORWARD DROP [0:0]
:CNI-ADMIN - [0:0]
:CNI-FORWARD - [0:0]
-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
-A CNI-FORWARD -d 10.0.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A CNI-FORWARD -s 10.0.0.2/32 -j ACCEPT
COMMIT
"#;

    #[test]
    fn an_empty_table_gets_everything() {
        let document = ruleset(None).missing_in(&Listing::default());
        let expected = r#"*filter
-N CNI-FORWARD
-N CNI-ADMIN
-I FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
-I CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
-A CNI-FORWARD -d 10.0.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A CNI-FORWARD -s 10.0.0.2/32 -j ACCEPT
COMMIT
"#;
        assert_eq!(text(&document), expected);
    }

    #[test]
    fn a_further_attachment_requires_what_is_shared() {
        let document = Ruleset::new(&plan(None), Protocol::V6, true).as_further();
        let expected = r#"*filter
-C FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
-C CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
-A CNI-FORWARD -d 2001:db8::2/128 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A CNI-FORWARD -s 2001:db8::2/128 -j ACCEPT
COMMIT
"#;
        assert_eq!(text(&document), expected);
    }

    #[test]
    fn what_is_there_is_not_added_again() {
        assert!(ruleset(None).missing_in(&Listing::parse(OPEN)).is_empty());
        let without = OPEN.replace("-A CNI-FORWARD -s 10.0.0.2/32 -j ACCEPT\n", "");
        let document = ruleset(None).missing_in(&Listing::parse(&without));
        assert_eq!(text(&document), "*filter\n-A CNI-FORWARD -s 10.0.0.2/32 -j ACCEPT\nCOMMIT\n");
    }

    #[test]
    fn isolation_is_added_in_front() {
        let document = ruleset(Some(true)).missing_in(&Listing::parse(OPEN));
        let shared = ISOLATION;
        let own = "CNI firewall plugin rules (ingressPolicy: isolated)";
        let expected = format!(
            r#"*filter
-N CNI-ISOLATION-STAGE-1
-N CNI-ISOLATION-STAGE-2
-I FORWARD -m comment --comment "{shared}" -j CNI-ISOLATION-STAGE-1
-I CNI-ISOLATION-STAGE-1 -i br0 ! -o br0 -m comment --comment "{own}" -j CNI-ISOLATION-STAGE-2
-I CNI-ISOLATION-STAGE-1 -i br0 -o br0 -m comment --comment "{own}" -j DROP
-A CNI-ISOLATION-STAGE-1 -m comment --comment "{shared}" -j RETURN
-I CNI-ISOLATION-STAGE-2 -o br0 -m comment --comment "{shared}" -j DROP
-A CNI-ISOLATION-STAGE-2 -m comment --comment "{shared}" -j RETURN
COMMIT
"#
        );
        assert_eq!(text(&document), expected);
        let same_bridge = text(&ruleset(Some(false)).missing_in(&Listing::parse(OPEN)));
        assert!(!same_bridge.contains("-i br0 -o br0"), "{same_bridge}");
        assert!(same_bridge.contains("(ingressPolicy: same-bridge)\" -j CNI-ISOLATION-STAGE-2"));
    }

    /// Somebody deletes the jump to CNI-FORWARD, or adds it anew in front of all.
    #[test]
    fn isolation_comes_back_to_the_front() {
        let isolation = format!("-A FORWARD {}\n", isolation_jump());
        let allow = format!("-A FORWARD {}\n", allow_jump());
        let head = ":FORWARD DROP [0:0]\n:CNI-ADMIN -\n:CNI-FORWARD -\n";
        let moved =
            format!("-D FORWARD {jump}\n-I FORWARD {jump}\nCOMMIT\n", jump = isolation_jump());
        for listing in [format!("{head}{isolation}"), format!("{head}{allow}{isolation}")] {
            let document = text(&ruleset(None).missing_in(&Listing::parse(&listing)));
            assert!(document.ends_with(&moved), "{document}");
        }
        let right = Listing::parse(&format!("{head}{isolation}{allow}"));
        assert!(!text(&ruleset(None).missing_in(&right)).contains("-D "));
    }

    #[test]
    fn a_check_names_the_rule_in_the_words_of_the_reference() {
        assert_eq!(ruleset(None).check(&Listing::parse(OPEN)), Ok(()));
        for (lost, message) in [
            (
                "-A FORWARD ",
                "expected FORWARD rule [-m comment --comment CNI firewall plugin rules -j CNI-FORWARD] not found",
            ),
            (
                "-A CNI-FORWARD -m",
                "expected CNI-FORWARD rule [-m comment --comment CNI firewall plugin admin overrides -j CNI-ADMIN] not found",
            ),
            (
                "-A CNI-FORWARD -d",
                "expected rule [-d 10.0.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT] not found",
            ),
            ("-A CNI-FORWARD -s", "expected rule [-s 10.0.0.2/32 -j ACCEPT] not found"),
        ] {
            let listing: String = OPEN
                .lines()
                .filter(|line| !line.starts_with(lost))
                .map(|l| format!("{l}\n"))
                .collect();
            assert_eq!(ruleset(None).check(&Listing::parse(&listing)), Err(message.to_owned()));
        }
        assert!(ruleset(Some(false)).check(&Listing::parse(OPEN)).is_err());
    }
}
