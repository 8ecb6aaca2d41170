//! IPv6 with dnsmasq: where addresses come from, and what becomes of both families.

use std::time::Duration;

use cni_testkit::{difference, knows_nothing_of};
use serde_json::json;

use super::stage::{given, wait_for};
use super::stage6::{
    NAMES, ONE, ROUTER, STATEFUL, addresses, container, dnsmasq, dual, has_dynamic, network,
    router, stage,
};

#[test]
fn a_server_gives_an_address_and_takes_it_back() {
    let stage = stage();
    let search = "--dhcp-option=option6:domain-search,eng.example.org,ops.example.org";
    let _server = dnsmasq(&stage, &[ONE, NAMES, search]);
    let _daemon = stage.daemon(&[]);
    let c1 = container(&stage, "c1");
    let net = network(&stage, "dhcp");
    difference("dhcp-ipv6-server", || {
        for round in 1..3 {
            let added = net.add(&c1, "eth0").succeeds();
            assert!(added.elapsed() < Duration::from_secs(1), "{:?}", added.elapsed());
            added.result_is("dhcp/ipv6-server");
            assert!(has_dynamic(&c1, "fd00:1::10/128"));
            net.check(&c1, "eth0").succeeds();
            let listed = stage.host.invoke("dhcp").args(&["leases"]).run();
            let listed = String::from_utf8_lossy(listed.stdout()).into_owned();
            assert!(listed.contains("c1         net1     eth0       fd00:1::10/128  fe80::"));
            net.del(&c1, "eth0").succeeds();
            wait_for("the release", || stage.log().matches("DHCPRELEASE(eth0)").count() == round);
            assert!(!c1.sh("ip -6 addr").contains("fd00:1::10"), "it is not used any more");
            assert_eq!(stage.records(), 0);
        }
    });
}

#[test]
fn both_families_are_there_or_neither() {
    if knows_nothing_of("ipam.ipv6") {
        return;
    }
    let stage = stage();
    let server = dnsmasq(&stage, &[STATEFUL]);
    let _daemon = stage.daemon(&["-timeout", "200ms", "-resendmax", "1s", "-resendtimeout", "3s"]);
    let c1 = container(&stage, "c1");
    let net = dual(&stage, "dhcp");
    let both = addresses(&net.add(&c1, "eth0").succeeds().result());
    assert!(both[0].starts_with("192.168.1.") && both[1].starts_with("fd00:1::"), "{both:?}");
    assert_eq!((both.len(), stage.records()), (2, 2));
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    assert_eq!(stage.records(), 0);
    stage.wait_for_log("DHCPRELEASE(eth0) 192.168.1.");
    wait_for("both", || stage.log().matches("DHCPRELEASE(eth0)").count() == 2);

    drop(server);
    stage.server.sh("rm /run/server.log");
    let server = stage.dnsmasq(&[super::stage::RANGE]);
    net.add(&c1, "eth0").fails_with(999, "no more tries for an IPv6 address");
    stage.wait_for_log("DHCPRELEASE(eth0) 192.168.1.");
    assert_eq!(stage.records(), 0);

    drop(server);
    stage.server.sh("rm /run/server.log");
    let _server = stage.server.daemon(&[
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--user=root",
        "--port=0",
        "--interface=eth0",
        "--pid-file=/run/six.pid",
        "--dhcp-leasefile=/run/six.leases",
        "--log-dhcp",
        "--log-facility=/run/server.log",
        STATEFUL,
    ]);
    stage.wait_for_log("DHCPv6, IP range");
    net.add(&c1, "eth0").fails(999, "error calling DHCP.Allocate: no more tries");
    stage.wait_for_log("DHCPRELEASE(eth0)");
    assert!(!c1.sh("ip -6 addr").contains("fd00:1::"));
    assert_eq!(stage.records(), 0);
}

