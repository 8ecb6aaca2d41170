//! The life of a lease: extended, refused, run out, and taken over by the next daemon.

use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use cni_testkit::difference;
use expect_test::expect;
use serde_json::json;

use super::script::{ACK, DISCOVER, NAK, OFFER, RELEASE, REQUEST, Script};
use super::stage::{Stage, given, is_up, wait_for};

/// The interface as a plugin configures it by the result with 192.168.1.5.
const CONFIGURE: &str = "ip addr add 192.168.1.5/24 dev eth0; ip route add default via 192.168.1.1";

#[test]
fn a_lease_is_extended_for_as_long_as_it_is_wanted() {
    let Some(stage) = Stage::scripted() else { return };
    let server = Script::giving(&stage, 4, &[]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    net.add(&c1, "eth0").succeeds();
    c1.sh(CONFIGURE);
    wait_for("two extensions", || server.extensions().len() >= 2);
    let extension = &server.extensions()[0];
    assert_eq!(extension.client, Ipv4Addr::new(192, 168, 1, 5));
    assert!(!extension.options.contains_key(&50) && !extension.options.contains_key(&54));
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    server.wait_for(RELEASE);
    let so_far = server.kinds().len();
    thread::sleep(Duration::from_secs(3));
    assert_eq!(server.kinds().len(), so_far, "nothing is extended any more");
}

#[test]
fn a_lease_that_runs_out_takes_the_link_down() {
    let Some(stage) = Stage::scripted() else { return };
    let server = Script::giving(&stage, 4, &[]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    net.add(&c1, "eth0").succeeds();
    drop(server);
    wait_for("the end of the lease", || !is_up(&c1, "eth0"));
    difference("dhcp-ended-leases", || {
        assert_eq!(stage.records(), 0);
        net.check(&c1, "eth0")
            .fails(999, "error calling DHCP.Check: no lease is held for c1/net1/eth0");
        let _server = Script::giving(&stage, 4, &[]);
        net.add(&c1, "eth0").succeeds();
        assert!(is_up(&c1, "eth0"));
    });
}

#[test]
fn the_interface_shows_the_lease_that_came_after_a_refusal() {
    let Some(stage) = Stage::scripted() else { return };
    let mut extensions = 0;
    let _server = Script::start(&stage, move |asked| {
        let is_extension = asked.is_extension();
        extensions += usize::from(is_extension);
        vec![match (is_extension, extensions) {
            (true, 1) => asked.answer(NAK, 0, &[(54, vec![192, 168, 1, 1]), (56, b"no".to_vec())]),
            (_, 0) => asked.given(5, 4, &[]),
            _ => asked.given(9, 4, &[(33, vec![10, 0, 0, 0, 192, 168, 1, 254])]),
        }]
    });
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    c1.rebase();
    let net = stage.network(json!({}));
    net.add(&c1, "eth0").succeeds();
    c1.sh(CONFIGURE);
    difference("dhcp-changed-lease", || {
        wait_for("the other address", || c1.shown().contains("addr 192.168.1.9/24"));
        wait_for("the old one's end", || !c1.shown().contains("192.168.1.5"));
        c1.shows(expect![[r#"
            addr 192.168.1.9/24 dev eth0
            route default via 192.168.1.1 dev eth0
            route 10.0.0.0/8 via 192.168.1.254 dev eth0
            route 192.168.1.0/24 dev eth0 scope link
        "#]]);
        net.check(&c1, "eth0")
            .fails_with(999, "is for 192.168.1.9/24, which prevResult does not have");
    });
}

#[test]
fn a_lost_packet_costs_seconds_and_not_the_lease() {
    let Some(stage) = Stage::scripted() else { return };
    let mut lost = 0;
    let _server = Script::start(&stage, move |asked| {
        lost += 1;
        if lost % 2 == 1 { Vec::new() } else { vec![asked.given(5, 60, &[])] }
    });
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    difference("dhcp-repeats-sooner", || {
        let added = stage.network(json!({})).add(&c1, "eth0").succeeds();
        assert!(added.elapsed() < Duration::from_secs(6), "{:?}", added.elapsed());
    });
}

#[test]
fn answers_that_are_none_are_ignored() {
    let Some(stage) = Stage::scripted() else { return };
    let server = Script::start(&stage, |asked| {
        let good = asked.given(5, 60, &[]);
        let mut truncated = good.clone();
        truncated.truncate(260);
        let mut without_cookie = good.clone();
        without_cookie[236] = 0;
        let mut to_another = good.clone();
        to_another[33] ^= 1;
        let of_another_server =
            asked.answer(ACK, 66, &[(54, vec![10, 9, 8, 7]), (1, vec![255; 4])]);
        let nonsense = vec![
            Vec::new(),
            b"x".to_vec(),
            truncated,
            without_cookie,
            to_another,
            asked.of_another(asked.given(66, 60, &[])),
            asked.answer(99, 66, &[]),
        ];
        let of_another_server = (asked.kind == REQUEST).then_some(of_another_server);
        nonsense.into_iter().chain(of_another_server).chain([good.clone(), good]).collect()
    });
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    assert_eq!(given(&stage.network(json!({})), &c1, "eth0"), "192.168.1.5/24");
    let mut kinds = server.kinds();
    // On a busy machine the daemon may ask again before it is answered.
    kinds.dedup();
    assert_eq!(kinds, [DISCOVER, REQUEST], "an answer that comes twice is taken once");
}

#[test]
fn options_may_be_in_the_fields_of_names_and_in_parts() {
    let Some(stage) = Stage::scripted() else { return };
    let _server = Script::start(&stage, |asked| {
        let kind = if asked.kind == DISCOVER { OFFER } else { ACK };
        let route: Vec<u8> = vec![8, 10, 192, 168, 1, 254, 0, 192, 168, 1, 1];
        let parts = [(249, route[..4].to_vec()), (249, route[4..].to_vec())];
        let mut answer = asked.answer(
            kind,
            5,
            &[&[(54, vec![192, 168, 1, 1]), (52, vec![1])], &parts[..]].concat(),
        );
        answer[108..115].copy_from_slice(&[1, 4, 255, 255, 255, 0, 255]);
        vec![answer]
    });
    let _daemon = stage.daemon(&["-timeout", "100ms"]);
    let c1 = stage.container("c1");
    difference("dhcp-microsoft-routes", || {
        let result = stage.network(json!({})).add(&c1, "eth0").succeeds().result();
        assert_eq!(result["routes"][0], json!({ "dst": "10.0.0.0/8", "gw": "192.168.1.254" }));
    });
}

#[test]
fn answers_are_wanted_as_broadcasts_when_the_flag_says_so() {
    for (flags, wanted) in [(&[][..], false), (&["-broadcast"], true)] {
        let Some(stage) = Stage::scripted() else { return };
        let server = Script::giving(&stage, 60, &[]);
        let _daemon = stage.daemon(flags);
        let c1 = stage.container("c1");
        let net = stage.network(json!({}));
        net.add(&c1, "eth0").succeeds();
        if wanted {
            difference("dhcp-broadcast", || assert!(server.asked()[0].wants_broadcast));
        } else {
            assert!(!server.asked()[0].wants_broadcast);
        }
    }
}

#[test]
fn the_next_daemon_goes_on_with_the_leases() {
    let Some(stage) = Stage::scripted() else { return };
    let server = Script::giving(&stage, 4, &[]);
    let daemon = stage.daemon(&[]);
    let (c1, c2) = (stage.container("c1"), stage.container("c2"));
    let net = stage.network(json!({}));
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    // Killed, it leaves its socket behind.
    daemon.stop();
    c2.destroy();
    difference("dhcp-persistence", || {
        let _daemon = stage.daemon_again(&[]);
        let before = server.kinds().len();
        net.check(&c1, "eth0").succeeds();
        wait_for("an extension", || server.kinds()[before..].contains(&REQUEST));
        assert!(!server.kinds()[before..].contains(&DISCOVER));
        assert_eq!(stage.records(), 1, "the other container is gone");
        net.del(&c1, "eth0").succeeds();
        server.wait_for(RELEASE);
        assert_eq!(stage.records(), 0);
    });
}

#[test]
fn a_namespace_that_the_path_no_longer_leads_to_is_another() {
    let Some(stage) = Stage::scripted() else { return };
    let _server = Script::giving(&stage, 60, &[]);
    let daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    net.add(&c1, "eth0").succeeds();
    daemon.stop();
    stage.host.sh("f=$(ls /run/cni/dhcp.leases/*.json)
        sed -i 's/\"netns_id\":\\[\\([0-9]*\\),[0-9]*\\]/\"netns_id\":[\\1,1]/' $f");
    let _daemon = stage.daemon_again(&[]);
    wait_for("the record's end", || stage.records() == 0);
}

#[test]
fn a_lease_is_given_back_without_a_daemon() {
    let Some(stage) = Stage::scripted() else { return };
    let server = Script::giving(&stage, 60, &[]);
    let daemon = stage.daemon(&[]);
    let (c1, c2) = (stage.container("c1"), stage.container("c2"));
    let net = stage.network(json!({}));
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    daemon.stop();
    difference("dhcp-del-without-daemon", || {
        net.del(&c1, "eth0").succeeds();
        server.wait_for(RELEASE);
        net.del(&c1, "eth0").succeeds();
        assert_eq!(stage.records(), 1);
        net.gc(&[(&c2, "eth0")]).succeeds();
        assert_eq!(stage.records(), 1);
        net.gc(&[]).succeeds();
        assert_eq!(stage.records(), 0);
        assert_eq!(server.kinds().iter().filter(|kind| **kind == RELEASE).count(), 2);
    });
}

#[test]
fn garbage_is_given_back() {
    let Some(stage) = Stage::scripted() else { return };
    let server = Script::giving(&stage, 60, &[]);
    let _daemon = stage.daemon(&[]);
    let (c1, c2) = (stage.container("c1"), stage.container("c2"));
    let net = stage.network(json!({}));
    let other = net.with_config("name", json!("net2"));
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    other.add(&c1, "eth0").succeeds();
    difference("dhcp-gc", || {
        net.gc(&[(&c1, "eth0")]).succeeds();
        server.wait_for(RELEASE);
        net.check(&c1, "eth0").succeeds();
        other.check(&c1, "eth0").succeeds();
        net.check(&c2, "eth0").fails_with(999, "no lease is held for c2/net1/eth0");
    });
}

#[test]
fn a_namespace_lives_until_its_lease_is_given_back() {
    let Some(stage) = Stage::scripted() else { return };
    let server = Script::giving(&stage, 60, &[]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    net.add(&c1, "eth0").succeeds();
    c1.destroy();
    net.del(&c1, "eth0").succeeds();
    server.wait_for(RELEASE);
    let has_port = || stage.host.output(&["ip", "link", "show", "c1"]).status.success();
    wait_for("the namespace's end", || !has_port());
}

#[test]
fn an_interface_that_is_made_anew_gets_a_lease_anew() {
    let Some(stage) = Stage::scripted() else { return };
    let _server = Script::giving(&stage, 60, &[]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    net.add(&c1, "eth0").succeeds();
    c1.sh("ip link del eth0");
    stage.second_interface(&c1);
    c1.sh("ip link set eth1 down; ip link set eth1 name eth0 up");
    difference("dhcp-ended-leases", || {
        for _ in 0..3 {
            net.add(&c1, "eth0").succeeds();
            net.check(&c1, "eth0").succeeds();
        }
    });
}

#[test]
fn a_search_that_nobody_waits_for_ends() {
    let Some(stage) = Stage::scripted() else { return };
    let server = Script::start(&stage, |_| Vec::new());
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    thread::scope(|scope| {
        let add = scope.spawn(|| net.add(&c1, "eth0"));
        server.wait_for(DISCOVER);
        let started = Instant::now();
        net.del(&c1, "eth0").succeeds();
        let refused = add.join().expect("an outcome");
        refused.fails(999, "error calling DHCP.Allocate: context canceled");
        assert!(started.elapsed() < Duration::from_secs(1));
    });
    let so_far = server.kinds().len();
    thread::sleep(Duration::from_secs(3));
    assert_eq!(server.kinds().len(), so_far);
}
