//! dhcp with dnsmasq: what a configuration asks for, and who may have what.

use std::thread;

use cni_testkit::{Network, difference, lacks_release, supported_versions};
use serde_json::{Value, json};

use super::stage::{RANGE, Stage, given};

#[test]
fn a_lease_is_got_checked_and_given_back_in_every_version() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&["--dhcp-range=192.168.1.5,192.168.1.5,255.255.255.0,2m"]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    for version in supported_versions("dhcp") {
        let net = stage.network(json!({})).with_config("cniVersion", json!(version));
        net.add(&c1, "eth0").succeeds().result_is(&format!("dhcp/{version}"));
        if version.as_str() >= "0.4.0" {
            net.check(&c1, "eth0").succeeds();
        }
        net.del(&c1, "eth0").succeeds();
    }
    let log = stage.wait_for_log("DHCPRELEASE(eth0) 192.168.1.5");
    assert!(!log.contains("not available"), "the one address is free each time:\n{log}");
}

#[test]
fn routes_follow_the_options_of_the_server() {
    if lacks_release("1.9.1") {
        return;
    }
    let stage = Stage::new();
    let classless = "--dhcp-option=121,10.0.0.0/8,192.168.1.254,0.0.0.0/0,192.168.1.1";
    let _server = stage.dnsmasq(&[
        "--dhcp-range=192.168.1.5,192.168.1.5,255.255.255.0,2m",
        "--dhcp-option=33,10.5.0.0,192.168.1.9",
        classless,
    ]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let routes = |request: Value| {
        let net = stage.network(json!({ "request": request, "priority": 7 }));
        let result = net.add(&c1, "eth0").succeeds().result();
        net.del(&c1, "eth0").succeeds();
        let shown =
            |route: &Value| format!("{} {} {}", route["dst"], route["gw"], route["priority"]);
        let routes = result["routes"].as_array().cloned().unwrap_or_default();
        routes.iter().map(shown).collect::<String>().replace('"', "")
    };
    assert_eq!(routes(json!([])), "0.0.0.0/0 192.168.1.1 7");
    // dnsmasq sends neither of the older options beside the newer one.
    assert_eq!(
        routes(json!([{ "option": "121" }])),
        "10.0.0.0/8 192.168.1.254 70.0.0.0/0 192.168.1.1 7"
    );
    assert_eq!(
        routes(json!([{ "option": "6", "skipDefault": true }, { "option": "subnet-mask" }])),
        ""
    );
}

#[test]
fn a_static_route_reaches_the_network_of_its_class() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE, "--dhcp-option=33,10.5.0.0,192.168.1.9"]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    difference("dhcp-static-route-host-bits", || {
        let net = stage.network(json!({ "request": [{ "option": "33" }] }));
        let result = net.add(&c1, "eth0").succeeds().result();
        assert_eq!(result["routes"][0], json!({ "dst": "10.0.0.0/8", "gw": "192.168.1.9" }));
        assert_eq!(result["routes"][1], json!({ "dst": "0.0.0.0/0", "gw": "192.168.1.1" }));
    });
}

#[test]
fn name_servers_and_mtu_are_told_when_they_are_asked_for() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[
        "--dhcp-range=192.168.1.5,192.168.1.5,255.255.255.0,2m",
        "--dhcp-option=6,192.168.1.53,192.168.1.54",
        "--dhcp-option=15,example.org",
        "--dhcp-option=119,eng.example.org,ops.example.org",
        "--dhcp-option=26,1400",
    ]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let asked =
        json!([{ "option": "6" }, { "option": "15" }, { "option": "119" }, { "option": "26" }]);
    difference("dhcp-dns", || {
        let net = stage.network(json!({ "request": asked }));
        net.add(&c1, "eth0").succeeds().result_is("dhcp/dns-and-mtu");
        net.del(&c1, "eth0").succeeds();
    });
}

#[test]
fn the_server_hears_what_the_configuration_provides() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({ "provide": [
        { "option": "host-name", "fromArg": "K8S_POD_NAME" },
        { "option": "vendor-class-identifier", "value": "a vendor" }
    ] }));
    net.with_args("IgnoreUnknown=1;K8S_POD_NAME=web-1").add(&c1, "eth0").succeeds();
    let log = stage.wait_for_log("client provides name: web-1");
    assert!(log.contains("vendor class: a vendor"), "{log}");
    let leases = stage.read("/run/dnsmasq.leases").unwrap_or_default();
    let client_id: String = b"\0c1/net1/eth0".iter().map(|byte| format!(":{byte:02x}")).collect();
    assert!(leases.contains(&client_id[1..]), "should have {client_id}:\n{leases}");
}

