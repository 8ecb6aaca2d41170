//! host-local: DEL frees, CHECK finds, and neither makes anything.

use cni_testkit::{Host, difference};
use expect_test::expect;
use serde_json::{Value, json};

use crate::host_local::{STORE, files, given, network, of, plain, put, reserved, take_away};

const NOT_FOUND: &str = "host-local: Failed to find address added by container c1";

#[test]
fn an_unknown_container_has_nothing_to_free_and_fails_check() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plain(&host);
    net.del(&c1, "eth0").succeeds().silent();
    net.check(&c1, "eth0").fails(999, NOT_FOUND);
    given(&of(&net, "other"), &c1);
    let before = files(&host);
    net.del(&c1, "eth0").succeeds().silent();
    net.del_without_netns(&c1, "eth0").succeeds().silent();
    net.check(&c1, "eth0").fails(999, NOT_FOUND);
    assert_eq!(files(&host), before);
}

#[test]
fn del_and_check_make_no_folder() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, json!({ "subnet": "10.1.2.0/24", "dataDir": "/run/absent" }));
    difference("host-local-del-makes-nothing", || {
        net.del(&c1, "eth0").succeeds();
        assert!(!host.output(&["ls", "/run/absent"]).status.success(), "DEL made a folder");
    });
    host.sh("rm -rf /run/absent");
    difference("host-local-del-makes-nothing", || {
        net.check(&c1, "eth0").fails(999, NOT_FOUND);
        assert!(!host.output(&["ls", "/run/absent"]).status.success(), "CHECK made a folder");
    });
}

/// CHECK wants an address of this attachment, whichever; DEL frees those of this attachment, all.
#[test]
fn an_attachment_is_a_container_and_an_interface() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plain(&host);
    put(&host, "10.1.2.2", "c1\r\neth0");
    put(&host, "10.1.2.3", "c1\r\neth1");
    put(&host, "10.1.2.4", "c11\r\neth0");
    put(&host, "10.1.2.5", "c1\r\neth0");
    put(&host, "fd00::7", "c1\r\neth0");
    net.check(&c1, "eth0").succeeds().silent();
    net.check(&c1, "eth2").fails(999, NOT_FOUND);
    take_away(&host, "10.1.2.2");
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds().silent();
    net.check(&c1, "eth0").fails(999, NOT_FOUND);
    net.check(&c1, "eth1").succeeds();
    assert_eq!(reserved(&host), ["10.1.2.3", "10.1.2.4"]);
}

/// Files of old releases name the container only. They count for any of its interfaces, but only
/// where there is no file that names the interface, too.
#[test]
fn files_of_old_releases_belong_to_every_interface() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plain(&host);
    given(&net, &c1);
    put(&host, "10.1.2.2", "c1");
    put(&host, "10.1.2.9", " c1\n");
    net.check(&c1, "eth0").succeeds();
    net.add(&c1, "eth5").fails_with(999, "duplicate allocation is not allowed");
    put(&host, "10.1.2.3", "\nc1\r\neth0 ");
    net.del(&c1, "eth0").succeeds();
    assert_eq!(reserved(&host), ["10.1.2.2", "10.1.2.9"]);
    net.del(&c1, "eth7").succeeds();
    assert!(reserved(&host).is_empty());
}

/// Reference: nothing but a carriage return and a line feed separates container and interface.
#[test]
fn other_line_ends_name_nobody() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plain(&host);
    for content in ["c1\neth0", "c1 eth0", "c1\r\n\r\neth0", "c1\r\neth0\r\nx", "C1\r\neth0"] {
        put(&host, "10.1.2.2", content);
        net.check(&c1, "eth0").fails(999, NOT_FOUND);
        net.del(&c1, "eth0").succeeds();
        assert_eq!(reserved(&host), ["10.1.2.2"], "{content:?}");
    }
}

/// Ranges may have changed since ADD.
#[test]
fn addresses_outside_the_ranges_are_freed() {
    let host = Host::new();
    let c1 = host.container("c1");
    given(&plain(&host), &c1);
    let moved = network(&host, json!({ "subnet": "10.7.0.0/24" }));
    moved.check(&c1, "eth0").succeeds();
    moved.del(&c1, "eth0").succeeds();
    assert!(reserved(&host).is_empty());
}

/// Whatever has become of the rest of the configuration, name and folder lead to the address.
#[test]
fn del_frees_with_a_broken_configuration() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plain(&host);
    let ipam = |ipam: Value| net.with_config("ipam", ipam);
    for (what, broken) in [
        ("no range", ipam(json!({}))),
        ("host bits", ipam(json!({ "subnet": "10.1.2.3/24" }))),
        ("no subnet", ipam(json!({ "subnet": "x" }))),
        ("types", ipam(json!({ "subnet": 5, "ranges": 6, "routes": 7, "resolvConf": 8 }))),
        ("requests", net.with_config("args", json!({ "cni": { "ips": ["x"] } }))),
        ("runtime's ranges", net.with_config("runtimeConfig", json!({ "ipRanges": 5 }))),
        ("CNI_ARGS", net.with_args("no pair")),
        ("unknown CNI_ARGS", net.with_args("A=b")),
    ] {
        net.add(&c1, "eth0").succeeds();
        difference("host-local-del-any-configuration", || {
            broken.del(&c1, "eth0").succeeds().silent();
            assert!(reserved(&host).is_empty(), "{what}");
        });
        net.del(&c1, "eth0").succeeds();
    }
}

/// Nobody can tell what is held where there is a file.
#[test]
fn a_store_that_is_no_folder_is_an_error() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plain(&host);
    host.sh(&format!("mkdir -p {STORE}; touch {STORE}/net1"));
    net.add(&c1, "eth0").fails_with(999, "not a directory");
    net.check(&c1, "eth0").fails_with(999, "not a directory");
    net.del(&c1, "eth0").fails_with(999, "not a directory");
    expect![[r#"
        net1 ""
    "#]]
    .assert_eq(&files(&host));
}
