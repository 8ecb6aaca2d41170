//! DHCPv6 with the other servers that people run: an address is got, extended and given back.

use cni_testkit::{Daemon, knows_nothing_of, lacks_file};
use serde_json::json;

use super::stage::{Stage, given, wait_for};
use super::stage6::{container, has_dynamic, network, stage};

/// Runs a server whose leases last for seconds, as its own log tells the story.
fn serves(start: impl Fn(&Stage) -> Daemon, extension: &str, release: &str) {
    let stage = stage();
    let server = start(&stage);
    let _daemon = stage.daemon(&[]);
    let c1 = container(&stage, "c1");
    let net = network(&stage, "dhcp");
    let extensions = || stage.log().matches(extension).count();
    let address = given(&net, &c1, "eth0");
    assert!(address.starts_with("fd00:1::"), "{address}");
    wait_for("two extensions", || extensions() >= 2);
    net.check(&c1, "eth0").succeeds();

    // A server that was away for a moment goes on with its leases.
    drop(server);
    let _server = start(&stage);
    let before = extensions();
    wait_for("another extension", || extensions() > before);
    assert!(has_dynamic(&c1, &address));
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    stage.wait_for_log(release);
}

#[test]
fn kea_for_ipv6() {
    if lacks_file("/usr/sbin/kea-dhcp6") || knows_nothing_of("ipam.ipv6") {
        return;
    }
    let config = json!({ "Dhcp6": {
        "interfaces-config": { "interfaces": ["eth0"] },
        "lease-database": { "type": "memfile", "name": "/run/kea/leases6.csv" },
        // Else it is kept where a test may not write.
        "server-id": { "type": "EN", "enterprise-id": 1, "identifier": "01", "persist": false },
        "valid-lifetime": 12, "preferred-lifetime": 10, "renew-timer": 2, "rebind-timer": 8,
        "subnet6": [{
            "id": 1,
            "subnet": "fd00:1::/64",
            "interface": "eth0",
            "pools": [{ "pool": "fd00:1::10 - fd00:1::ff" }]
        }],
        "loggers": [{ "name": "kea-dhcp6", "severity": "DEBUG", "debuglevel": 50,
            "output_options": [{ "output": "/run/server.log", "flush": true }] }]
    } });
    serves(
        |stage| {
            stage.server.sh(&format!("mkdir -p /run/kea; echo '{config}' > /run/kea/kea6.json"));
            stage.server.sh(": > /run/server.log");
            let server = stage.server.daemon(&["kea-dhcp6", "-c", "/run/kea/kea6.json"]);
            stage.wait_for_log("DHCP6_STARTED");
            server
        },
        "DHCP6_LEASE_RENEW",
        "DHCP6_RELEASE_NA ",
    );
}

#[test]
fn isc_dhcpd_for_ipv6() {
    if lacks_file("/usr/sbin/dhcpd") || knows_nothing_of("ipam.ipv6") {
        return;
    }
    let config = "authoritative; default-lease-time 8; preferred-lifetime 6; max-lease-time 8;
        option dhcp-renewal-time 2; option dhcp-rebinding-time 5;
        subnet6 fd00:1::/64 { range6 fd00:1::10 fd00:1::ff; }";
    serves(
        |stage| {
            stage
                .server
                .sh(&format!("echo '{config}' > /run/dhcpd6.conf; touch /run/dhcpd6.leases"));
            let command = "exec dhcpd -6 -f -d -cf /run/dhcpd6.conf -lf /run/dhcpd6.leases \
                -pf /run/dhcpd6.pid eth0 2>>/run/server.log";
            let before = stage.log().len();
            let server = stage.server.daemon(&["sh", "-c", command]);
            wait_for("the server", || stage.log()[before..].contains("Server starting service"));
            server
        },
        "Renew message from",
        "Release message from",
    );
}
