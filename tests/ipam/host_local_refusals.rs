//! host-local: configurations it refuses, with the store untouched.

use cni_testkit::{Host, difference};
use serde_json::{Value, json};

use crate::host_local::{files, given, network, plain, reserved};

/// One set of these ranges.
fn set(ranges: Value) -> Value {
    json!({ "ranges": [ranges] })
}

/// `ipam` objects and what is said about them.
fn mistakes() -> Vec<(Value, &'static str)> {
    vec![
        (json!({}), "no IP ranges specified"),
        (json!({ "ranges": [] }), "no IP ranges specified"),
        (json!({ "ranges": null }), "no IP ranges specified"),
        (json!({ "rangeStart": "10.1.2.5", "gateway": "10.1.2.1" }), "no IP ranges specified"),
        (json!({ "subnet": "10.1.2.3" }), "invalid CIDR address: 10.1.2.3"),
        (json!({ "subnet": "10.1.2.0/33" }), "invalid CIDR address: 10.1.2.0/33"),
        (json!({ "subnet": "" }), "invalid CIDR address: "),
        (json!({ "rangeStart": "x" }), "invalid IP address: x"),
        (json!({ "subnet": "10.1.2.0/24", "rangeEnd": "x" }), "invalid IP address: x"),
        (set(json!([{ "subnet": "10.1.2.0/24", "gateway": "x" }])), "invalid IP address: x"),
        (json!({ "subnet": "10.1.2.0/24", "routes": [{ "dst": "x" }] }), "invalid CIDR address: x"),
        (
            json!({ "subnet": "10.1.2.0/24", "routes": [{ "dst": "0.0.0.0/0", "gw": "x" }] }),
            "invalid IP address: x",
        ),
        (set(json!([])), "invalid range set 0: empty range set"),
        (
            json!({ "ranges": [[{ "subnet": "10.1.2.0/24" }], []] }),
            "invalid range set 1: empty range set",
        ),
        (set(json!([{}])), "invalid range set 0: IP <nil> not v4 nor v6"),
        (
            set(json!([{ "subnet": "10.1.2.0/31" }])),
            "invalid range set 0: Network 10.1.2.0/31 too small to allocate from",
        ),
        (
            set(json!([{ "subnet": "2001:db8::/127" }])),
            "invalid range set 0: Network 2001:db8::/127 too small to allocate from",
        ),
        (
            set(json!([{ "subnet": "10.1.2.12/24" }])),
            "invalid range set 0: Network has host bits set. For a subnet mask of length 24 the \
             network address is 10.1.2.0",
        ),
        (
            set(json!([{ "subnet": "10.1.2.0/24", "rangeStart": "10.1.3.0" }])),
            "invalid range set 0: RangeStart 10.1.3.0 not in network 10.1.2.0/24",
        ),
        (
            set(json!([{ "subnet": "10.1.2.0/24", "rangeStart": "fd00::1" }])),
            "invalid range set 0: RangeStart fd00::1 not in network 10.1.2.0/24",
        ),
        (
            set(json!([{ "subnet": "10.1.2.0/24", "rangeEnd": "10.1.4.0" }])),
            "invalid range set 0: RangeEnd 10.1.4.0 not in network 10.1.2.0/24",
        ),
        (
            json!({ "subnet": "10.1.2.0/24", "rangeStart": "10.1.2.50", "rangeEnd": "10.1.2.40" }),
            "invalid range set 0: RangeStart 10.1.2.50 not in network 10.1.2.0/24",
        ),
        (
            set(json!([{ "subnet": "10.1.0.0/16" }, { "subnet": "fd00::/64" }])),
            "invalid range set 0: mixed address families",
        ),
        (
            set(json!([{ "subnet": "10.1.0.0/22" }, { "subnet": "10.1.2.0/24" }])),
            "invalid range set 0: subnets 10.1.0.1-10.1.3.254 and 10.1.2.1-10.1.2.254 overlap",
        ),
        (
            json!({ "ranges": [[{ "subnet": "10.1.0.0/24" }], [{ "subnet": "fd00::/64" }],
                [{ "subnet": "10.1.0.0/23" }], [{ "subnet": "fd00::/56" }]] }),
            "range set 0 overlaps with 2",
        ),
        (
            json!({ "subnet": "10.1.2.0/24", "rangeEnd": "10.1.2.127", "ranges": [[
                { "subnet": "10.1.2.0/24", "rangeStart": "10.1.2.127" }]] }),
            "range set 0 overlaps with 1",
        ),
    ]
}

#[test]
fn mistakes_are_told_in_the_words_of_the_reference() {
    let host = Host::new();
    let c1 = host.container("c1");
    for (ipam, msg) in mistakes() {
        network(&host, ipam.clone()).add(&c1, "eth0").fails(999, msg);
        assert_eq!(files(&host), "", "{ipam}");
        network(&host, ipam).check(&c1, "eth0").fails(999, msg);
    }
    let without = plain(&host).with_config("ipam", Value::Null);
    for outcome in [without.add(&c1, "eth0"), without.check(&c1, "eth0"), without.del(&c1, "eth0")]
    {
        outcome.fails(999, "IPAM config missing 'ipam' key");
    }
    assert_eq!(files(&host), "");
}

