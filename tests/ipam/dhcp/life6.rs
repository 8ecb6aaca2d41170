//! The life of an IPv6 lease: extended, refused, run out, and taken over by the next daemon.

use std::thread;
use std::time::Duration;

use cni_testkit::{Container, difference, knows_nothing_of, lacks_release};

use super::script::{DISCOVER, Script};
use super::script6::{REBIND, RELEASE, RENEW, REQUEST, SOLICIT, STATUS, Script6, option};
use super::stage::{is_up, wait_for};
use super::stage6::{addresses, container, dual, has_dynamic, network, stage};

fn has(container: &Container, address: &str) -> bool {
    container.sh("ip addr show dev eth0").contains(&format!(" {address} "))
}

#[test]
fn an_ipv6_lease_is_extended_for_as_long_as_it_is_wanted() {
    if knows_nothing_of("ipam.ipv6") {
        return;
    }
    let stage = stage();
    let server = Script6::giving(&stage, 4);
    let _daemon = stage.daemon(&[]);
    let c1 = container(&stage, "c1");
    let net = network(&stage, "dhcp");
    net.add(&c1, "eth0").succeeds();
    wait_for("three extensions", || server.kinds().len() >= 4);
    assert_eq!(server.kinds()[..4], [SOLICIT, RENEW, RENEW, RENEW]);
    // Six seconds have passed, and the kernel would have taken it away after four.
    assert!(has_dynamic(&c1, "fd00:1::5/128"));
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    server.wait_for(RELEASE);
    let so_far = server.kinds().len();
    thread::sleep(Duration::from_secs(3));
    assert_eq!(server.kinds().len(), so_far, "nothing is extended any more");
}

#[test]
fn an_ipv6_lease_that_runs_out_takes_the_link_down() {
    if knows_nothing_of("ipam.ipv6") {
        return;
    }
    let stage = stage();
    let server = Script6::giving(&stage, 4);
    let _daemon = stage.daemon(&[]);
    let c1 = container(&stage, "c1");
    let net = network(&stage, "dhcp");
    net.add(&c1, "eth0").succeeds();
    drop(server);
    wait_for("the end of the lease", || !is_up(&c1, "eth0"));
    assert!(!has(&c1, "fd00:1::5/128"));
    assert_eq!(stage.records(), 0);
    net.check(&c1, "eth0").fails_with(999, "no lease is held for c1/net1/eth0");
    let _server = Script6::giving(&stage, 4);
    net.add(&c1, "eth0").succeeds();
    assert!(is_up(&c1, "eth0"));
}

/// One family's server has gone: what it gave goes, and nothing else.
#[test]
fn a_family_that_ends_leaves_the_other_one() {
    if lacks_release("1.9.1") {
        return;
    }
    for ends_first in ["v4", "v6"] {
        let stage = stage();
        let (short, long) = (4, 60);
        let [four, six] = if ends_first == "v4" { [short, long] } else { [long, short] };
        let four = Script::giving(&stage, four, &[]);
        let six = Script6::giving(&stage, six);
        let _daemon = stage.daemon(&[]);
        let c1 = container(&stage, "c1");
        let net = dual(&stage, "dhcp");
        difference("dhcp-ipv6-expiry", || {
            let all = addresses(&net.add(&c1, "eth0").succeeds().result());
            assert_eq!(all, ["192.168.1.5/24", "fd00:1::5/128"]);
            c1.sh("ip addr add 192.168.1.5/24 dev eth0");
            let (ended, other) = if ends_first == "v4" {
                drop(four);
                (&all[0], &all[1])
            } else {
                drop(six);
                (&all[1], &all[0])
            };
            wait_for("one record's end", || stage.records() == 1);
            wait_for("the end of the address", || !has(&c1, ended));
            assert!(is_up(&c1, "eth0") && has(&c1, other));
            let what = if ends_first == "v4" { "ipam.ipv4" } else { "ipam.ipv6" };
            net.check(&c1, "eth0").fails_with(999, what);
            net.del(&c1, "eth0").succeeds();
            assert_eq!(stage.records(), 0);
        });
    }
}

#[test]
fn the_interface_shows_the_ipv6_lease_that_came_after_a_refusal() {
    if knows_nothing_of("ipam.ipv6") {
        return;
    }
    let stage = stage();
    let server = Script6::start(&stage, move |asked| match asked.kind {
        RENEW => vec![asked.reply(&option(STATUS, b"\x00\x03who?"))],
        REQUEST => vec![asked.given(9, 60)],
        RELEASE => Vec::new(),
        _ => vec![asked.given(5, 4)],
    });
    let _daemon = stage.daemon(&[]);
    let c1 = container(&stage, "c1");
    let net = network(&stage, "dhcp");
    net.add(&c1, "eth0").succeeds();
    wait_for("the other address", || has(&c1, "fd00:1::9/128"));
    wait_for("the old one's end", || !has(&c1, "fd00:1::5/128"));
    assert_eq!(server.kinds(), [SOLICIT, RENEW, REQUEST]);
    net.check(&c1, "eth0").fails_with(999, "is for fd00:1::9/128, which prevResult does not have");
}

