//! Containers whose ports are published on several networks, with both backends.

use std::collections::BTreeMap;

use cni_testkit::{Container, Host, Network, against_reference};
use serde_json::json;

use crate::published::{portmap, two_addresses};
use crate::random::Random;

const STEPS: usize = 100;
/// The networks; two have the same backend, so that they share everything that can be shared.
const BACKENDS: [&str; 3] = ["iptables", "nftables", "nftables"];

/// What the runtime believes: which port each attachment has.
struct Runtime<'h> {
    host: &'h Host,
    containers: Vec<Container>,
    attached: BTreeMap<(usize, usize), usize>,
}

impl<'h> Runtime<'h> {
    /// The network of an attachment with this port.
    fn net(&self, (network, container): (usize, usize), port: usize) -> Network<'h> {
        let mappings = json!([
            { "hostPort": port, "containerPort": 80, "protocol": "tcp" },
            { "hostPort": port, "containerPort": 53, "protocol": "udp" }
        ]);
        let keys = json!({ "name": format!("net{network}"), "backend": BACKENDS[network] });
        let result = two_addresses(&self.containers[container]);
        portmap(self.host, keys, mappings).with_prev_result(result)
    }

    fn step(&mut self, random: &mut Random) {
        let pair = (random.below(BACKENDS.len()), random.below(self.containers.len()));
        let container = &self.containers[pair.1];
        let port = 2000 + random.below(3);
        let net = self.net(pair, port);
        match random.below(10) {
            0..=3 => {
                println!("ADD {pair:?} with port {port}");
                net.add(container, "eth0").succeeds();
                self.attached.insert(pair, port);
            }
            4..=5 => {
                println!("DEL {pair:?}");
                net.del(container, "eth0").succeeds();
                self.attached.remove(&pair);
            }
            6 => {
                println!("DEL {pair:?} with nothing known");
                let net = net.with_config("runtimeConfig", json!({})).without_prev_result();
                net.del_without_netns(container, "eth0").succeeds();
                self.attached.remove(&pair);
            }
            7 => {
                println!("flush, and ADD everything again");
                self.host.sh("nft flush ruleset");
                self.add_all_again();
            }
            _ => {
                println!("GC of network {}", pair.0);
                self.collect_garbage(pair.0);
            }
        }
    }

    fn add_all_again(&self) {
        for (pair, port) in &self.attached {
            self.net(*pair, *port).add(&self.containers[pair.1], "eth0").succeeds();
        }
    }

    fn collect_garbage(&self, network: usize) {
        let mine = self.attached.keys().filter(|pair| pair.0 == network);
        let valid: Vec<_> = mine.map(|pair| (&self.containers[pair.1], "eth0")).collect();
        self.net((network, 0), 1).gc(&valid).succeeds();
    }

    /// Everything that portmap makes. The order of the tables depends on which family was faster
    /// after a flush.
    fn state(&self) -> String {
        let markers = self.host.exec(&["ls", "/run/cni/portmap"]);
        let rules = [self.host.iptables_rules(), self.host.ip6tables_rules(), self.nftables()];
        rules.concat() + &markers
    }

    fn nftables(&self) -> String {
        self.host.sh("for family in ip ip6; do
            nft list table $family cni_hostport 2>/dev/null || true; done")
    }

    /// Every attachment has its rules, and there are no others.
    fn is_as_believed(&self) {
        for (pair, port) in &self.attached {
            self.net(*pair, *port).check(&self.containers[pair.1], "eth0").succeeds();
        }
        let of = |backend: &str| {
            4 * self.attached.keys().filter(|pair| BACKENDS[pair.0] == backend).count()
        };
        let iptables = [self.host.iptables_rules(), self.host.ip6tables_rules()].concat();
        assert_eq!(iptables.matches("-j DNAT --to").count(), of("iptables"), "{iptables}");
        let nftables = self.nftables();
        assert_eq!(nftables.matches("dnat to").count(), of("nftables"), "{nftables}");
    }
}

#[test]
fn random_mappings_end_in_the_base_state() {
    if against_reference() {
        // A repeated ADD, a DEL that knows nothing, and GC differ there; each is marked.
        return;
    }
    let mut random = Random::new();
    let host = Host::new();
    let containers = (0..4).map(|number| host.container(&format!("c{number}"))).collect();
    let mut runtime = Runtime { host: &host, containers, attached: BTreeMap::new() };
    let share = || {
        for network in 0..BACKENDS.len() {
            let net = runtime.net((network, 0), 1);
            net.add(&runtime.containers[0], "eth0").succeeds();
            net.del(&runtime.containers[0], "eth0").succeeds();
        }
    };
    share();
    let base = runtime.state();

    for step in 0..STEPS {
        runtime.step(&mut random);
        if step % 10 == 9 {
            runtime.is_as_believed();
        }
    }

    for container in &runtime.containers {
        container.destroy();
    }
    for (number, (pair, port)) in runtime.attached.clone().into_iter().enumerate() {
        if number % 2 == 0 {
            let container = &runtime.containers[pair.1];
            runtime.net(pair, port).del(container, "eth0").succeeds();
        }
    }
    runtime.attached.clear();
    for network in 0..BACKENDS.len() {
        runtime.collect_garbage(network);
    }
    // A flush may have been the last that happened to what is shared.
    for network in 0..BACKENDS.len() {
        let net = runtime.net((network, 0), 1);
        net.add(&runtime.containers[0], "eth0").succeeds();
        net.del(&runtime.containers[0], "eth0").succeeds();
    }
    assert_eq!(runtime.state(), base);
}
