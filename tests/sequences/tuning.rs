//! tuning: two networks that tune the interfaces of three containers, one after the other.

use std::collections::BTreeMap;

use cni_testkit::{Container, Host, Network, against_reference};
use serde_json::{Value, json};

use crate::random::Random;
use crate::tuned::{attached, link, network};

const STEPS: usize = 120;

/// Some attributes, with values of which the second differs from the first.
fn keys(random: &mut Random) -> Value {
    let mut keys = json!({});
    for (key, values) in [
        ("mac", [json!("02:00:00:00:00:0a"), json!("02:00:00:00:00:0b")]),
        ("mtu", [json!(1400), json!(1300)]),
        ("promisc", [json!(true), json!(true)]),
        ("allmulti", [json!(true), json!(false)]),
        ("txQLen", [json!(5), json!(0)]),
    ] {
        if random.below(2) == 0 {
            keys[key] = values[random.below(2)].clone();
        }
    }
    keys
}

/// The networks of a container; of several, those of GC are alike.
fn tuned<'h>(host: &'h Host, container: &Container, number: usize, keys: Value) -> Network<'h> {
    network(host, container, keys).with_config("name", json!(format!("net{number}")))
}

#[test]
fn random_lives_end_with_the_original_attributes() {
    if against_reference() {
        // A repeated ADD loses the original values there; the single differences are marked.
        return;
    }
    let mut random = Random::new();
    let host = Host::new();
    let containers: Vec<_> = (0..3).map(|n| attached(&host, &format!("c{n}"))).collect();
    let original = link(&containers[0]);
    let base = host.world();
    // Which network a container is attached to.
    let mut attachments = BTreeMap::new();
    for _ in 0..STEPS {
        let number = random.below(containers.len());
        let container = &containers[number];
        let network = *attachments.get(&number).unwrap_or(&random.below(2));
        let net = tuned(&host, container, network, keys(&mut random));
        match random.below(8) {
            0..=3 => {
                println!("ADD {number} to {network}: {}", net.config());
                net.add(container, "eth0").succeeds();
                net.check(container, "eth0").succeeds();
                attachments.insert(number, network);
            }
            4 if attachments.contains_key(&number) => {
                println!("failing ADD {number} to {network}");
                let before = link(container);
                net.with_config("mtu", json!(10))
                    .add(container, "eth0")
                    .fails(999, "invalid argument");
                assert_eq!(link(container), before);
            }
            5..=6 => {
                println!("DEL {number} from {network}");
                net.del(container, "eth0").succeeds();
                attachments.remove(&number);
                assert_eq!(link(container), original);
            }
            _ => {
                println!("GC of {network}");
                let of_network = attachments.iter().filter(|(_, of)| **of == network);
                let valid: Vec<_> =
                    of_network.map(|(number, _)| (&containers[*number], "eth0")).collect();
                net.gc(&valid).succeeds();
            }
        }
    }
    for (number, container) in containers.iter().enumerate() {
        if random.below(2) == 0 {
            let network = *attachments.get(&number).unwrap_or(&0);
            tuned(&host, container, network, json!({})).del(container, "eth0").succeeds();
            assert_eq!(link(container), original);
        }
    }
    for network in 0..2 {
        tuned(&host, &containers[0], network, json!({})).gc(&[]).succeeds();
    }
    host.returns_to(&base);
}
