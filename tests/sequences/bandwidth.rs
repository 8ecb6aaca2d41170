//! Containers with two interfaces each, limited by two networks, again and again.

use std::collections::BTreeMap;

use cni_testkit::{Container, Host, Network, against_reference};
use serde_json::{Value, json};

use crate::random::Random;
use crate::wired::wire;

const STEPS: usize = 150;

/// Network, container and interface.
type Attachment = (usize, usize, usize);

/// An interface of a container, with the result of the plugin that has made it.
struct Wire {
    ifname: &'static str,
    result: Value,
}

struct Runtime<'h> {
    host: &'h Host,
    containers: Vec<(Container, [Wire; 2])>,
    /// Which limits each attachment has.
    attached: BTreeMap<Attachment, Value>,
}

fn network<'h>(host: &'h Host, number: usize, limits: &Value) -> Network<'h> {
    let mut config = limits.clone();
    config["cniVersion"] = "1.1.0".into();
    config["name"] = format!("net{number}").into();
    config["type"] = "bandwidth".into();
    host.network(config)
}

fn limits(random: &mut Random) -> Value {
    let rate = 8000 * (1 + random.below(1000));
    match random.below(3) {
        0 => json!({ "ingressRate": rate, "ingressBurst": rate }),
        1 => json!({ "egressRate": rate, "egressBurst": rate }),
        _ => json!({ "ingressRate": rate, "ingressBurst": rate,
                     "egressRate": rate / 2, "egressBurst": rate }),
    }
}

impl Runtime<'_> {
    /// Makes one step. An interface is limited by one network at a time, as it is in a list.
    fn step(&mut self, random: &mut Random) {
        let (number, interface) = (random.below(self.containers.len()), random.below(2));
        let (container, wires) = &self.containers[number];
        let Wire { ifname, result } = &wires[interface];
        let held = |of: &Attachment| (of.1, of.2) == (number, interface);
        let holder = self.attached.keys().find(|attachment| held(attachment)).map(|it| it.0);
        let net_number = holder.unwrap_or_else(|| random.below(2));
        let attachment = (net_number, number, interface);
        let limits_then = self.attached.get(&attachment).cloned();
        match (random.below(8), limits_then) {
            (0..=2, then) => {
                // A repeated ADD has the limits of the first.
                let limits = then.unwrap_or_else(|| limits(random));
                println!("ADD {attachment:?} {limits}");
                let net = network(self.host, net_number, &limits).with_prev_result(result.clone());
                net.add(container, ifname).succeeds();
                net.check(container, ifname).succeeds();
                self.attached.insert(attachment, limits);
            }
            (3..=5, Some(limits)) => {
                println!("DEL {attachment:?}");
                let net = network(self.host, net_number, &limits);
                if random.below(2) == 0 {
                    net.del_without_netns(container, ifname).succeeds();
                }
                net.del(container, ifname).succeeds();
                self.attached.remove(&attachment);
            }
            (6, None) => {
                println!("DEL {attachment:?}, again");
                network(self.host, net_number, &json!({})).del(container, ifname).succeeds();
            }
            _ => {
                println!("GC of net{net_number}");
                self.collect_garbage(net_number);
            }
        }
    }

    fn collect_garbage(&self, number: usize) {
        let mine = self.attached.keys().filter(|attachment| attachment.0 == number);
        let valid: Vec<_> = mine
            .map(|(_, container, interface)| {
                let (container, wires) = &self.containers[*container];
                (container, wires[*interface].ifname)
            })
            .collect();
        network(self.host, number, &json!({})).gc(&valid).succeeds();
    }

    /// Every attachment is as it was wanted, and there is no other device.
    fn is_as_believed(&self) {
        for ((number, container, interface), limits) in &self.attached {
            let (container, wires) = &self.containers[*container];
            let Wire { ifname, result } = &wires[*interface];
            let net = network(self.host, *number, limits).with_prev_result(result.clone());
            net.check(container, ifname).succeeds();
        }
        let limited = |key: &str| self.attached.values().filter(|it| it[key].is_u64()).count();
        let (into, out) = (limited("ingressRate"), limited("egressRate"));
        let shown = self.host.exec(&["tc", "qdisc"]);
        assert_eq!(shown.matches("qdisc ingress ").count(), out, "{shown}");
        assert_eq!(shown.matches("qdisc tbf ").count(), into + out, "{shown}");
        assert_eq!(self.host.shown().matches("link bwp").count(), out);
    }
}

#[test]
fn limits_come_and_go() {
    if against_reference() {
        // A repeated ADD fails there; the single differences are marked.
        return;
    }
    let mut random = Random::new();
    let host = Host::new();
    let empty = host.world();
    let containers = (0..3)
        .map(|number| {
            let container = host.container(&format!("c{number}"));
            let wires = ["eth0", "eth1"].map(|ifname| {
                let result = wire(&host, &format!("v{number}{ifname}"), &container, ifname);
                Wire { ifname, result }
            });
            (container, wires)
        })
        .collect();
    let mut runtime = Runtime { host: &host, containers, attached: BTreeMap::new() };
    let base = host.world();
    for step in 0..STEPS {
        runtime.step(&mut random);
        if step % 10 == 9 {
            runtime.is_as_believed();
        }
    }
    // Half of what is left is deleted; of the rest the runtime has lost its memory.
    for (number, (attachment, limits)) in runtime.attached.clone().into_iter().enumerate() {
        if number % 2 == 0 {
            let (container, wires) = &runtime.containers[attachment.1];
            let ifname = wires[attachment.2].ifname;
            network(&host, attachment.0, &limits).del(container, ifname).succeeds();
            runtime.attached.remove(&attachment);
        }
    }
    runtime.is_as_believed();
    if runtime.attached.is_empty() {
        host.returns_to(&base);
    }
    for (container, _) in &runtime.containers {
        container.destroy();
    }
    runtime.attached.clear();
    for number in 0..2 {
        runtime.collect_garbage(number);
    }
    host.returns_to(&empty);
}