/// Values of a wrong type are told with their keys; what exactly is said is up to the decoder.
#[test]
fn wrong_types_are_refused() {
    let host = Host::new();
    let c1 = host.container("c1");
    for ipam in [
        json!({ "ranges": [{ "subnet": "10.1.2.0/24" }] }),
        json!({ "ranges": [["10.1.2.0/24"]] }),
        json!({ "subnet": 5 }),
        json!({ "subnet": "10.1.2.0/24", "gateway": 5 }),
        json!({ "subnet": "10.1.2.0/24", "routes": {} }),
        json!({ "subnet": "10.1.2.0/24", "resolvConf": ["/etc/resolv.conf"] }),
        json!({ "subnet": "10.1.2.0/24", "dataDir": 5 }),
    ] {
        network(&host, ipam).add(&c1, "eth0").fails_with(999, "");
    }
    for (key, value) in [
        ("ipam", json!([])),
        ("ipam", json!("host-local")),
        ("runtimeConfig", json!([])),
        ("runtimeConfig", json!({ "ips": "10.1.2.3" })),
        ("runtimeConfig", json!({ "ipRanges": [{ "subnet": "10.9.0.0/24" }] })),
        ("args", json!({ "cni": { "ips": [3] } })),
    ] {
        plain(&host).with_config(key, value).add(&c1, "eth0").fails_with(999, "");
    }
    assert_eq!(files(&host), "");
}

/// The reference gives a subnet of this form addresses that it cannot read again.
#[test]
fn mapped_subnets_are_refused() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, json!({ "subnet": "::ffff:10.1.2.0/120" }));
    net.add(&c1, "eth0").fails(999, "invalid range set 0: IPNet IP and Mask version mismatch");
    assert_eq!(files(&host), "");
}

/// Subnets of equal bits do not overlap when they are of two families, nor do two parts of one.
#[test]
fn neighbours_do_not_overlap() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(
        &host,
        json!({ "ranges": [
            [{ "subnet": "10.0.0.0/24", "rangeEnd": "10.0.0.127" }],
            [{ "subnet": "10.0.0.0/24", "rangeStart": "10.0.0.128" }, { "subnet": "10.0.1.0/24" }],
            [{ "subnet": "a00::/24" }]
        ] }),
    );
    assert_eq!(given(&net, &c1), ["10.0.0.2/24", "10.0.0.128/24", "a00::2/24"]);
}

/// Results before 0.3.0 have room for one address of each family.
#[test]
fn old_versions_take_one_set_of_each_family() {
    let host = Host::new();
    let c1 = host.container("c1");
    for ranges in [
        json!([[{ "subnet": "10.1.2.0/24" }], [{ "subnet": "10.2.2.0/24" }]]),
        json!([
            [{ "subnet": "fd00::/64" }],
            [{ "subnet": "10.2.2.0/24" }],
            [{ "subnet": "fd01::/64" }]
        ]),
    ] {
        let net = network(&host, json!({ "ranges": ranges }));
        for version in ["", "0.1.0", "0.2.0"] {
            net.with_config("cniVersion", json!(version)).add(&c1, "eth0").fails(
                999,
                &format!("CNI version {version} does not support more than 1 address per family"),
            );
            assert_eq!(files(&host), "");
        }
        net.with_config("cniVersion", json!("0.3.0")).add(&c1, "eth0").succeeds();
        host.sh("rm -r /var/lib/cni/networks");
    }
}

/// Names become the name and the content of files.
#[test]
fn hostile_names_reach_no_file() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plain(&host);
    let before = host.world();
    for name in ["../net1", "..", ".owners", "net1/../../x", "/etc/x", "a\u{0}b", "net1\n"] {
        net.with_config("name", json!(name)).add(&c1, "eth0").fails_with(7, "network name");
    }
    for id in ["../c1", "..", ".c1", "c1\r", "c1\r\neth0", "c1\teth0", "c1 c2"] {
        let net = net.with_env("CNI_CONTAINERID", id);
        net.add(&c1, "eth0").fails(4, "invalid characters in containerID");
    }
    for ifname in ["eth0/..", "eth0\r\n", "eth 0", ".."] {
        net.add(&c1, ifname).fails_with(4, "interface name");
    }
    assert_eq!(host.world(), before);
    assert_eq!(files(&host), "");
}

/// Container IDs with the names of the store's own files are as good as any.
#[test]
fn names_of_the_stores_files_are_good_container_ids() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plain(&host);
    for id in ["lock", "last_reserved_ip.0", "10.1.2.77"] {
        let net = net.with_env("CNI_CONTAINERID", id);
        net.add(&c1, "eth0").succeeds();
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
    }
    assert!(reserved(&host).is_empty());
    assert!(files(&host).contains("net1/last_reserved_ip.0 \"10.1.2.4\"\n"));
    // The last address that was given, as a container's name.
    let net = net.with_env("CNI_CONTAINERID", "10.1.2.4");
    difference("host-local-markers-are-no-reservations", || {
        net.check(&c1, "eth0")
            .fails(999, "host-local: Failed to find address added by container 10.1.2.4");
    });
    difference("host-local-markers-are-no-reservations", || {
        net.del(&c1, "eth0").succeeds();
        assert!(files(&host).contains("net1/last_reserved_ip.0 \"10.1.2.4\"\n"));
    });
}
