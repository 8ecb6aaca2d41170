//! sbr: interfaces that come and go in one container, each with a table of its own.

use std::collections::BTreeSet;

use cni_testkit::{Container, Host, Network, against_reference};
use serde_json::json;

use crate::random::Random;

const STEPS: usize = 100;

const INTERFACES: usize = 4;

/// The network of an interface, half of them with source hints.
fn network(host: &Host, number: usize) -> Network<'_> {
    let result = json!({ "cniVersion": "1.0.0", "ips": [
        { "address": format!("10.0.{number}.2/24"), "gateway": format!("10.0.{number}.1") },
        { "address": format!("fd00:{number}::2/64"), "gateway": format!("fd00:{number}::1") }
    ] });
    host.network(json!({
        "cniVersion": "1.1.0", "name": format!("net{number}"), "type": "sbr",
        "addSourceHints": number % 2 == 1
    }))
    .with_prev_result(result)
}

/// As another plugin does before.
fn plug_in(container: &Container, number: usize) {
    container.sh(&format!(
        "ip link add net{number} type veth peer name far{number}
         ip link set far{number} up; ip link set net{number} up
         ip addr add 10.0.{number}.2/24 dev net{number}
         ip addr add fd00:{number}::2/64 dev net{number} nodad"
    ));
}

#[test]
fn random_lives_of_interfaces_end_in_the_base_state() {
    if against_reference() {
        // A repeated ADD and a DEL without interface fail there; the differences are marked.
        return;
    }
    let mut random = Random::new();
    let host = Host::new();
    let c1 = host.container("c1");
    let mut attached = BTreeSet::new();
    for _ in 0..STEPS {
        let number = random.below(INTERFACES);
        let (net, ifname) = (network(&host, number), format!("net{number}"));
        match (random.below(6), attached.contains(&number)) {
            (0..=2, is_attached) => {
                println!("ADD {number}, again: {is_attached}");
                if !is_attached {
                    plug_in(&c1, number);
                }
                net.add(&c1, &ifname).succeeds();
                attached.insert(number);
            }
            (3, true) => {
                println!("DEL {number} after its interface has gone");
                c1.sh(&format!("ip link del net{number}"));
                net.del(&c1, &ifname).succeeds();
                attached.remove(&number);
            }
            (4, true) => {
                println!("DEL {number} and ADD with the interface still there");
                net.del(&c1, &ifname).succeeds();
                net.add(&c1, &ifname).succeeds();
            }
            (_, is_attached) => {
                println!("DEL {number}");
                net.del(&c1, &ifname).succeeds();
                if is_attached {
                    c1.sh(&format!("ip link del net{number}"));
                }
                attached.remove(&number);
            }
        }
        for number in &attached {
            network(&host, *number).check(&c1, &format!("net{number}")).succeeds();
        }
        let shown = c1.shown();
        let rules: BTreeSet<_> = shown.lines().filter(|line| line.starts_with("rule ")).collect();
        assert_eq!(rules.len(), 2 * attached.len(), "{shown}");
        let tables: BTreeSet<_> =
            rules.iter().filter_map(|rule| rule.rsplit_once(' ')).map(|(_, table)| table).collect();
        assert_eq!(tables.len(), rules.len(), "{shown}");
    }
    for number in attached {
        network(&host, number).del(&c1, &format!("net{number}")).succeeds();
        c1.sh(&format!("ip link del net{number}"));
    }
    assert_eq!(c1.shown(), "");
}
