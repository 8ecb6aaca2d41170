//! Three devices that go round among three containers.

use cni_testkit::{Container, Host, Network, against_reference};
use serde_json::json;

use crate::random::Random;

const STEPS: usize = 80;

/// The network of one device, with addresses of its own.
fn network(host: &Host, number: usize) -> Network<'_> {
    host.sh(&format!("ip link add hd{number} type veth peer name far{number}"));
    host.network(json!({
        "cniVersion": "1.1.0", "name": format!("net{number}"), "type": "host-device",
        "device": format!("hd{number}"),
        "ipam": { "type": "host-local", "subnet": format!("10.1.{number}.0/24") }
    }))
}

/// Makes one step with a device, which `holder` has, and says who has it then.
fn step(
    random: &mut Random,
    net: &Network<'_>,
    containers: &[Container],
    holder: Option<usize>,
) -> Option<usize> {
    let number = random.below(containers.len());
    let container = &containers[number];
    let ifname = net.config()["name"].as_str().expect("a network has a name");
    match (random.below(8), holder) {
        (0..=3, None) => {
            println!("ADD {ifname} to {number}");
            net.add(container, ifname).succeeds();
            Some(number)
        }
        (0..=3, Some(_)) => {
            println!("ADD {ifname} to {number}, which is away");
            net.add(container, ifname).fails(999, "failed to find host device: Link not found");
            holder
        }
        (4, _) => {
            println!("DEL {ifname} from {number} without its namespace, then with it");
            net.del_without_netns(container, ifname).succeeds();
            net.del(container, ifname).succeeds();
            holder.filter(|holder| *holder != number)
        }
        (5..=6, _) => {
            println!("DEL {ifname} from {number}");
            net.del(container, ifname).succeeds();
            holder.filter(|holder| *holder != number)
        }
        _ => {
            println!("GC of {ifname}");
            let valid: Vec<_> =
                holder.iter().map(|holder| (&containers[*holder], ifname)).collect();
            net.gc(&valid).succeeds();
            holder
        }
    }
}

#[test]
fn random_journeys_end_at_home() {
    if against_reference() {
        // The reference's DEL fails where there is nothing; the single differences are marked.
        return;
    }
    let mut random = Random::new();
    let host = Host::new();
    let networks: Vec<_> = (0..3).map(|number| network(&host, number)).collect();
    let containers: Vec<_> = (0..3).map(|number| host.container(&format!("c{number}"))).collect();
    for net in &networks {
        net.add(&containers[0], "first").succeeds();
        net.del(&containers[0], "first").succeeds();
    }
    let base = host.world();

    let mut holders = [None; 3];
    for _ in 0..STEPS {
        let number = random.below(networks.len());
        holders[number] = step(&mut random, &networks[number], &containers, holders[number]);
    }

    for (number, net) in networks.iter().enumerate() {
        let ifname = format!("net{number}");
        for (index, container) in containers.iter().enumerate() {
            if holders[number] == Some(index) {
                net.check(container, &ifname).succeeds();
            }
            net.del(container, &ifname).succeeds();
        }
    }
    for container in &containers {
        assert_eq!(container.shown(), "");
    }
    host.returns_to(&base);
}
