//! vrf: the interfaces of a container come and go in two VRFs.

use std::collections::{BTreeMap, BTreeSet};

use cni_testkit::{Feature, Host, lacks};
use serde_json::json;

use crate::random::Random;

const STEPS: usize = 60;
const INTERFACES: [&str; 3] = ["eth0", "eth1", "eth2"];
const VRFS: [&str; 2] = ["blue", "red"];

/// The links there are to be: a VRF lives as long as it has members.
fn expected(members: &BTreeMap<&str, &str>) -> BTreeSet<String> {
    let interface = |ifname: &&str| match members.get(ifname) {
        Some(vrf) => format!("link {ifname} up controller {vrf}"),
        None => format!("link {ifname} up"),
    };
    let vrfs = members.values().map(|vrf| format!("link {vrf} up"));
    INTERFACES.iter().map(interface).chain(vrfs).collect()
}

#[test]
fn uml_random_lives_end_without_a_vrf() {
    if lacks(Feature::Vrf) {
        return;
    }
    let mut random = Random::new();
    let host = Host::new();
    let container = host.container("c1");
    for ifname in INTERFACES {
        container.sh(&format!("ip link add name {ifname} up type bridge"));
    }
    // The kernel's own rule for VRFs comes with the first one and stays.
    container.sh("ip link add name first type vrf table 999; ip link del first");
    let base = container.shown();
    let network = |vrf: &str| {
        let config = json!({ "cniVersion": "1.0.0", "name": vrf, "type": "vrf", "vrfname": vrf });
        host.network(config).with_prev_result(json!({ "cniVersion": "1.0.0", "ips": [] }))
    };
    let mut members = BTreeMap::new();
    for _ in 0..STEPS {
        let ifname = INTERFACES[random.below(INTERFACES.len())];
        let vrf = *members.get(ifname).unwrap_or(&VRFS[random.below(VRFS.len())]);
        let net = network(vrf);
        if random.below(2) == 0 {
            println!("ADD {ifname} to {vrf}");
            net.add(&container, ifname).succeeds();
            net.check(&container, ifname).succeeds();
            members.insert(ifname, vrf);
        } else {
            println!("DEL {ifname} from {vrf}");
            net.del(&container, ifname).succeeds();
            members.remove(ifname);
        }
        let shown = container.shown();
        let links = shown.lines().filter(|line| line.starts_with("link "));
        // The MTU of a VRF differs from kernel to kernel.
        let links = links.filter_map(|line| line.split(" mtu ").next()).map(str::to_owned);
        assert_eq!(links.collect::<BTreeSet<_>>(), expected(&members));
    }
    for (ifname, vrf) in members {
        network(vrf).del(&container, ifname).succeeds();
    }
    assert_eq!(container.shown(), base);
}
