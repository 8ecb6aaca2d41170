//! host-local: addresses and ranges that the runtime asks for.

use cni_testkit::{Host, Network, difference};
use expect_test::expect;
use serde_json::{Value, json};

use crate::host_local::{files, given, network, of, plain, put, reserved};

/// One IPv4 set of two subnets, one IPv6 set.
fn two_sets(host: &Host) -> Network<'_> {
    let ranges = json!([
        [{ "subnet": "10.1.2.0/24" }, { "subnet": "10.1.3.0/24" }],
        [{ "subnet": "2001:db8:1::/64" }]
    ]);
    network(host, json!({ "ranges": ranges }))
}

/// The network with addresses in `args` and `runtimeConfig`.
fn asking<'h>(net: &Network<'h>, args: Value, runtime: Value) -> Network<'h> {
    net.with_config("args", json!({ "cni": { "ips": args } }))
        .with_config("runtimeConfig", json!({ "ips": runtime }))
}

/// Three sources; a prefix length means nothing, the subnet's is given.
#[test]
fn every_source_can_ask() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plain(&host);
    for (number, (net, address)) in [
        (net.with_args("IP=10.1.2.10"), "10.1.2.10/24"),
        (net.with_args("IP=10.1.2.11/16"), "10.1.2.11/24"),
        (net.with_args("IgnoreUnknown=1;K8S_POD_NAME=x;IP=10.1.2.12"), "10.1.2.12/24"),
        (asking(&net, json!(["10.1.2.20"]), json!([])), "10.1.2.20/24"),
        (asking(&net, json!(["10.1.2.21/16"]), json!(null)), "10.1.2.21/24"),
        (asking(&net, json!([]), json!(["10.1.2.30"])), "10.1.2.30/24"),
        (asking(&net, json!(null), json!(["10.1.2.31/8"])), "10.1.2.31/24"),
        (asking(&net, json!(["::ffff:10.1.2.40"]), json!([])), "10.1.2.40/24"),
        (net.with_args("IP="), "10.1.2.41/24"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(given(&of(&net, &format!("c{number}")), &c1), [address]);
    }
    assert!(files(&host).contains("net1/last_reserved_ip.0 \"10.1.2.41\"\n"));
}

/// Each set is asked for the address that lies in it; the same one from two sources is one.
#[test]
fn requests_find_their_sets() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = two_sets(&host);
    let both = asking(&net, json!(["2001:db8:1::999", "10.1.3.7"]), json!(["10.1.3.7"]));
    let both = both.with_args("IP=10.1.3.7/32");
    assert_eq!(given(&of(&both, "a"), &c1), ["10.1.3.7/24", "2001:db8:1::999/64"]);
    let one = asking(&net, json!(["2001:db8:1::9"]), json!([]));
    assert_eq!(given(&of(&one, "b"), &c1), ["10.1.3.8/24", "2001:db8:1::9/64"]);
    expect![[r#"
        net1/
        net1/10.1.3.7 "a\r\neth0"
        net1/10.1.3.8 "b\r\neth0"
        net1/2001:db8:1::9 "b\r\neth0"
        net1/2001:db8:1::999 "a\r\neth0"
        net1/last_reserved_ip.0 "10.1.3.8"
        net1/last_reserved_ip.1 "2001:db8:1::9"
        net1/lock ""
    "#]]
    .assert_eq(&files(&host));
}

/// Nothing of it is reserved.
#[test]
fn what_cannot_be_had_is_refused() {
    let host = Host::new();
    let c1 = host.container("c1");
    let range = json!({ "subnet": "10.1.2.0/24", "rangeStart": "10.1.2.10", "rangeEnd": "10.1.2.20",
        "gateway": "10.1.2.15" });
    let net = network(&host, range);
    put(&host, "10.1.2.12", "other\r\neth0");
    let before = reserved(&host);
    for (ip, msg) in [
        (
            "10.1.2.12",
            "failed to allocate for range 0: requested IP address 10.1.2.12 is not available in \
             range set 10.1.2.10-10.1.2.20",
        ),
        ("10.1.2.15", "failed to allocate for range 0: requested ip 10.1.2.15 is subnet's gateway"),
        ("10.1.2.9", "failed to allocate all requested IPs: 10.1.2.9"),
        ("10.1.2.21", "failed to allocate all requested IPs: 10.1.2.21"),
        ("10.1.2.255", "failed to allocate all requested IPs: 10.1.2.255"),
        ("10.9.9.9", "failed to allocate all requested IPs: 10.9.9.9"),
        ("fd00::1", "failed to allocate all requested IPs: fd00::1"),
    ] {
        net.with_args(&format!("IP={ip}")).add(&c1, "eth0").fails(999, msg);
        assert_eq!(reserved(&host), before, "{ip}");
    }
    let msg = "failed to allocate all requested IPs: 10.1.2.1";
    let two = asking(&net, json!(["10.1.2.18", "10.1.2.17"]), json!([]));
    two.add(&c1, "eth0").fails_with(999, msg);
    assert_eq!(reserved(&host), before);
    difference("host-local-surplus-requests", || {
        two.add(&c1, "eth0").fails(999, "failed to allocate all requested IPs: 10.1.2.17");
        assert!(!files(&host).contains("last_reserved_ip"), "{}", files(&host));
    });
}

/// Reference: whoever asks for an address may have more than one, which DEL frees together.
#[test]
fn an_attachment_can_ask_for_one_more_address() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plain(&host);
    assert_eq!(given(&net, &c1), ["10.1.2.2/24"]);
    assert_eq!(given(&net.with_args("IP=10.1.2.9"), &c1), ["10.1.2.9/24"]);
    net.add(&c1, "eth0").fails_with(999, "duplicate allocation is not allowed");
    assert_eq!(reserved(&host), ["10.1.2.2", "10.1.2.9"]);
    net.del(&c1, "eth0").succeeds();
    assert!(reserved(&host).is_empty());
}

