//! Containers with an interface in each of several networks, whose plugins make nothing else.

use std::collections::BTreeSet;

use cni_testkit::{Container, Feature, Host, Network, against_reference, lacks};
use serde_json::json;

use crate::random::Random;

/// A network for each plugin, on masters of their own, as ipvlan and macvlan do not share one.
fn networks<'h>(host: &'h Host, plugins: &[&str]) -> Vec<Network<'h>> {
    let network = |(number, plugin): (usize, &&str)| {
        host.sh(&format!("ip link add name m{number} up type bridge"));
        host.network(json!({
            "cniVersion": "1.1.0", "name": format!("net{number}"), "type": plugin,
            "master": format!("m{number}"),
            "ipam": { "type": "host-local", "subnet": format!("10.1.{number}.0/24") }
        }))
    };
    plugins.iter().enumerate().map(network).collect()
}

/// Attaches, detaches and collects for so many steps, and demands the base state after all.
fn live_and_end_in_the_base_state(plugins: &[&str], steps: usize) {
    if against_reference() {
        // A repeated ADD leaves an interface there; the single differences are marked.
        return;
    }
    let mut random = Random::new();
    let host = Host::new();
    let networks = networks(&host, plugins);
    let containers: Vec<_> = (0..3).map(|number| host.container(&format!("c{number}"))).collect();
    for number in 0..networks.len() {
        let net = network_of(&networks, number, 0);
        net.add(&containers[0], "first").succeeds();
        net.del(&containers[0], "first").succeeds();
    }
    let base = host.world();

    let mut attached = BTreeSet::new();
    for _ in 0..steps {
        let pair = (random.below(networks.len()), random.below(containers.len()));
        step(&mut random, &networks, &containers, pair, &mut attached);
        let links: usize =
            containers.iter().map(|container| container.shown().matches("link ").count()).sum();
        assert_eq!(links, attached.len());
    }

    for container in &containers {
        container.destroy();
    }
    for (number, net) in networks.iter().enumerate() {
        for (index, container) in containers.iter().enumerate() {
            if attached.contains(&(number, index)) && random.below(2) == 0 {
                net.del(container, &format!("net{number}")).succeeds();
            }
        }
        net.gc(&[]).succeeds();
    }
    host.returns_to(&base);
}

/// The network as a container sees it: a VLAN of a master is in one container at most.
fn network_of<'h>(networks: &[Network<'h>], number: usize, container: usize) -> Network<'h> {
    networks[number].with_config("vlanId", json!(10 + container))
}

fn step(
    random: &mut Random,
    networks: &[Network<'_>],
    containers: &[Container],
    pair: (usize, usize),
    attached: &mut BTreeSet<(usize, usize)>,
) {
    let (number, index) = pair;
    let (net, container) = (network_of(networks, number, index), &containers[index]);
    let ifname = format!("net{number}");
    match (random.below(10), attached.contains(&pair)) {
        (0..=3, true) => {
            println!("ADD {pair:?}, again");
            net.add(container, &ifname).fails_with(999, "file exists");
            net.check(container, &ifname).succeeds();
        }
        (0..=3, false) => {
            println!("ADD {pair:?}");
            net.add(container, &ifname).succeeds();
            attached.insert(pair);
        }
        (4..=6, is_attached) => {
            println!("DEL {pair:?}, {}", if is_attached { "once" } else { "again" });
            net.del(container, &ifname).succeeds();
            attached.remove(&pair);
        }
        (7, true) => {
            println!("DEL {pair:?} without a namespace, then with one");
            net.del_without_netns(container, &ifname).succeeds();
            net.del(container, &ifname).succeeds();
            attached.remove(&pair);
        }
        _ => {
            println!("GC of network {number}");
            let mine: Vec<_> = attached.iter().filter(|pair| pair.0 == number).collect();
            let valid: Vec<_> =
                mine.iter().map(|pair| (&containers[pair.1], ifname.as_str())).collect();
            net.gc(&valid).succeeds();
            for (_, index) in mine {
                let net = network_of(networks, number, *index);
                net.check(&containers[*index], &ifname).succeeds();
            }
        }
    }
}

#[test]
fn macvlan_and_tap_end_in_the_base_state() {
    live_and_end_in_the_base_state(&["macvlan", "tap"], 100);
}

#[test]
fn uml_ipvlan_vlan_and_dummy_end_in_the_base_state() {
    if !lacks(Feature::Ipvlan) && !lacks(Feature::Vlan) && !lacks(Feature::Dummy) {
        live_and_end_in_the_base_state(&["ipvlan", "vlan", "dummy"], 40);
    }
}
