//! The same with every server that people run: a lease is got, extended and given back.

use std::thread;
use std::time::Duration;

use cni_testkit::{Daemon, lacks_file};
use serde_json::json;

use super::stage::{Stage, given, wait_for};

/// Runs a server whose leases last for seconds, as its own log tells the story.
fn serves(
    start: impl Fn(&Stage) -> Daemon,
    extended: (&str, usize),
    is_released: impl Fn(&Stage) -> bool,
) {
    let stage = Stage::new();
    let server = start(&stage);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    let address = given(&net, &c1, "eth0");
    c1.sh(&format!("ip addr add {address} dev eth0"));
    let (word, times) = extended;
    wait_for("two extensions", || stage.log().matches(word).count() >= times);
    net.check(&c1, "eth0").succeeds();

    // A server that was away for a moment goes on with its leases.
    drop(server);
    let _server = start(&stage);
    let before = stage.log().matches(word).count();
    wait_for("another extension", || stage.log().matches(word).count() > before);
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    // Long before the lease would have run out.
    thread::sleep(Duration::from_millis(300));
    assert!(is_released(&stage), "{}", stage.log());
}

#[test]
fn kea() {
    if lacks_file("/usr/sbin/kea-dhcp4") {
        return;
    }
    let config = json!({ "Dhcp4": {
        "interfaces-config": { "interfaces": ["eth0"] },
        "lease-database": { "type": "memfile", "name": "/run/kea/leases.csv" },
        "valid-lifetime": 8, "renew-timer": 2, "rebind-timer": 6,
        "subnet4": [{
            "subnet": "192.168.1.0/24",
            "pools": [{ "pool": "192.168.1.5 - 192.168.1.50" }],
            "option-data": [{ "name": "routers", "data": "192.168.1.1" }]
        }],
        "loggers": [{ "name": "kea-dhcp4", "severity": "DEBUG", "debuglevel": 50,
            "output_options": [{ "output": "/run/server.log", "flush": true }] }]
    } });
    serves(
        |stage| {
            stage.server.sh(&format!("mkdir -p /run/kea; echo '{config}' > /run/kea/kea.json"));
            let server = stage.server.daemon(&["kea-dhcp4", "-c", "/run/kea/kea.json"]);
            stage.wait_for_log("DHCP4_STARTED");
            server
        },
        ("DHCP4_LEASE_ALLOC", 3),
        |stage| stage.log().contains("DHCP4_RELEASE "),
    );
}

#[test]
fn isc_dhcpd() {
    if lacks_file("/usr/sbin/dhcpd") {
        return;
    }
    let config = "authoritative; default-lease-time 6; max-lease-time 6;
        subnet 192.168.1.0 netmask 255.255.255.0 {
            range 192.168.1.5 192.168.1.50; option routers 192.168.1.1; }";
    serves(
        |stage| {
            stage.server.sh(&format!("echo '{config}' > /run/dhcpd.conf; touch /run/dhcpd.leases"));
            let command = "exec dhcpd -f -d -cf /run/dhcpd.conf -lf /run/dhcpd.leases \
                -pf /run/dhcpd.pid eth0 2>>/run/server.log";
            let server = stage.server.daemon(&["sh", "-c", command]);
            stage.wait_for_log("Server starting service");
            server
        },
        ("DHCPACK", 3),
        |stage| stage.log().contains("DHCPRELEASE of 192.168.1."),
    );
}

#[test]
fn busybox_udhcpd() {
    if lacks_file("/bin/busybox") {
        return;
    }
    let config = "start 192.168.1.5
        end 192.168.1.50
        interface eth0
        lease_file /run/udhcpd.leases
        pidfile /run/udhcpd.pid
        min_lease 1
        auto_time 1
        option subnet 255.255.255.0
        option router 192.168.1.1
        option lease 6";
    serves(
        |stage| {
            let sed = "sed 's/^ *//'";
            stage.server.sh(&format!(
                "echo '{config}' | {sed} > /run/udhcpd.conf; touch /run/udhcpd.leases"
            ));
            let command = "exec busybox udhcpd -f /run/udhcpd.conf 2>>/run/server.log";
            let server = stage.server.daemon(&["sh", "-c", command]);
            stage.wait_for_log("started");
            server
        },
        ("sending ACK", 3),
        |stage| {
            // It does not tell, but writes down who has what.
            stage.server.sh("kill -USR1 $(cat /run/udhcpd.pid); sleep 0.2");
            let command = ["busybox", "dumpleases", "-f", "/run/udhcpd.leases"];
            stage.server.exec(&command).contains("expired")
        },
    );
}
