//! static: addresses that are written down, or brought by the runtime.

use cni_testkit::{Host, Network, difference, lacks_release, lacks_version};
use expect_test::expect;
use serde_json::{Value, json};

/// The network `net1` with this `ipam` object, as an interface plugin passes it on.
fn network(host: &Host, mut ipam: Value) -> Network<'_> {
    ipam["type"] = "static".into();
    host.network(json!({ "cniVersion": "1.1.0", "name": "net1", "type": "static", "ipam": ipam }))
}

/// One address of each family, routes with and without a next hop, DNS.
fn everything() -> Value {
    json!({
        "addresses": [
            { "address": "10.10.0.1/24", "gateway": "10.10.0.254" },
            { "address": "3ffe:ffff:0:01ff::1/64", "gateway": "3ffe:ffff:0::1" }
        ],
        "routes": [
            { "dst": "0.0.0.0/0" },
            { "dst": "192.168.0.0/16", "gw": "10.10.5.1" },
            { "dst": "3ffe:ffff:0:01ff::1/64" }
        ],
        "dns": {
            "nameservers": ["10.10.0.1"],
            "domain": "example.org",
            "search": ["a.example.org", "b.example.org"],
            "options": ["ndots:2"]
        }
    })
}

fn one_address() -> Value {
    json!({ "addresses": [{ "address": "10.10.0.1/24", "gateway": "10.10.0.254" }] })
}

/// The addresses of a result, and their gateways after an `@`.
fn ips(result: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let ip = |ip: &Value| match (text(&ip["address"]), text(&ip["gateway"])) {
        (Some(address), Some(gateway)) => format!("{address}@{gateway}"),
        (address, _) => address.unwrap_or_default(),
    };
    result["ips"].as_array().map(|found| found.iter().map(ip).collect()).unwrap_or_default()
}

/// What is written down comes back in every version of the specification, host bits included; DEL
/// and a second DEL succeed.
#[test]
fn what_is_written_down_is_the_result_in_every_version() {
    let host = Host::new();
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        if lacks_version("static", version) {
            continue;
        }
        let c1 = host.container(&format!("c-{version}"));
        let net = network(&host, everything()).with_config("cniVersion", json!(version));
        net.add(&c1, "eth0").succeeds().result_is(&format!("static/everything-{version}"));
        net.del(&c1, "eth0").succeeds().silent();
        net.del(&c1, "eth0").succeeds().silent();
    }
}

/// Two default routes with different next hops are both kept, in order.
#[test]
fn routes_to_one_destination_are_all_kept() {
    let host = Host::new();
    let c1 = host.container("c1");
    let mut ipam = one_address();
    ipam["routes"] = json!([
        { "dst": "0.0.0.0/0", "gw": "10.10.0.254" },
        { "dst": "0.0.0.0/0", "gw": "10.10.0.253" },
    ]);
    let routes = ipam["routes"].clone();
    let added = network(&host, ipam).add(&c1, "eth0").succeeds();
    assert_eq!(added.result()["routes"], routes);
}

/// Routes carry their attributes.
#[test]
fn routes_keep_their_attributes() {
    if lacks_release("1.7.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let mut ipam = one_address();
    ipam["routes"] = json!([{ "dst": "10.9.8.7/16", "gw": "10.10.0.9", "mtu": 1400,
        "advmss": 1300, "priority": 5, "table": 0, "scope": 253 }]);
    network(&host, ipam).add(&c1, "eth0").succeeds().result_is("static/route-attributes");
}

/// The order of precedence: runtimeConfig, then args, then the configuration with `CNI_ARGS`.
#[test]
fn later_sources_replace_earlier_ones() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, one_address());
    let args = json!({ "cni": { "ips": ["10.20.0.1/24", "2001:db8::20/64"] } });
    let runtime = json!({ "ips": ["10.30.0.1/24"] });
    let cni_args = "IP=10.40.0.1/24, 10.10.0.2/24;GATEWAY=10.40.0.254,10.10.0.253";

    let added = |net: &Network<'_>| ips(&net.add(&c1, "eth0").succeeds().result());
    assert_eq!(added(&net), ["10.10.0.1/24@10.10.0.254"]);
    let net = net.with_args(cni_args);
    assert_eq!(
        added(&net),
        ["10.10.0.1/24@10.10.0.254", "10.40.0.1/24@10.40.0.254", "10.10.0.2/24@10.10.0.253"]
    );
    let net = net.with_config("args", args);
    assert_eq!(added(&net), ["10.20.0.1/24", "2001:db8::20/64"]);
    // The key as one well-known runtime writes it.
    assert_eq!(added(&net.with_config("RuntimeConfig", runtime.clone())), ["10.30.0.1/24"]);
    assert_eq!(added(&net.with_config("runtimeConfig", runtime)), ["10.30.0.1/24"]);
    let empty = net.with_config("runtimeConfig", json!({ "ips": [] }));
    assert_eq!(added(&empty), ["10.20.0.1/24", "2001:db8::20/64"]);
}

