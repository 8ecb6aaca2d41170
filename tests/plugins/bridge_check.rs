//! bridge: CHECK, and everything it can find.

use cni_testkit::{Container, Host, Network, difference, lacks_release};
use serde_json::{Value, json};

use crate::networks::{bridge, dual_stack};

/// One attachment, its result at hand.
struct Scene<'h> {
    net: Network<'h>,
    c1: &'h Container,
    result: Value,
}

fn with_scene(test: impl FnOnce(&Host, Scene<'_>)) {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "isDefaultGateway": true, "ipam": dual_stack() }));
    let result = net.add(&c1, "eth0").succeeds().result();
    test(&host, Scene { net, c1: &c1, result });
}

impl Scene<'_> {
    fn port(&self) -> &str {
        self.result["interfaces"][1]["name"].as_str().expect("a result lists the port")
    }

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
fn an_intact_attachment_passes() {
    with_scene(|_, scene| {
        scene.net.check(scene.c1, "eth0").succeeds().silent();
    });
}

#[test]
fn the_previous_result_is_needed() {
    with_scene(|_, scene| {
        let net = scene.net.without_prev_result();
        net.check(scene.c1, "eth0").fails(999, "Required prevResult missing");
    });
}

#[test]
fn the_result_has_to_fit() {
    with_scene(|host, scene| {
        let sandbox = scene.c1.netns_path();
        let port = scene.port();
        host.exec(&["ip", "link", "add", "br9", "type", "bridge"]);
        let drop_interface = |index: usize| {
            move |result: &mut Value| {
                result["interfaces"].as_array_mut().expect("interfaces").remove(index);
            }
        };
        scene.fails_with_result(drop_interface(0), "Interface name missing ");
        scene.fails_with_result(
            drop_interface(2),
            &format!("Sandbox in prevResult  doesn't match configured netns: {sandbox}"),
        );
        scene
            .fails_with_result(drop_interface(1), "CNI veth created for bridge cni0 was not found");
        scene.fails_with_result(
            |result| result["interfaces"][0]["sandbox"] = json!("/x"),
            "Interface cni0 should not be in sandbox",
        );
        scene.fails_with_result(
            |result| result["interfaces"][0]["mac"] = json!("02:00:00:00:00:01"),
            "Bridge interface cni0 Mac doesn't match: 02:00:00:00:00:01",
        );
        scene.fails_with_result(
            |result| result["interfaces"][1]["mac"] = json!("02:00:00:00:00:02"),
            &format!("Interface {port} Mac doesn't match: 02:00:00:00:00:02 not found"),
        );
        scene.fails_with_result(
            |result| result["interfaces"][1]["name"] = json!("nowhere"),
            "Interface name nowhere not found",
        );
        let mac = scene.result["interfaces"][2]["mac"].as_str().expect("a MAC");
        scene.fails_with_result(
            |result| result["interfaces"][2]["mac"] = json!("02:00:00:00:00:03"),
            &format!("Interface eth0 Mac 02:00:00:00:00:03 doesn't match container Mac: {mac}"),
        );
        scene.fails_with_result(
            |result| result["interfaces"][2]["sandbox"] = json!("/x"),
            &format!("Sandbox in prevResult  doesn't match configured netns: {sandbox}"),
        );
        // A veth that is no port of the bridge, and a link that is no veth, are passed over.
        scene.fails_with_result(
            |result| result["interfaces"][1]["name"] = json!("br9"),
            "CNI veth created for bridge cni0 was not found",
        );
        scene.fails_with_result(
            |result| result["ips"][0]["address"] = json!("10.1.2.99/24"),
            "Failed to match addr 10.1.2.99/24 on interface eth0",
        );
        scene.fails_with_result(
            |result| result["ips"][0]["address"] = json!("10.1.2.2/25"),
            "Failed to match addr 10.1.2.2/25 on interface eth0",
        );
        // Hardware addresses that the result does not tell are not compared.
        let mut bare = scene.result.clone();
        for interface in bare["interfaces"].as_array_mut().expect("interfaces") {
            interface["mac"].take();
        }
        scene.net.with_prev_result(bare).check(scene.c1, "eth0").succeeds();
    });
}

#[test]
fn a_missing_bridge_is_found() {
    with_scene(|host, scene| {
        host.exec(&["ip", "link", "del", "cni0"]);
        scene.fails("Interface name cni0 not found");
        host.sh("ip link add cni0 type veth peer name other");
        scene.fails("Interface cni0 does not have link type of bridge");
    });
}

#[test]
fn a_port_that_left_the_bridge_is_found() {
    with_scene(|host, scene| {
        host.exec(&["ip", "link", "set", scene.port(), "nomaster"]);
        scene.fails("CNI veth created for bridge cni0 was not found");
    });
}

#[test]
fn a_missing_interface_is_found() {
    with_scene(|_, scene| {
        scene.c1.exec(&["ip", "link", "del", "eth0"]);
        scene.fails("Interface name eth0 not found");
        scene.c1.sh("ip link add eth0 type bridge");
        scene.fails("Error: Container interface eth0 not of type veth");
    });
}

#[test]
fn missing_addresses_are_found() {
    with_scene(|_, scene| {
        scene.c1.sh("ip route del 10.1.2.0/24");
        scene.fails("Failed to find Gateway 10.1.2.1 for interface eth0");
        scene.c1.sh("ip addr del 10.1.2.2/24 dev eth0");
        scene.fails("Failed to match addr 10.1.2.2/24 on interface eth0");
    });
}

/// Routes of the result by their destination, and by their gateway unless they are default routes.
#[test]
fn missing_routes_are_found() {
    if lacks_release("1.5.0") {
        return;
    }
    with_scene(|_, scene| {
        scene.fails_with_result(
            |result| result["routes"] = json!([{ "dst": "10.0.0.0/8", "gw": "10.1.2.1" }]),
            "Expected Route {Dst:{IP:10.0.0.0 Mask:ff000000} GW:10.1.2.1 MTU:0 AdvMSS:0 Priority:0 \
             Table:<nil> Scope:<nil>} not found in routing table",
        );
        scene.c1.sh("ip route replace default via 10.1.2.9");
        scene.net.check(scene.c1, "eth0").succeeds();
        scene.c1.sh("ip route del default");
        scene.fails(
            "Expected Route {Dst:{IP:0.0.0.0 Mask:00000000} GW:10.1.2.1 MTU:0 AdvMSS:0 Priority:0 \
             Table:<nil> Scope:<nil>} not found in routing table",
        );
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

/// A capture on the bridge makes it promiscuous, which the reference takes for a fault.
#[test]
fn promiscuous_mode_has_to_be_on_if_configured() {
    with_scene(|host, scene| {
        scene.net.with_config("promiscMode", json!(true)).check(scene.c1, "eth0").fails(
            999,
            "Bridge interface cni0 configured Promisc Mode true doesn't match current state: false ",
        );
        host.exec(&["ip", "link", "set", "cni0", "promisc", "on"]);
        difference("bridge-check-promiscuity", || {
            drop(scene.net.check(scene.c1, "eth0").succeeds())
        });
    });
}
