//! ADD, repeated ADD, DEL, repeated DEL, CHECK and GC over four networks and four containers,
//! one of the networks ptp's.

use std::collections::BTreeSet;

use cni_testkit::{Container, Host, Network, difference, lacks_version};
use serde_json::{Value, json};

use crate::networks::{bridge, dual_stack, ptp};
use crate::random::Random;

const STEPS: usize = 120;

/// What the runtime believes: which containers are attached to which networks.
struct Runtime<'h> {
    networks: Vec<Network<'h>>,
    containers: Vec<Container>,
    attached: BTreeSet<(usize, usize)>,
}

fn subnet(subnet: &str) -> Value {
    json!({ "type": "host-local", "subnet": subnet })
}

/// A gateway with nf_tables, one with iptables, one with the spoof check on a shared bridge, and
/// containers without a bridge.
fn networks(host: &Host) -> Vec<Network<'_>> {
    let bridges = [
        json!({ "isDefaultGateway": true, "ipMasqBackend": "nftables", "ipam": dual_stack() }),
        json!({ "name": "net2", "bridge": "cni1", "isGateway": true,
                "ipMasqBackend": "iptables", "ipam": subnet("10.1.3.0/24") }),
        json!({ "name": "net3", "macspoofchk": true, "ipam": subnet("10.1.4.0/24") }),
    ]
    .map(|keys| bridge(host, keys).with_config("ipMasq", json!(true)));
    let direct = json!({ "name": "net4", "ipMasq": true, "ipMasqBackend": "nftables",
                         "ipam": subnet("10.1.5.0/24") });
    bridges.into_iter().chain([ptp(host, direct)]).collect()
}

/// The interface of a network in every container.
fn ifname(network: usize) -> String {
    format!("net{network}")
}

impl Runtime<'_> {
    fn step(&mut self, random: &mut Random) {
        let pair = (random.below(self.networks.len()), random.below(self.containers.len()));
        let (net, container) = (&self.networks[pair.0], &self.containers[pair.1]);
        let ifname = ifname(pair.0);
        let is_attached = self.attached.contains(&pair);
        match random.below(10) {
            0..=3 if is_attached => {
                println!("ADD {pair:?}, again");
                net.add(container, &ifname).fails_with(999, "already exists");
            }
            0..=3 => {
                println!("ADD {pair:?}");
                net.add(container, &ifname).succeeds();
                self.attached.insert(pair);
            }
            4..=6 => {
                println!("DEL {pair:?}, {}", if is_attached { "once" } else { "again" });
                net.del(container, &ifname).succeeds();
                self.attached.remove(&pair);
            }
            7 if is_attached => {
                println!("DEL {pair:?} without a namespace, then with one");
                net.del_without_netns(container, &ifname).succeeds();
                net.del(container, &ifname).succeeds();
                self.attached.remove(&pair);
            }
            _ => {
                println!("GC of network {}", pair.0);
                self.collect_garbage(pair.0);
            }
        }
    }

    /// Nothing that is attached may be touched.
    fn collect_garbage(&self, network: usize) {
        let name = ifname(network);
        let mine = self.attached.iter().filter(|pair| pair.0 == network);
        let valid: Vec<_> = mine.map(|pair| (&self.containers[pair.1], name.as_str())).collect();
        self.networks[network].gc(&valid).succeeds();
    }

    /// Every attachment is as its result says, and no container has another interface.
    fn is_as_believed(&self) {
        for (network, container) in &self.attached {
            let container = &self.containers[*container];
            self.networks[*network].check(container, &ifname(*network)).succeeds();
        }
        for (number, container) in self.containers.iter().enumerate() {
            let believed = self.attached.iter().filter(|pair| pair.1 == number).count();
            let shown = container.shown();
            let links = shown.lines().filter(|line| line.starts_with("link "));
            assert_eq!(links.count(), believed, "container {number}");
        }
    }
}

#[test]
fn random_attachments_end_in_the_base_state() {
    if !lacks_version("bridge", "1.1.0") {
        difference("bridge-gc", live_and_end_in_the_base_state);
    }
}

fn live_and_end_in_the_base_state() {
    let mut random = Random::new();
    let host = Host::new();
    let containers = (0..4).map(|number| host.container(&format!("c{number}"))).collect();
    let mut runtime = Runtime { networks: networks(&host), containers, attached: BTreeSet::new() };
    // Once each, so that everything shared is there.
    for network in 0..runtime.networks.len() {
        runtime.networks[network].add(&runtime.containers[0], "first").succeeds();
        runtime.networks[network].del(&runtime.containers[0], "first").succeeds();
    }
    let base = host.world();

    for step in 0..STEPS {
        runtime.step(&mut random);
        if step % 20 == 19 {
            runtime.is_as_believed();
        }
    }

    // Half of what is left is deleted; of the other half the runtime has lost its memory. The
    // rules of the spoof check name no network, so GC cannot know whose they are.
    for (number, (network, container)) in runtime.attached.clone().into_iter().enumerate() {
        if number % 2 == 0 || runtime.networks[network].config()["macspoofchk"] == true {
            let container = &runtime.containers[container];
            runtime.networks[network].del(container, &ifname(network)).succeeds();
        }
    }
    for container in &runtime.containers {
        container.destroy();
    }
    runtime.attached.clear();
    for network in 0..runtime.networks.len() {
        runtime.collect_garbage(network);
    }
    host.returns_to(&base);
}