/// A gateway of `CNI_ARGS` goes to the addresses of `CNI_ARGS` in whose subnet it lies; the
/// configuration's own addresses never get it, and one that fits nowhere is ignored.
#[test]
fn a_gateway_of_cni_args_goes_to_the_addresses_of_cni_args() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, json!({ "addresses": [{ "address": "10.10.0.1/24" }] }));
    let added = |args: &str| ips(&net.with_args(args).add(&c1, "eth0").succeeds().result());
    assert_eq!(added("GATEWAY=10.10.0.254"), ["10.10.0.1/24"]);
    assert_eq!(
        added("IP=10.10.0.2/24,11.11.0.1/24;GATEWAY=10.10.0.254,12.12.0.1"),
        ["10.10.0.1/24", "10.10.0.2/24@10.10.0.254", "11.11.0.1/24"]
    );
    assert_eq!(
        added("IP=::ffff:10.2.0.1/120;GATEWAY=10.2.0.3,10.2.0.4"),
        ["10.10.0.1/24", "10.2.0.1/24@10.2.0.4"]
    );
    assert_eq!(added("IgnoreUnknown=1;K8S_POD_NAME=x"), ["10.10.0.1/24"]);
}

/// Each source has its own words for what is no address.
#[test]
fn what_is_no_address_is_refused_in_the_words_of_the_reference() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, one_address());
    let field = "the 'address' field is expected to be in CIDR notation, got:";
    let bad = network(&host, json!({ "addresses": [{ "address": "10.10.0.1" }] }));
    bad.add(&c1, "eth0").fails(999, &format!("{field} '10.10.0.1'"));
    let bad_null = network(&host, json!({ "addresses": [null] }));
    bad_null.add(&c1, "eth0").fails(999, &format!("{field} ''"));
    let bad_gateway = network(&host, json!({ "addresses": [{ "gateway": "x" }] }));
    bad_gateway.add(&c1, "eth0").fails(999, "invalid IP address: x");
    let bad_route = network(&host, json!({ "routes": [{ "dst": "x" }] }));
    bad_route.add(&c1, "eth0").fails(999, "invalid CIDR address: x");

    for (args, message) in [
        ("IP=10.1.0.1", "the 'ip' field is expected to be in CIDR notation, got: '10.1.0.1'"),
        ("IP=10.1.0.1/8,", "the 'ip' field is expected to be in CIDR notation, got: ''"),
        ("GATEWAY=10.1.0.1, y", "invalid gateway address:  y"),
        ("IP=10.1.0.1/8;", "ARGS: invalid pair \"\""),
        ("K8S_POD_NAME=x", "ARGS: unknown args [\"K8S_POD_NAME=x\"]"),
    ] {
        net.with_args(args).add(&c1, "eth0").fails(999, message);
    }
    let entry = "an entry in the 'ips' field is NOT in CIDR notation, got: '10.1.0.1'";
    let list = json!({ "ips": ["10.1.0.1"] });
    let by_args = net.with_config("args", json!({ "cni": list.clone() }));
    by_args.add(&c1, "eth0").fails(999, entry);
    net.with_config("runtimeConfig", list).add(&c1, "eth0").fails(999, entry);

    // What is replaced may be wrong in the configuration, but not in `args`.
    let runtime = json!({ "ips": ["10.30.0.1/24"] });
    bad.with_config("runtimeConfig", runtime.clone()).add(&c1, "eth0").succeeds();
    by_args.with_config("runtimeConfig", runtime).add(&c1, "eth0").fails(999, entry);
}