#[test]
fn an_autoconfigured_address_is_awaited_and_reported() {
    let stage = stage();
    let search = "--dhcp-option=option6:domain-search,example.org";
    let _server = dnsmasq(&stage, &[&ROUTER[..], &[NAMES, search]].concat());
    let daemon = stage.daemon(&[]);
    let c1 = container(&stage, "c1");
    c1.sh("ip link set eth0 address 02:00:00:00:00:05");
    let router = stage.server.sh("ip -o -6 addr show dev eth0 scope link");
    let router = router.split_whitespace().nth(3).unwrap_or_default().trim_end_matches("/64");
    let net = network(&stage, "slaac");
    difference("dhcp-ipv6-slaac", || {
        let added = net.add(&c1, "eth0").succeeds();
        assert!(added.elapsed() < Duration::from_secs(2), "{:?}", added.elapsed());
        let expected = json!({
            "cniVersion": "1.1.0",
            "ips": [{ "address": "fd00:1::ff:fe00:5/64", "gateway": router }],
            "dns": { "nameservers": ["fd00:1::53"], "search": ["example.org"] }
        });
        assert_eq!(added.result(), expected);
        net.check(&c1, "eth0").succeeds();
        daemon.stop();
        let _daemon = stage.daemon_again(&[]);
        net.check(&c1, "eth0").succeeds();
        c1.sh("ip addr del fd00:1::ff:fe00:5/64 dev eth0");
        net.check(&c1, "eth0")
            .fails_with(999, "\"eth0\" no longer has the address fd00:1::ff:fe00:5/64");
        net.del(&c1, "eth0").succeeds();
        assert_eq!(stage.records(), 0);
    });
}

