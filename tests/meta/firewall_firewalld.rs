//! firewall: with a firewalld and a message bus of the test's own.

use cni_testkit::{Blocked, Host, difference, lacks_version};
use serde_json::json;

use crate::firewall_traffic::{Walled, outside};
use crate::firewalld::Firewalld;
use crate::walled::{BOTH, firewall, previous};

/// It is found by itself, and the addresses are its sources as hosts.
#[test]
fn addresses_are_sources_of_a_zone() {
    let host = Host::new();
    let c1 = host.container("c1");
    let firewalld = Firewalld::start(&host);
    for keys in [json!({}), json!({ "backend": "firewalld" })] {
        let net = firewall(&host, keys);
        for _ in 0..2 {
            net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
        }
        assert_eq!(firewalld.sources("trusted"), "10.0.0.2/32 2001:db8::2/128");
        assert!(!host.iptables_rules().contains("CNI-"));
        net.check(&c1, "eth0").succeeds();
        for _ in 0..2 {
            net.del(&c1, "eth0").succeeds();
        }
        assert_eq!(firewalld.sources("trusted"), "");
    }
    let net = firewall(&host, json!({ "firewalldZone": "home" }));
    net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
    assert_eq!(firewalld.sources("home"), "10.0.0.2/32 2001:db8::2/128");
    // The zone is remembered.
    difference("firewall-del-finds-backend", || {
        let elsewhere = net.with_config("firewalldZone", json!("work"));
        elsewhere.with_prev_result(previous("br0", &BOTH)).del(&c1, "eth0").succeeds();
        assert_eq!(firewalld.sources("home"), "");
    });
}

#[test]
fn what_firewalld_refuses_is_undone() {
    let host = Host::new();
    let c1 = host.container("c1");
    let firewalld = Firewalld::start(&host);
    let net = firewall(&host, json!({})).with_prev_result(previous("br0", &BOTH));
    net.with_config("firewalldZone", json!("none"))
        .add(&c1, "eth0")
        .fails(999, "failed to add the address 10.0.0.2/32 to none zone: INVALID_ZONE: none");
    host.exec(&["firewall-cmd", "--zone=home", "--add-source=2001:db8::2/128"]);
    net.add(&c1, "eth0").fails_with(
        999,
        "failed to add the address 2001:db8::2/128 to trusted zone: ZONE_CONFLICT: ",
    );
    difference("firewall-failed-add", || assert_eq!(firewalld.sources("trusted"), ""));
    assert_eq!(firewalld.sources("home"), "2001:db8::2/128");
    net.del(&c1, "eth0").succeeds();
    assert_eq!(firewalld.sources("home"), "2001:db8::2/128");
}

/// A reload forgets the sources.
#[test]
fn after_a_reload_a_check_reports_and_a_repeated_add_restores() {
    let host = Host::new();
    let c1 = host.container("c1");
    let firewalld = Firewalld::start(&host);
    let net = firewall(&host, json!({ "ingressPolicy": "same-bridge" }));
    let both = net.with_prev_result(previous("br0", &BOTH));
    both.add(&c1, "eth0").succeeds();
    net.check(&c1, "eth0").succeeds();
    host.exec(&["firewall-cmd", "--reload"]);
    assert_eq!(firewalld.sources("trusted"), "");
    difference("firewall-check-firewalld", || {
        net.check(&c1, "eth0").fails(999, "failed to find the address 10.0.0.2/32 in trusted zone");
    });
    both.add(&c1, "eth0").succeeds();
    net.check(&c1, "eth0").succeeds();
    assert_eq!(firewalld.sources("trusted"), "10.0.0.2/32 2001:db8::2/128");
    assert!(host.iptables_rules().contains("-A CNI-ISOLATION-STAGE-2 -o br0 "));
}

/// firewalld rejects what it forwards, unless the zone says otherwise.
#[test]
fn containers_get_out_through_firewalld() {
    let host = Host::new();
    let c1 = host.container("c1");
    let outside = outside(&host);
    let _firewalld = Firewalld::start(&host);
    let net = Walled::new(&host, 1, json!({}));
    net.add(&c1);
    c1.reaches(&outside, "192.0.2.2:80");
    net.firewall().del(&c1, "eth0").succeeds();
    c1.cannot_reach(&outside, "192.0.2.2:80", Blocked::Unreachable);
}

/// It was stopped between ADD and DEL, or another one was started.
#[test]
fn del_finds_the_backend_whatever_runs_now() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = firewall(&host, json!({}));
    net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
    let firewalld = Firewalld::start(&host);
    let other = ["10.0.0.3/24"];
    net.with_prev_result(previous("br0", &other)).add(&c2, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    assert!(!host.iptables_rules().contains("10.0.0.2"), "{}", host.iptables_rules());
    drop(firewalld);
    net.del(&c2, "eth0").succeeds();
    assert!(!host.world().contains("/run/cni/firewall/"), "{}", host.world());
}

#[test]
fn gc_and_status_ask_firewalld() {
    if lacks_version("firewall", "1.1.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let firewalld = Firewalld::start(&host);
    let net = firewall(&host, json!({}));
    net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
    net.status().succeeds();
    net.gc(&[(&c1, "eth0")]).succeeds();
    net.check(&c1, "eth0").succeeds();
    difference("firewall-gc", || {
        net.gc(&[]).succeeds();
        assert_eq!(firewalld.sources("trusted"), "");
    });
}

#[test]
fn without_a_bus_the_error_is_the_connections() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = firewall(&host, json!({ "backend": "firewalld" }));
    net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").fails(
        999,
        "dial unix /var/run/dbus/system_bus_socket: connect: no such file or directory",
    );
    difference("firewall-failed-add", || {
        assert!(!host.world().contains("/run/cni/firewall/"), "{}", host.world());
        net.with_prev_result(previous("br0", &BOTH)).del(&c1, "eth0").succeeds();
    });
}
