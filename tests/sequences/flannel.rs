//! Containers with interfaces in two networks of one node, and a daemon that comes and goes.

use std::collections::BTreeSet;

use cni_testkit::{Container, Host, Network, lacks_plugin};
use serde_json::json;

use crate::random::Random;

const STEPS: usize = 80;

/// Network, container and interface.
type Attachment = (usize, usize, usize);

fn network(host: &Host, number: usize) -> Network<'_> {
    host.network(json!({
        "cniVersion": "1.1.0", "name": format!("net{number}"), "type": "flannel",
        "delegate": { "bridge": format!("cni{number}") }
    }))
}

fn ifname(attachment: &Attachment) -> String {
    format!("net{}-{}", attachment.0, attachment.2)
}

fn write_subnet(host: &Host) {
    host.sh("mkdir -p /run/flannel; cat >/run/flannel/subnet.env <<'END'
FLANNEL_NETWORK=10.1.0.0/16
FLANNEL_SUBNET=10.1.17.1/24
FLANNEL_MTU=1472
FLANNEL_IPMASQ=true
END");
}

fn step(
    random: &mut Random,
    host: &Host,
    containers: &[Container],
    attached: &mut BTreeSet<Attachment>,
) {
    let attachment = (random.below(2), random.below(containers.len()), random.below(2));
    let (net, container) = (network(host, attachment.0), &containers[attachment.1]);
    let ifname = ifname(&attachment);
    match (random.below(9), attached.contains(&attachment)) {
        (0..=3, is_again) => {
            println!("ADD {attachment:?}, again: {is_again}");
            let outcome = net.add(container, &ifname);
            assert_eq!(outcome.is_success(), !is_again, "{outcome}");
            attached.insert(attachment);
        }
        (4..=6, _) => {
            println!("DEL {attachment:?}");
            match random.below(3) {
                0 => drop(host.sh("rm /run/flannel/subnet.env")),
                1 => drop(net.del_without_netns(container, &ifname).succeeds()),
                _ => {}
            }
            net.del(container, &ifname).succeeds();
            write_subnet(host);
            attached.remove(&attachment);
        }
        _ => {
            println!("GC of net{}", attachment.0);
            collect_garbage(host, attachment.0, containers, attached);
        }
    }
}

fn collect_garbage(
    host: &Host,
    number: usize,
    containers: &[Container],
    attached: &BTreeSet<Attachment>,
) {
    let mine: Vec<_> = attached.iter().filter(|attachment| attachment.0 == number).collect();
    let names: Vec<String> = mine.iter().map(|attachment| ifname(attachment)).collect();
    let valid: Vec<_> = mine
        .iter()
        .zip(&names)
        .map(|(attachment, ifname)| (&containers[attachment.1], ifname.as_str()))
        .collect();
    network(host, number).gc(&valid).succeeds();
}

#[test]
fn flannel_ends_in_the_base_state() {
    if lacks_plugin("flannel") {
        return;
    }
    let mut random = Random::new();
    let host = Host::new();
    write_subnet(&host);
    let containers: Vec<_> = (0..3).map(|number| host.container(&format!("c{number}"))).collect();
    for number in 0..2 {
        let net = network(&host, number);
        net.add(&containers[0], "first").succeeds();
        net.del(&containers[0], "first").succeeds();
    }
    let base = host.world();
    let mut attached = BTreeSet::new();
    for _ in 0..STEPS {
        step(&mut random, &host, &containers, &mut attached);
        for attachment in &attached {
            let net = network(&host, attachment.0);
            assert!(containers[attachment.1].shown().contains(&ifname(attachment)), "{net:?}");
        }
    }
    for container in &containers {
        container.destroy();
    }
    for attachment in std::mem::take(&mut attached) {
        if random.below(2) == 0 {
            let container = &containers[attachment.1];
            network(&host, attachment.0).del(container, &ifname(&attachment)).succeeds();
        }
    }
    for number in 0..2 {
        collect_garbage(&host, number, &containers, &attached);
    }
    host.returns_to(&base);
}
