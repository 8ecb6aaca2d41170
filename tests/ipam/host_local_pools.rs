//! host-local: which address of its ranges comes next.

use cni_testkit::{Host, Network, difference};
use serde_json::{Value, json};

use crate::host_local::{STORE, files, given, network, of, plain, put, reserved};

/// The network with one set of these subnets, handed out whole.
fn pool<'h>(host: &'h Host, subnets: &[&str]) -> Network<'h> {
    let ranges: Vec<Value> = subnets.iter().map(|subnet| json!({ "subnet": subnet })).collect();
    network(host, json!({ "ranges": [ranges] }))
}

/// The address after the last one, round the end and without the gateway; where that is not in the
/// set, or nobody remembers it, the first.
#[test]
fn the_next_address_is_the_one_after_the_last() {
    let three = ["10.0.0.0/30", "10.0.1.0/30", "10.0.2.0/30"];
    let exhausted = "failed to allocate for range 0: \
                     no IP addresses available in range set: 10.0.0.1-10.0.0.2";
    let host = Host::new();
    let c1 = host.container("c1");
    for (number, (subnets, taken, last, next)) in [
        (&["10.0.0.0/29"][..], "", "", "10.0.0.2/29"),
        (&["10.0.0.0/29"], "2", "", "10.0.0.3/29"),
        (&["10.0.0.0/29"], "", "10.0.0.5", "10.0.0.6/29"),
        (&["10.0.0.0/29"], "4 5", "10.0.0.3", "10.0.0.6/29"),
        (&["10.0.0.0/29"], "6", "10.0.0.5", "10.0.0.2/29"),
        (&["10.0.0.0/29"], "2", "10.0.0.128", "10.0.0.3/29"),
        (&["10.0.0.0/29"], "2 4 5 6", "10.0.0.3", "10.0.0.3/29"),
        (&["10.0.0.0/29"], "", "10.0.0.5\n", "10.0.0.2/29"),
        (&["10.0.0.0/29"], "", "no address", "10.0.0.2/29"),
        (&three[..2], "", "10.0.0.2", "10.0.1.2/30"),
        (&three, "", "10.0.2.2", "10.0.0.2/30"),
        (&three, "2", "", "10.0.1.2/30"),
        (&three[..1], "2", "", exhausted),
        (&three[..1], "2", "10.0.0.2", exhausted),
        (&["fd00::/126"], "", "fd00::2", "fd00::3/126"),
        (&["fd00::/126"], "", "fd00::3", "fd00::2/126"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("case{number}");
        let net = pool(&host, subnets).with_config("name", json!(name));
        host.sh(&format!(
            "mkdir -p {STORE}/{name}; cd {STORE}/{name}
             for last in {taken}; do printf 'x\\r\\neth0' > 10.0.0.$last; done
             [ -z '{last}' ] || printf '%s' '{last}' > last_reserved_ip.0"
        ));
        let outcome = net.add(&c1, "eth0");
        if next == exhausted {
            outcome.fails(999, next);
        } else {
            let result = outcome.succeeds().result();
            assert_eq!(result["ips"][0]["address"], next, "{subnets:?} {taken:?} {last:?}");
        }
    }
}

/// Each address comes once, the broadcast address and the gateway never; what was freed comes
/// again after all others.
#[test]
fn addresses_are_given_in_turn_until_none_is_left() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = pool(&host, &["10.0.0.0/29"]);
    let next = |id: &str| given(&of(&net, id), &c1).concat();
    assert_eq!(next("a"), "10.0.0.2/29");
    of(&net, "a").del(&c1, "eth0").succeeds();
    for (id, address) in [("b", 3), ("c", 4), ("d", 5), ("e", 6), ("f", 2)] {
        assert_eq!(next(id), format!("10.0.0.{address}/29"));
    }
    let before = files(&host);
    of(&net, "g").add(&c1, "eth0").fails(
        999,
        "failed to allocate for range 0: no IP addresses available in range set: 10.0.0.1-10.0.0.6",
    );
    assert_eq!(files(&host), before);
    of(&net, "f").del(&c1, "eth0").succeeds();
    assert_eq!(next("g"), "10.0.0.2/29", "the last one itself");
}

/// A range may begin at the network address and end at the broadcast address.
#[test]
fn ranges_are_handed_out_from_start_to_end() {
    let host = Host::new();
    let c1 = host.container("c1");
    let ranges = json!([[
        { "subnet": "10.0.0.0/29", "rangeStart": "10.0.0.0", "rangeEnd": "10.0.0.1",
            "gateway": "10.0.0.6" },
        { "subnet": "10.0.1.0/24", "rangeStart": "10.0.1.254", "rangeEnd": "10.0.1.255" }
    ]]);
    let net = network(&host, json!({ "ranges": ranges }));
    for address in ["10.0.0.0/29", "10.0.0.1/29", "10.0.1.254/24", "10.0.1.255/24"] {
        assert_eq!(given(&of(&net, &address.replace('/', "-")), &c1), [address]);
    }
    net.add(&c1, "eth0").fails_with(999, "10.0.0.0-10.0.0.1,10.0.1.254-10.0.1.255");
}

/// Only its own gateway is kept back: one that lies elsewhere frees the first address.
#[test]
fn a_gateway_may_lie_outside_the_subnet() {
    let host = Host::new();
    let c1 = host.container("c1");
    for gateway in ["10.9.9.9", "fd00::1"] {
        let net = network(&host, json!({ "subnet": "10.1.2.0/24", "gateway": gateway }));
        let result = net.add(&c1, "eth0").succeeds().result();
        let ip = &result["ips"][0];
        assert_eq!(
            (ip["address"].as_str(), &ip["gateway"]),
            (Some("10.1.2.1/24"), &json!(gateway))
        );
        net.del(&c1, "eth0").succeeds();
        host.sh(&format!("rm -r {STORE}"));
    }
}