#[test]
fn a_silent_server_is_replaced_by_any_other() {
    if knows_nothing_of("ipam.ipv6") {
        return;
    }
    let stage = stage();
    let server = Script6::start(&stage, move |asked| match asked.kind {
        RENEW | RELEASE => Vec::new(),
        _ => vec![asked.given(5, 5)],
    });
    let _daemon = stage.daemon(&[]);
    let c1 = container(&stage, "c1");
    network(&stage, "dhcp").add(&c1, "eth0").succeeds();
    wait_for("a second rebinding", || {
        server.kinds().iter().filter(|kind| **kind == REBIND).count() == 2
    });
    assert_eq!(server.kinds()[..5], [SOLICIT, RENEW, REBIND, RENEW, REBIND]);
    assert!(has_dynamic(&c1, "fd00:1::5/128"));
}

#[test]
fn ipv6_answers_that_are_none_are_ignored() {
    if knows_nothing_of("ipam.ipv6") {
        return;
    }
    let stage = stage();
    let server = Script6::start(&stage, |asked| {
        let good = asked.given(5, 60);
        let wrong = asked.given(66, 60);
        let change = |at: usize, value: u8| {
            let mut changed = wrong.clone();
            changed[at] = value;
            changed
        };
        let nonsense = vec![
            Vec::new(),
            b"x".to_vec(),
            wrong[..wrong.len() - 1].to_vec(),
            // Another kind, another transaction, another client, a length that is too long.
            change(0, REQUEST),
            change(3, wrong[3] ^ 1),
            change(9, wrong[9] ^ 1),
            change(6, 1),
            // A status without a code, which no length may be subtracted from.
            [&wrong[..], &option(STATUS, &[0])].concat(),
        ];
        nonsense.into_iter().chain([good.clone(), good]).collect()
    });
    let _daemon = stage.daemon(&[]);
    let c1 = container(&stage, "c1");
    let net = network(&stage, "dhcp");
    assert_eq!(addresses(&net.add(&c1, "eth0").succeeds().result()), ["fd00:1::5/128"]);
    assert_eq!(server.kinds(), [SOLICIT], "an answer that comes twice is taken once");
}

#[test]
fn the_next_daemon_goes_on_with_the_leases_of_both_families() {
    if lacks_release("1.9.1") {
        return;
    }
    let stage = stage();
    let four = Script::giving(&stage, 60, &[]);
    let six = Script6::giving(&stage, 8);
    let daemon = stage.daemon(&[]);
    let (c1, c2) = (container(&stage, "c1"), container(&stage, "c2"));
    let net = dual(&stage, "dhcp");
    difference("dhcp-ipv6-persistence", || {
        net.add(&c1, "eth0").succeeds();
        net.add(&c2, "eth0").succeeds();
        // Killed, it leaves its socket behind.
        daemon.stop();
        c2.destroy();
        let _daemon = stage.daemon_again(&[]);
        net.check(&c1, "eth0").succeeds();
        assert_eq!(stage.records(), 2, "the other container is gone");
        six.wait_for(RENEW);
        assert_eq!(six.kinds().iter().filter(|kind| **kind == SOLICIT).count(), 2);
        assert!(four.kinds().iter().all(|kind| [DISCOVER, 3].contains(kind)));
        net.del(&c1, "eth0").succeeds();
        six.wait_for(RELEASE);
        assert_eq!(stage.records(), 0);
    });
}

#[test]
fn both_leases_are_given_back_without_a_daemon() {
    if lacks_release("1.9.1") {
        return;
    }
    let stage = stage();
    let four = Script::giving(&stage, 60, &[]);
    let six = Script6::giving(&stage, 60);
    let daemon = stage.daemon(&[]);
    let (c1, c2) = (container(&stage, "c1"), container(&stage, "c2"));
    let net = dual(&stage, "dhcp");
    difference("dhcp-ipv6-persistence", || {
        net.add(&c1, "eth0").succeeds();
        net.add(&c2, "eth0").succeeds();
        daemon.stop();
        net.del(&c1, "eth0").succeeds();
        six.wait_for(RELEASE);
        assert!(!has(&c1, "fd00:1::5/128"));
        assert_eq!(stage.records(), 2);
        net.gc(&[(&c2, "eth0")]).succeeds();
        assert_eq!(stage.records(), 2);
        net.gc(&[]).succeeds();
        assert_eq!(stage.records(), 0);
        let releases = |kinds: Vec<u8>, kind| kinds.iter().filter(|k| **k == kind).count();
        wait_for("all releases", || {
            releases(six.kinds(), RELEASE) == 2
                && releases(four.kinds(), super::script::RELEASE) == 2
        });
    });
}

#[test]
fn an_ipv6_search_that_nobody_waits_for_ends() {
    if knows_nothing_of("ipam.ipv6") {
        return;
    }
    let stage = stage();
    let server = Script6::start(&stage, |_| Vec::new());
    let _daemon = stage.daemon(&[]);
    let c1 = container(&stage, "c1");
    let net = network(&stage, "dhcp");
    thread::scope(|scope| {
        let add = scope.spawn(|| net.add(&c1, "eth0"));
        server.wait_for(SOLICIT);
        net.del(&c1, "eth0").succeeds();
        let refused = add.join().expect("an outcome");
        refused.fails(999, "error calling DHCP.Allocate: context canceled");
    });
    let so_far = server.kinds().len();
    thread::sleep(Duration::from_secs(3));
    assert_eq!(server.kinds().len(), so_far);
}