/// `ipam` is required, wherever the addresses come from.
#[test]
fn a_configuration_without_ipam_is_refused() {
    let host = Host::new();
    let c1 = host.container("c1");
    let missing = "IPAM config missing 'ipam' key";
    let net = network(&host, json!({})).with_config("ipam", Value::Null);
    net.add(&c1, "eth0").fails(999, missing);
    net.with_args("IP=bad").add(&c1, "eth0").fails(999, missing);
    let runtime = json!({ "ips": ["10.30.0.1/24"] });
    net.with_config("runtimeConfig", runtime).add(&c1, "eth0").fails(999, missing);
    net.del(&c1, "eth0").succeeds().silent();
}

/// Versions before 0.3.0 take one address of each family, and at least one.
#[test]
fn old_versions_take_one_address_of_each_family() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, json!({}));
    let several = "IP=10.10.0.1/24,11.11.0.1/24;GATEWAY=10.10.0.254";
    for version in ["", "0.1.0", "0.2.0"] {
        let net = net.with_config("cniVersion", json!(version));
        net.with_args(several).add(&c1, "eth0").fails(
            999,
            &format!("CNI version {version} does not support more than 1 address per family"),
        );
        net.add(&c1, "eth0").fails(999, "cannot convert: no valid IP addresses");
    }
    for version in ["0.3.0", "0.4.0", "1.0.0"] {
        let net = net.with_config("cniVersion", json!(version));
        let added = net.with_args(several).add(&c1, "eth0").succeeds();
        assert_eq!(ips(&added.result()), ["10.10.0.1/24@10.10.0.254", "11.11.0.1/24"]);
        assert_eq!(net.add(&c1, "eth0").succeeds().result().get("ips"), None);
    }
}

/// CHECK compares the addresses with the previous result.
#[test]
fn check_wants_the_addresses_in_the_previous_result() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, everything());
    net.check(&c1, "eth0").fails(999, "Required prevResult missing");
    net.add(&c1, "eth0").succeeds();
    net.check(&c1, "eth0").succeeds().silent();
    let other = network(&host, one_address());
    other
        .with_prev_result(json!({ "ips": [
            { "address": "10.10.0.1/24", "gateway": "10.10.0.253" }] }))
        .check(&c1, "eth0")
        .fails(999, "static: Failed to match addr 10.10.0.1 on interface eth0");
    other
        .with_prev_result(json!({ "ips": [{ "address": "x" }] }))
        .check(&c1, "eth0")
        .fails(999, "could not parse prevResult: invalid CIDR address: x");
    other
        .with_prev_result(json!({ "cniVersion": "0.4.0" }))
        .check(&c1, "eth0")
        .fails_with(999, "could not parse prevResult: result type supports [1.0.0");
    // Others may add addresses, make up gateways, and change everything else.
    network(
        &host,
        json!({ "addresses": [{ "address": "10.10.0.1/24" }],
        "routes": [{ "dst": "0.0.0.0/0" }], "dns": { "domain": "example.org" } }),
    )
    .with_prev_result(json!({ "ips": [
        { "address": "10.10.0.9/24" },
        { "address": "10.10.0.1/24", "gateway": "10.10.0.254" }] }))
    .check(&c1, "eth0")
    .succeeds();
}

/// CHECK notices an address that is missing, or has another prefix length.
#[test]
fn check_notices_an_address_that_is_missing_or_not_the_same() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, one_address());
    let elsewhere = json!([{ "address": "10.10.0.2/24", "gateway": "10.10.0.254" }]);
    let wider = json!([{ "address": "10.10.0.1/16", "gateway": "10.10.0.254" }]);
    for found in [json!([]), elsewhere, wider] {
        difference("static-check-missing-address", || {
            net.with_prev_result(json!({ "ips": found }))
                .check(&c1, "eth0")
                .fails(999, "static: Failed to match addr 10.10.0.1 on interface eth0")
                .details_are(
                    "the previous result has no address 10.10.0.1/24 with gateway 10.10.0.254",
                );
        });
    }
    difference("static-check-null-address", || {
        let nothing = net.with_prev_result(json!({ "ips": [null] }));
        nothing.check(&c1, "eth0").fails_with(999, "");
    });
}

