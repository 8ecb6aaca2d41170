//! ptp: CHECK, and everything it can find.

use cni_testkit::{Container, Host, Network, difference, lacks_release};
use serde_json::{Value, json};

use crate::networks::ptp;

/// One attachment, its result at hand.
struct Scene<'h> {
    net: Network<'h>,
    c1: &'h Container,
    result: Value,
}

fn with_scene(test: impl FnOnce(&Host, Scene<'_>)) {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = ptp(&host, json!({}));
    let result = net.add(&c1, "eth0").succeeds().result();
    test(&host, Scene { net, c1: &c1, result });
}

impl Scene<'_> {
    /// Checks a result that was tampered with.
    #[track_caller]
    fn fails_with_result(&self, tamper: impl FnOnce(&mut Value), msg: &str) {
        let mut result = self.result.clone();
        tamper(&mut result);
        self.net.with_prev_result(result).check(self.c1, "eth0").fails(999, msg);
    }

    #[track_caller]
    fn fails(&self, msg: &str) {
        self.net.check(self.c1, "eth0").fails(999, msg);
    }
}

#[test]
fn the_previous_result_is_needed() {
    with_scene(|_, scene| {
        let net = scene.net.without_prev_result();
        net.check(scene.c1, "eth0").fails(999, "ptp: Required prevResult missing");
    });
}

#[test]
fn the_result_has_to_fit() {
    with_scene(|_, scene| {
        let sandbox = scene.c1.netns_path();
        let other = format!("Sandbox in prevResult  doesn't match configured netns: {sandbox}");
        scene.fails_with_result(|result| result["interfaces"][1]["name"] = json!("eth9"), &other);
        scene.fails_with_result(|result| result["interfaces"][1]["sandbox"] = json!("/x"), &other);
        let mac = scene.result["interfaces"][1]["mac"].as_str().expect("a MAC");
        scene.fails_with_result(
            |result| result["interfaces"][1]["mac"] = json!("02:00:00:00:00:03"),
            &format!(
                "ptp: Interface eth0 Mac 02:00:00:00:00:03 doesn't match container Mac: {mac}"
            ),
        );
        scene.fails_with_result(
            |result| result["ips"][0]["address"] = json!("10.1.2.99/24"),
            "Failed to match addr 10.1.2.99/24 on interface eth0",
        );
        // A hardware address that the result does not tell is not compared.
        let mut bare = scene.result.clone();
        bare["interfaces"][1]["mac"].take();
        scene.net.with_prev_result(bare).check(scene.c1, "eth0").succeeds().silent();
    });
}

#[test]
fn a_missing_or_foreign_interface_is_found() {
    with_scene(|_, scene| {
        scene.c1.exec(&["ip", "link", "del", "eth0"]);
        scene.fails("ptp: Container Interface name in prevResult: eth0 not found");
        scene.c1.sh("ip link add eth0 type bridge");
        scene.fails("Error: Container interface eth0 not of type veth/p2p");
    });
}

#[test]
fn missing_addresses_and_routes_are_found() {
    with_scene(|_, scene| {
        scene.c1.sh("ip route del default");
        if !lacks_release("1.5.0") {
            scene.fails(
                "Expected Route {Dst:{IP:0.0.0.0 Mask:00000000} GW:<nil> MTU:0 AdvMSS:0 Priority:0 \
                 Table:<nil> Scope:<nil>} not found in routing table",
            );
        }
        scene.c1.sh("ip route del 10.1.2.0/24");
        scene.fails("Failed to find Gateway 10.1.2.1 for interface eth0");
        scene.c1.sh("ip addr del 10.1.2.2/24 dev eth0");
        scene.fails("Failed to match addr 10.1.2.2/24 on interface eth0");
    });
}

/// The plugins sbr and vrf do that.
#[test]
fn routes_may_have_been_moved_into_a_table_of_the_interface() {
    with_scene(|_, scene| {
        scene.c1.sh("ip route add 10.1.2.0/24 dev eth0 table 100
             ip route add default via 10.1.2.1 dev eth0 table 100
             ip route del default
             ip route del 10.1.2.0/24");
        difference("check-moved-routes", || {
            scene.net.check(scene.c1, "eth0").succeeds().silent();
        });
        scene.c1.sh("ip route flush table 100
             ip link add name other up type bridge
             ip route add 10.1.2.0/24 dev other table 100");
        scene.fails("Failed to find Gateway 10.1.2.1 for interface eth0");
    });
}

#[test]
fn a_missing_namespace_is_found() {
    with_scene(|_, scene| {
        let path = "/run/netns/none";
        let msg = format!(
            "failed to open netns \"{path}\": failed to Statfs \"{path}\": no such file or directory"
        );
        scene.net.with_env("CNI_NETNS", path).check(scene.c1, "eth0").fails(999, &msg);
    });
}

#[test]
fn a_lost_lease_is_found() {
    with_scene(|host, scene| {
        host.sh("rm /var/lib/cni/networks/net1/10.1.2.2 /var/lib/cni/networks/net1/fd00:1::2");
        scene.fails("host-local: Failed to find address added by container c1");
    });
}

#[test]
fn a_network_without_ipam_plugin_is_found() {
    with_scene(|_, scene| {
        let net = scene.net.with_config("ipam", json!({}));
        net.check(scene.c1, "eth0").fails(999, "no plugin name provided");
    });
}