#[test]
fn an_address_in_the_middle_can_be_the_gateway() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, json!({ "subnet": "10.0.0.0/29", "gateway": "10.0.0.3" }));
    let next = |id: &str| given(&of(&net, id), &c1).concat();
    let all = ["a", "b", "c", "d", "e"].map(next);
    assert_eq!(all.join(" "), "10.0.0.1/29 10.0.0.2/29 10.0.0.4/29 10.0.0.5/29 10.0.0.6/29");
}

/// A marker is that of a position: range sets from the runtime shift it to another set, where it
/// does no harm.
#[test]
fn a_marker_of_another_set_is_ignored() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plain(&host);
    assert_eq!(given(&of(&net, "a"), &c1), ["10.1.2.2/24"]);
    let more = json!({ "ipRanges": [[{ "subnet": "10.7.0.0/24" }]] });
    let both = net.with_config("runtimeConfig", more);
    assert_eq!(given(&of(&both, "b"), &c1), ["10.7.0.2/24", "10.1.2.3/24"]);
    assert_eq!(given(&of(&net, "c"), &c1), ["10.1.2.4/24"]);
}

#[test]
fn a_range_does_not_leave_its_subnet() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, json!({ "subnet": "10.1.2.0/24", "rangeStart": "10.1.2.255" }));
    assert_eq!(given(&of(&net, "a"), &c1), ["10.1.2.255/24"]);
    difference("host-local-range-of-broadcast", || {
        of(&net, "b").add(&c1, "eth0").fails(
            999,
            "failed to allocate for range 0: \
             no IP addresses available in range set: 10.1.2.255-10.1.2.255",
        );
    });
}

#[test]
fn ipv6_stays_ipv6() {
    let host = Host::new();
    let c1 = host.container("c1");
    let range = json!({ "subnet": "::/96", "rangeStart": "::ff:ffff" });
    let net = network(&host, json!({ "ranges": [[range]] }));
    difference("host-local-low-ipv6", || {
        assert_eq!(given(&of(&net, "a"), &c1), ["::ff:ffff/96"]);
        assert_eq!(given(&of(&net, "b"), &c1), ["::100:0/96"]);
    });
}

/// A failure with a later set is no use of the earlier ones.
#[test]
fn a_failed_add_leaves_no_trace() {
    let host = Host::new();
    let c1 = host.container("c1");
    let ranges =
        json!([[{ "subnet": "10.1.2.0/24" }], [{ "subnet": "fd00::/126", "rangeEnd": "fd00::2" }]]);
    let net = network(&host, json!({ "ranges": ranges }));
    assert_eq!(given(&of(&net, "a"), &c1), ["10.1.2.2/24", "fd00::2/126"]);
    let before = files(&host);
    let msg =
        "failed to allocate for range 1: no IP addresses available in range set: fd00::1-fd00::2";
    net.add(&c1, "eth0").fails(999, msg);
    assert_eq!(reserved(&host), ["10.1.2.2", "fd00::2"]);
    difference("host-local-failed-add-moves-no-marker", || {
        net.add(&c1, "eth0").fails(999, msg);
        assert_eq!(files(&host), before);
    });
}

/// What an earlier ADD of the same attachment has reserved is still in use.
#[test]
fn a_failed_add_frees_only_its_own() {
    let host = Host::new();
    let c1 = host.container("c1");
    let ranges = json!([[{ "subnet": "10.1.2.0/24" }], [{ "subnet": "fd00::/64" }]]);
    let net = network(&host, json!({ "ranges": ranges }));
    net.add(&c1, "eth0").succeeds();
    net.with_args("IP=10.1.2.77").add(&c1, "eth0").fails(
        999,
        "failed to allocate for range 1: fd00::2 has been allocated to c1, \
         duplicate allocation is not allowed",
    );
    difference("host-local-rollback", || {
        assert_eq!(reserved(&host), ["10.1.2.2", "fd00::2"]);
    });
}

/// An empty file is what a crash leaves between making and writing it.
#[test]
fn an_empty_reservation_is_free() {
    let host = Host::new();
    let c1 = host.container("c1");
    put(&host, "10.1.2.2", "");
    put(&host, "10.1.2.9", "");
    let net = plain(&host);
    difference("host-local-empty-reservation", || {
        assert_eq!(given(&of(&net, "a"), &c1), ["10.1.2.2/24"]);
    });
    difference("host-local-empty-reservation", || {
        assert_eq!(given(&of(&net, "b").with_args("IP=10.1.2.9"), &c1), ["10.1.2.9/24"]);
    });
    if !cni_testkit::against_reference() {
        assert!(files(&host).contains("net1/10.1.2.2 \"a\\r\\neth0\"\n"), "{}", files(&host));
    }
}

/// A folder, a link into nowhere and a file that says something else all take their address.
#[test]
fn what_is_no_reservation_takes_its_address() {
    let host = Host::new();
    let c1 = host.container("c1");
    put(&host, "10.1.2.4", "a remark");
    host.sh(&format!("cd {STORE}/net1; mkdir 10.1.2.2; ln -s nowhere 10.1.2.3"));
    let net = plain(&host);
    assert_eq!(given(&net, &c1), ["10.1.2.5/24"]);
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    assert_eq!(reserved(&host), ["10.1.2.2", "10.1.2.3", "10.1.2.4"]);
}