#[test]
fn broken_requests_are_refused() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plain(&host);
    for (args, msg) in [
        ("IP=a,b", "ARGS: error parsing value of pair \"IP=a,b\": invalid IP address a,b"),
        (
            "IP=10.1.2.3,10.1.2.4",
            "ARGS: error parsing value of pair \"IP=10.1.2.3,10.1.2.4\": \
             invalid IP address 10.1.2.3,10.1.2.4",
        ),
        (
            "IP=10.1.2.3/33",
            "ARGS: error parsing value of pair \"IP=10.1.2.3/33\": invalid IP address 10.1.2.3/33",
        ),
        ("IP", "ARGS: invalid pair \"IP\""),
        ("IP=10.1.2.3;", "ARGS: invalid pair \"\""),
        ("IP=10.1.2.3;A=b", "ARGS: unknown args [\"A=b\"]"),
    ] {
        net.with_args(args).add(&c1, "eth0").fails(999, msg);
        if !cni_testkit::against_reference() {
            net.with_args(args).check(&c1, "eth0").fails(999, msg);
        }
    }
    for (ip, msg) in [
        ("x", "invalid IP address x"),
        ("10.1.2.3/33", "invalid IP address 10.1.2.3/33"),
        ("10.1.2.03", "invalid IP address 10.1.2.03"),
        ("", "cannot understand ip: IP <nil> not v4 nor v6"),
    ] {
        asking(&net, json!([ip]), json!([])).add(&c1, "eth0").fails(999, msg);
        asking(&net, json!([]), json!([ip])).add(&c1, "eth0").fails(999, msg);
    }
    assert_eq!(files(&host), "");
    difference("host-local-null-request", || {
        let msg = "cannot understand ip: IP <nil> not v4 nor v6";
        asking(&net, json!([null]), json!([])).add(&c1, "eth0").fails(999, msg);
        asking(&net, json!([]), json!([null])).add(&c1, "eth0").fails(999, msg);
        assert_eq!(files(&host), "");
    });
}

/// Ranges of the runtime come first, then the old syntax, then the new one.
#[test]
fn ranges_have_an_order() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(
        &host,
        json!({
            "subnet": "10.1.2.0/24",
            "rangeStart": "10.1.2.9",
            "ranges": [[{ "subnet": "10.2.0.0/24" }], [{ "subnet": "fd00::/64" }]]
        }),
    )
    .with_config(
        "runtimeConfig",
        json!({ "ipRanges": [[{ "subnet": "fd09::/64" }], [{ "subnet": "10.9.0.0/24" }]] }),
    );
    assert_eq!(
        given(&net, &c1),
        ["fd09::2/64", "10.9.0.2/24", "10.1.2.9/24", "10.2.0.2/24", "fd00::2/64"]
    );
    assert!(files(&host).contains("net1/last_reserved_ip.4 \"fd00::2\"\n"));
    net.del(&c1, "eth0").succeeds();
    assert!(reserved(&host).is_empty());
}

/// The range may be the runtime's alone.
#[test]
fn ranges_of_the_runtime_suffice() {
    let host = Host::new();
    let c1 = host.container("c1");
    let runtime = json!({ "ipRanges": [[{ "subnet": "10.9.0.0/24", "rangeStart": "10.9.0.5" }]] });
    let net =
        network(&host, json!({ "rangeStart": "10.1.2.9" })).with_config("runtimeConfig", runtime);
    assert_eq!(given(&net, &c1), ["10.9.0.5/24"]);
    // Without the ranges, as at the end of a container's life.
    net.with_config("runtimeConfig", Value::Null)
        .check(&c1, "eth0")
        .fails(999, "no IP ranges specified");
}