#[test]
fn a_client_id_of_ones_own_is_used_from_first_to_last() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage
        .network(json!({ "provide": [{ "option": "dhcp-client-identifier", "value": "me" }] }));
    difference("dhcp-release-client-id", || {
        net.add(&c1, "eth0").succeeds();
        let leases = || stage.read("/run/dnsmasq.leases").unwrap_or_default();
        assert!(leases().contains(" 6d:65"), "{}", leases());
        net.del(&c1, "eth0").succeeds();
        stage.wait_for_log("DHCPRELEASE");
        super::stage::wait_for("the lease is free", || leases().is_empty());
    });
}

#[test]
fn options_that_are_none_are_refused() {
    let stage = Stage::new();
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({ "request": [{ "option": "nonsense" }] }));
    let refusal = r#"error calling DHCP.Allocate: Can not parse option "nonsense": Can not parse option: strconv.ParseUint: parsing "nonsense": invalid syntax"#;
    net.add(&c1, "eth0").fails(999, refusal);
    stage
        .network(json!({ "provide": 5 }))
        .add(&c1, "eth0")
        .fails_with(999, "error obtaining socketPath: error parsing socket path conf: ");
}

#[test]
fn interfaces_of_a_container_have_addresses_of_their_own() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    stage.second_interface(&c1);
    let net = stage.network(json!({}));
    let (one, other) = (given(&net, &c1, "eth0"), given(&net, &c1, "eth1"));
    assert_ne!(one, other);
    net.del(&c1, "eth1").succeeds();
    net.del(&c1, "eth0").succeeds();
    stage.wait_for_log(&format!("DHCPRELEASE(eth0) {}", one.trim_end_matches("/24")));
    stage.wait_for_log(&format!("DHCPRELEASE(eth0) {}", other.trim_end_matches("/24")));
}

#[test]
fn any_number_of_dels_succeed_at_once() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    net.add(&c1, "eth0").succeeds();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| net.del(&c1, "eth0").succeeds());
        }
    });
    net.del(&c1, "eth0").succeeds();
    net.del_without_netns(&c1, "eth0").succeeds();
}

#[test]
fn an_exhausted_server_is_given_up_in_time() {
    if lacks_release("1.9.1") {
        return;
    }
    let stage = Stage::new();
    let _server = stage.dnsmasq(&["--dhcp-range=192.168.1.5,192.168.1.5,255.255.255.0,2m"]);
    let _daemon = stage.daemon(&["-timeout", "200ms", "-resendmax", "1s", "--resendtimeout", "2s"]);
    let (c1, c2) = (stage.container("c1"), stage.container("c2"));
    let net = stage.network(json!({}));
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").fails(999, "error calling DHCP.Allocate: no more tries");
    net.del(&c2, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    // dnsmasq frees the address with the release, and not before.
    net.add(&c2, "eth0").succeeds();
}

#[test]
fn an_interface_that_is_down_is_set_up() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    c1.sh("ip link set eth0 down");
    stage.network(json!({})).add(&c1, "eth0").succeeds();
    assert!(super::stage::is_up(&c1, "eth0"));
}

#[test]
fn a_repeated_add_has_the_same_lease() {
    if lacks_release("1.9.1") {
        return;
    }
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    let first = given(&net, &c1, "eth0");
    assert_eq!(given(&net, &c1, "eth0"), first);
    assert_eq!(stage.log().matches("DHCPACK").count(), 1);
}

#[test]
fn two_servers_do_not_get_in_each_others_way() {
    if lacks_release("1.9.1") {
        return;
    }
    let stage = Stage::new();
    let other = stage.container("server2");
    other.sh("ip addr add 192.168.1.2/24 dev eth0");
    let _server = stage.dnsmasq(&[RANGE]);
    let _other = other.daemon(&[
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--user=root",
        "--port=0",
        "--interface=eth0",
        "--pid-file=/run/second.pid",
        "--dhcp-leasefile=/run/second.leases",
        "--no-ping",
        RANGE,
    ]);
    super::stage::wait_for("the second server", || stage.exists("/run/second.pid"));
    let _daemon = stage.daemon(&[]);
    let net = stage.network(json!({}));
    for number in 1..6 {
        let container = stage.container(&format!("c{number}"));
        attach_and_detach(&net, &container);
    }
    let left = || {
        let leases = |path: &str| stage.read(path).unwrap_or_default();
        leases("/run/dnsmasq.leases") + &leases("/run/second.leases")
    };
    super::stage::wait_for("nothing is left at either", || left().is_empty());
}

fn attach_and_detach(net: &Network<'_>, container: &cni_testkit::Container) {
    net.add(container, "eth0").succeeds();
    net.check(container, "eth0").succeeds();
    net.del(container, "eth0").succeeds();
}