/// Its routers were asked long ago, and are asked again.
#[test]
fn an_interface_that_is_up_already_gets_its_address_too() {
    let stage = stage();
    let _server = dnsmasq(&stage, &ROUTER);
    let _daemon = stage.daemon(&[]);
    let c1 = container(&stage, "c1");
    c1.sh("echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_ra
        echo 1 > /proc/sys/net/ipv6/conf/all/forwarding; ip link set eth0 up");
    wait_for("an address of the link", || {
        let shown = c1.sh("ip -6 addr show dev eth0 scope link");
        shown.contains("fe80::") && !shown.contains("tentative")
    });
    let net = network(&stage, "slaac");
    difference("dhcp-ipv6-slaac", || {
        let added = net.add(&c1, "eth0").succeeds();
        assert!(addresses(&added.result())[0].starts_with("fd00:1::"));
        // Long before the router speaks up by itself.
        assert!(added.elapsed() < Duration::from_secs(4), "{:?}", added.elapsed());
    });
}

#[test]
fn the_routers_say_where_addresses_come_from() {
    difference("dhcp-ipv6-auto", || {
        // What the router says, and whether there are a server's address and one of the kernel's.
        for (flags, has_prefix, leased, autonomous) in [
            (0x00, true, false, true),
            (0x40, true, false, true),
            (0x80, false, true, false),
            (0x80, true, true, true),
        ] {
            let stage = stage();
            let _server = dnsmasq(&stage, &[ONE, NAMES]);
            let _router = router(&stage, flags, has_prefix.then_some(0xc0));
            let _daemon = stage.daemon(&[]);
            let c1 = container(&stage, "c1");
            let net = network(&stage, "auto");
            let result = net.add(&c1, "eth0").succeeds().result();
            let all = addresses(&result);
            assert_eq!(all.contains(&"fd00:1::10/128".to_owned()), leased, "{flags:x} {all:?}");
            assert_eq!(all.iter().any(|a| a.ends_with("/64")), autonomous, "{flags:x} {all:?}");
            assert!(
                result["ips"][0]["gateway"].as_str().is_some_and(|gw| gw.starts_with("fe80::"))
            );
            // The router says nothing about names, but that there is something else.
            let knows_names = result["dns"]["nameservers"] == json!(["fd00:1::53"]);
            assert_eq!(knows_names, flags != 0, "{flags:x} {result} {}", stage.log());
            net.check(&c1, "eth0").succeeds();
            net.del(&c1, "eth0").succeeds();
        }
    });
}

#[test]
fn name_servers_that_do_not_answer_delay_and_do_no_more() {
    if knows_nothing_of("ipam.ipv6") {
        return;
    }
    let stage = stage();
    let _router = router(&stage, 0x40, Some(0xc0));
    let _daemon = stage.daemon(&[]);
    let c1 = container(&stage, "c1");
    let added = network(&stage, "slaac").add(&c1, "eth0").succeeds();
    assert!(added.elapsed() > Duration::from_secs(4), "{:?}", added.elapsed());
    assert_eq!(added.result()["dns"], json!(null));
}

#[test]
fn what_is_not_there_is_given_up_in_time() {
    if knows_nothing_of("ipam.ipv6") {
        return;
    }
    let stage = stage();
    let _daemon = stage.daemon(&["-resendtimeout", "1s"]);
    let c1 = container(&stage, "c1");
    for (mode, why) in [
        ("dhcp", "no more tries for an IPv6 address"),
        ("slaac", "no more tries for an IPv6 address: no router advertises any"),
        ("auto", "no more tries for an IPv6 address: no router advertises any"),
    ] {
        let net = network(&stage, mode);
        net.add(&c1, "eth0").fails(999, &format!("error calling DHCP.Allocate: {why}"));
        net.del(&c1, "eth0").succeeds();
    }
}

#[test]
fn an_exhausted_server_says_so() {
    if knows_nothing_of("ipam.ipv6") {
        return;
    }
    let stage = stage();
    let _server = dnsmasq(&stage, &[ONE]);
    let _daemon = stage.daemon(&["-resendtimeout", "2s"]);
    let (c1, c2) = (container(&stage, "c1"), container(&stage, "c2"));
    let net = network(&stage, "dhcp");
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0")
        .fails_with(999, "no more tries for an IPv6 address: the server says NoAddrsAvail");
    net.del(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
}

#[test]
fn every_interface_has_an_address_of_its_own() {
    let stage = stage();
    let _server = dnsmasq(&stage, &[STATEFUL]);
    let _daemon = stage.daemon(&[]);
    let (c1, c2) = (container(&stage, "c1"), container(&stage, "c2"));
    stage.second_interface(&c1);
    // Whatever their hardware addresses.
    for container in [&c1, &c2] {
        container.sh("ip link set eth0 address 02:00:00:00:00:05");
    }
    let net = network(&stage, "dhcp");
    difference("dhcp-ipv6-server", || {
        let all = [given(&net, &c1, "eth0"), given(&net, &c1, "eth1"), given(&net, &c2, "eth0")];
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2], "{all:?}");
        assert_eq!(given(&net, &c1, "eth0"), all[0], "a repeated ADD has the same");
        net.gc(&[(&c1, "eth1")]).succeeds();
        assert_eq!(stage.records(), 1);
        net.check(&c1, "eth0").fails_with(999, "no lease is held for c1/net1/eth0");
    });
}

#[test]
fn a_configuration_that_cannot_be_is_refused() {
    let stage = stage();
    let _daemon = stage.daemon(&[]);
    let c1 = container(&stage, "c1");
    difference("dhcp-ipv6-refusals", || {
        for (ipam, why) in [
            (
                json!({ "ipv6": "yes" }),
                r#"ipam.ipv6 has to be "dhcp", "slaac" or "auto", not "yes""#,
            ),
            (
                json!({ "ipv4": false }),
                "nothing is asked for: ipam.ipv4 is false and there is no ipam.ipv6",
            ),
        ] {
            let net = stage.network(ipam);
            let why = format!("error calling DHCP.Allocate: {why}");
            net.status().fails(999, &why);
            net.add(&c1, "eth0").fails(999, &why);
            net.del(&c1, "eth0").succeeds();
        }
        let net = stage.network(json!({ "ipv6": true }));
        net.add(&c1, "eth0").fails_with(999, "ipv6");
        stage.network(json!({ "ipv6": null, "ipv4": null })).status().succeeds();
    });
}