/// A route without destination is refused before an interface plugin stumbles over it.
#[test]
fn a_route_without_destination_is_refused() {
    let host = Host::new();
    let c1 = host.container("c1");
    for route in [json!({ "gw": "10.10.0.254" }), Value::Null] {
        let mut ipam = one_address();
        ipam["routes"] = json!([{ "dst": "0.0.0.0/0" }, route]);
        let net = network(&host, ipam);
        difference("static-route-without-destination", || {
            net.add(&c1, "eth0").fails(999, "invalid route 1: no destination");
        });
    }
}

/// Keys of an address are matched in any case, like all others, and unknown ones are ignored.
#[test]
fn keys_of_an_address_are_like_all_others() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = |address: Value| network(&host, json!({ "addresses": [address] }));
    net(json!({ "ADDRESS": "10.10.0.1/24", "version": "4" })).add(&c1, "eth0").succeeds();
    for address in
        [json!({ "Address": "10.10.0.1/24" }), json!({ "address": "10.10.0.1/24", "version": 4 })]
    {
        difference("static-address-keys", || {
            let added = net(address).add(&c1, "eth0").succeeds();
            assert_eq!(ips(&added.result()), ["10.10.0.1/24"]);
        });
    }
}

/// DEL succeeds for a container nobody knows, without a namespace, and with values that ADD would
/// refuse.
#[test]
fn del_always_succeeds() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, json!({ "addresses": 5, "routes": [{ "dst": "x" }] }))
        .with_config("runtimeConfig", json!(5))
        .with_config("args", json!(5))
        .with_args("not a pair");
    net.del(&c1, "eth0").succeeds().silent();
    c1.destroy();
    net.del(&c1, "eth0").succeeds().silent();
    net.del_without_netns(&c1, "eth0").succeeds().silent();
}

/// GC has nothing to collect.
#[test]
fn gc_succeeds() {
    if lacks_version("static", "1.1.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, one_address());
    net.gc(&[]).succeeds().silent();
    net.gc(&[(&c1, "eth0")]).succeeds().silent();
}

/// STATUS refuses what no attachment can get past, and only that.
#[test]
fn status_names_a_configuration_that_is_wrong_for_every_container() {
    if lacks_version("static", "1.1.0") {
        return;
    }
    let host = Host::new();
    network(&host, one_address()).status().succeeds().silent();
    // The runtime may replace this address.
    network(&host, json!({ "addresses": [{ "address": "bad" }] })).status().succeeds().silent();
    difference("static-status", || {
        network(&host, json!({}))
            .with_config("ipam", Value::Null)
            .status()
            .fails(999, "IPAM config missing 'ipam' key");
    });
    difference("static-status", || {
        let bad = network(&host, json!({ "routes": [{ "dst": "x" }] }));
        bad.status().fails(999, "invalid CIDR address: x");
    });
}

/// An interface plugin puts the addresses and routes onto the interface.
#[test]
fn an_interface_plugin_configures_what_is_written_down() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = host.network(json!({
        "cniVersion": "1.1.0", "name": "net1", "type": "bridge", "bridge": "cni0",
        "ipam": {
            "type": "static",
            "addresses": [{ "address": "10.10.0.2/24", "gateway": "10.10.0.1" }],
            "routes": [{ "dst": "10.8.0.0/16", "gw": "10.10.0.254" }]
        }
    }));
    let net = net.with_args("IgnoreUnknown=1;IP=2001:db8::2/64;GATEWAY=2001:db8::1");
    net.add(&c1, "eth0").succeeds();
    c1.shows(expect![[r#"
        link eth0 up
        addr 10.10.0.2/24 dev eth0
        addr 2001:db8::2/64 dev eth0
        route 10.10.0.0/24 dev eth0 scope link
        route 10.8.0.0/16 via 10.10.0.254 dev eth0
        route 2001:db8::/64 dev eth0
    "#]]);
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    c1.shows(expect![[""]]);
}
