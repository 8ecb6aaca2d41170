//! Containers behind the firewall plugin, whose addresses go round among them.

use std::collections::BTreeSet;

use cni_testkit::{Container, Host, Network, against_reference};
use serde_json::json;

use crate::random::Random;

const STEPS: usize = 150;

/// A network for each backend, with and without isolation.
fn networks(host: &Host) -> Vec<Network<'_>> {
    let network = |(number, (backend, policy)): (usize, (&str, &str))| {
        host.network(json!({
            "cniVersion": "1.1.0", "name": format!("net{number}"), "type": "firewall",
            "backend": backend, "ingressPolicy": policy
        }))
    };
    let kinds = [("iptables", ""), ("iptables", "isolated"), ("nftables", "same-bridge")];
    kinds.into_iter().enumerate().map(network).collect()
}

/// The network with the result that a bridge plugin would have answered.
fn chained<'h>(networks: &[Network<'h>], number: usize, container: usize) -> Network<'h> {
    networks[number].with_prev_result(json!({
        "interfaces": [{ "name": format!("br{number}") }],
        "ips": [
            { "address": format!("10.1.{number}.{container}/24") },
            { "address": format!("fd00:{number}::{container}/64") }
        ]
    }))
}

fn step(
    random: &mut Random,
    networks: &[Network<'_>],
    containers: &[Container],
    attached: &mut BTreeSet<(usize, usize)>,
) {
    let pair = (random.below(networks.len()), random.below(containers.len()));
    let (net, container) = (chained(networks, pair.0, pair.1), &containers[pair.1]);
    match random.below(10) {
        0..=4 => {
            println!("ADD {pair:?}, {}", if attached.contains(&pair) { "again" } else { "once" });
            net.add(container, "eth0").succeeds();
            attached.insert(pair);
        }
        5..=6 => {
            println!("DEL {pair:?}");
            net.del(container, "eth0").succeeds();
            attached.remove(&pair);
        }
        7 => {
            println!("DEL {pair:?} without anything");
            net.without_prev_result().del_without_netns(container, "eth0").succeeds();
            attached.remove(&pair);
        }
        _ => {
            println!("GC of network {}", pair.0);
            let mine = attached.iter().filter(|(number, _)| *number == pair.0);
            let valid: Vec<_> = mine.map(|pair| (&containers[pair.1], "eth0")).collect();
            networks[pair.0].gc(&valid).succeeds();
        }
    }
}

#[test]
fn firewall_ends_in_the_base_state() {
    if against_reference() {
        // Its DEL needs a result, and it has no GC; the single differences are marked.
        return;
    }
    let mut random = Random::new();
    let host = Host::new();
    let networks = networks(&host);
    let containers: Vec<_> = (0..4).map(|number| host.container(&format!("c{number}"))).collect();
    // What is shared is there from the beginning.
    for number in 0..networks.len() {
        let net = chained(&networks, number, 0);
        net.add(&containers[0], "first").succeeds();
        net.del(&containers[0], "first").succeeds();
    }
    let base = host.world();

    let mut attached = BTreeSet::new();
    for number in 0..STEPS {
        step(&mut random, &networks, &containers, &mut attached);
        for (network, index) in attached.iter().filter(|_| number % 15 == 14) {
            chained(&networks, *network, *index).check(&containers[*index], "eth0").succeeds();
        }
    }

    for net in &networks {
        net.gc(&[]).succeeds();
    }
    host.returns_to(&base);
}
