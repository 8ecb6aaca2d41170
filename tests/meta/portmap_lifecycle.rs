//! portmap: repeated ADD, what a flush leaves, CHECK, and the choice of the backend.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::thread;
use std::time::Duration;

use cni_testkit::{Container, Host, Network, against_reference, difference, lacks_release};
use serde_json::{Value, json};

use crate::published::{portmap, two_addresses};

fn two_ports() -> Value {
    json!([
        { "hostPort": 8080, "containerPort": 80, "protocol": "tcp" },
        { "hostPort": 8081, "containerPort": 81, "protocol": "udp" }
    ])
}

/// Whether CHECK fails whatever there is: old releases look for IPv6 rules of IPv4 addresses.
fn checks_nothing() -> bool {
    lacks_release("1.9.0")
}

/// Runs a test with each backend that can be chosen.
fn with_each_backend(test: impl Fn(&Host, &Container, Network<'_>)) {
    for backend in ["iptables", "nftables"] {
        if backend == "nftables" && lacks_release("1.7.0") {
            continue;
        }
        let host = Host::new();
        let c1 = host.container("c1");
        let net = portmap(&host, json!({ "backend": backend }), two_ports());
        test(&host, &c1, net.with_prev_result(two_addresses(&c1)));
    }
}

/// The rules of both backends, each in the words of its own program.
fn rules(host: &Host) -> String {
    let nftables = host.sh("for family in ip ip6; do
        nft list table $family cni_hostport 2>/dev/null || true; done");
    [host.iptables_rules(), host.ip6tables_rules(), nftables].concat()
}

#[test]
fn a_repeated_add_changes_nothing() {
    with_each_backend(|host, c1, net| {
        net.add(c1, "eth0").succeeds();
        let before = rules(host);
        let handles = host.exec(&["nft", "-a", "list", "ruleset"]);
        let again = || {
            net.add(c1, "eth0").succeeds();
            assert_eq!(rules(host), before);
            assert_eq!(host.exec(&["nft", "-a", "list", "ruleset"]), handles);
        };
        match net.config()["backend"] == "nftables" {
            true => difference("portmap-repeated-add", again),
            false => again(),
        }
    });
}

/// What there was of other mappings does not stay.
#[test]
fn a_repeated_add_with_other_mappings_replaces_them() {
    let mapping = |host: u16, protocol: &str| json!({ "hostPort": host, "containerPort": host - 8000, "protocol": protocol });
    for other in
        [json!([mapping(9090, "tcp"), mapping(8081, "udp")]), json!([mapping(8081, "udp")])]
    {
        with_each_backend(|host, c1, net| {
            let other = net.with_config("runtimeConfig", json!({ "portMappings": other }));
            other.add(c1, "eth0").succeeds();
            let expected = sorted(&rules(host));
            other.del(c1, "eth0").succeeds();
            net.add(c1, "eth0").succeeds();
            other.add(c1, "eth0").succeeds();
            difference("portmap-repeated-add", || assert_eq!(sorted(&rules(host)), expected));
        });
    }
}

/// CHECK says that something is gone, and a repeated ADD brings back that and nothing else.
#[test]
fn what_a_flush_took_is_restored() {
    if checks_nothing() {
        return;
    }
    let flushes = [
        "nft flush ruleset",
        "iptables -t nat -F",
        "iptables -t nat -F; iptables -t nat -X",
        "ip6tables -t nat -D CNI-HOSTPORT-DNAT 1",
        "iptables -t nat -D PREROUTING 1",
        "iptables -t nat -F CNI-DN-$(printf net1c1 | sha512sum | cut -c1-21)",
        "nft flush chain ip cni_hostport hostports",
        "nft flush chain ip6 cni_hostport masquerading",
        "nft flush chain ip cni_hostport prerouting",
        "nft flush chain ip6 cni_hostport hostports_all",
        "nft delete table ip6 cni_hostport",
    ];
    with_each_backend(|host, c1, net| {
        let backend = net.config()["backend"].as_str().expect("a name");
        let own = |flush: &&&str| {
            **flush == "nft flush ruleset"
                || flush.contains("cni_hostport") == (backend == "nftables")
        };
        let neighbour = host.container("c2");
        let of_neighbour = net.with_config(
            "runtimeConfig",
            json!({ "portMappings": [
            { "hostPort": 7070, "containerPort": 70, "protocol": "tcp" }
        ] }),
        );
        let of_neighbour = of_neighbour.with_prev_result(two_addresses(&neighbour));
        of_neighbour.add(&neighbour, "eth0").succeeds();
        net.add(c1, "eth0").succeeds();
        let before = sorted(&rules(host));
        for flush in flushes.iter().filter(own) {
            net.check(c1, "eth0").succeeds().silent();
            host.sh(flush);
            let find = || drop(net.check(c1, "eth0").fails_with(999, "not"));
            match *flush {
                // The reference looks at the attachment's rules only.
                "iptables -t nat -D PREROUTING 1" => difference("portmap-check-entry", find),
                _ if backend == "nftables" => drop(net.check(c1, "eth0").fails_with(999, "")),
                _ => find(),
            }
            net.add(c1, "eth0").succeeds();
            net.check(c1, "eth0").succeeds();
            of_neighbour.add(&neighbour, "eth0").succeeds();
            if backend == "iptables" {
                assert_eq!(sorted(&rules(host)), before, "{flush}");
            } else {
                difference("portmap-repeated-add", || assert_eq!(sorted(&rules(host)), before));
            }
        }
    });
}

/// Chains and rules without the order in which they were made.
fn sorted(rules: &str) -> Vec<String> {
    let mut lines: Vec<String> = rules.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn check_needs_the_previous_result_and_the_rules() {
    if checks_nothing() {
        return;
    }
    with_each_backend(|_, c1, net| {
        let required = "Required prevResult missing";
        net.without_prev_result().check(c1, "eth0").fails(999, required);
        let none = net.with_config("runtimeConfig", json!({}));
        none.without_prev_result().check(c1, "eth0").fails(999, required);
        none.check(c1, "eth0").succeeds().silent();
        let before_add = net.check(c1, "eth0");
        match net.config()["backend"] == "nftables" {
            true => drop(before_add.fails(999, "missing hostport rules in \"hostports\" chain")),
            false => {
                let chain = "CNI-DN-c2d892b58e87e28a12fe6";
                let msg = format!(
                    "could not check ipv4 dnat: chain {chain} not found in iptables table nat"
                );
                before_add.fails(999, &msg);
            }
        }
        net.with_config("snat", json!(false)).add(c1, "eth0").succeeds();
        net.with_config("snat", json!(false)).check(c1, "eth0").succeeds();
        let part = if net.config()["backend"] == "nftables" { "masquerading" } else { "rule [[" };
        net.check(c1, "eth0").fails_with(999, part);
        net.del(c1, "eth0").succeeds();
        net.check(c1, "eth0").fails_with(999, "");
    });
}

/// Many first ADDs at once make what all share once.
#[test]
fn concurrent_first_adds_share_one_skeleton() {
    if against_reference() {
        // Most of them fail, or not; that depends on luck.
        return;
    }
    with_each_backend(|host, _, net| {
        let containers: Vec<_> = (0..12).map(|n| host.container(&format!("c{n}"))).collect();
        thread::scope(|scope| {
            for (number, container) in containers.iter().enumerate() {
                let mapping =
                    json!({ "hostPort": 7000 + number, "containerPort": 70, "protocol": "tcp" });
                let net = net
                    .with_config("runtimeConfig", json!({ "portMappings": [mapping] }))
                    .with_prev_result(two_addresses(container));
                scope.spawn(move || net.add(container, "eth0").succeeds());
            }
        });
        let (rules, shared, count) = match net.config()["backend"] == "nftables" {
            false => (
                [host.iptables_rules(), host.ip6tables_rules()].concat(),
                &[
                    "-A PREROUTING ",
                    "-A OUTPUT ",
                    "-A POSTROUTING ",
                    "-A CNI-HOSTPORT-MASQ ",
                    "-A CNI-HOSTPORT-SETMARK ",
                ][..],
                2,
            ),
            true => (host.nft_rules(), &["jump hostip_hostports", "jump hostports\n"][..], 2),
        };
        for part in shared {
            assert_eq!(rules.matches(part).count(), count, "{part:?} in {rules}");
        }
        for number in 0..12 {
            let port = format!("{}", 7000 + number);
            assert!(rules.matches(&port).count() >= 2, "{port} in {rules}");
        }
        for container in &containers {
            net.del(container, "eth0").succeeds();
        }
        assert!(!self::rules(host).contains("-A CNI-DN-"));
    });
}

/// Two at once would make what is shared twice, or empty the other's chain.
#[test]
fn the_first_add_with_iptables_waits_for_its_turn() {
    if against_reference() {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let turn = host.run(|| {
        fs::create_dir_all("/run/cni/portmap")?;
        let folder = fs::File::open("/run/cni/portmap")?;
        folder.lock().map(|()| folder)
    });
    let net = portmap(&host, json!({ "backend": "iptables" }), two_ports());
    let net = net.with_prev_result(two_addresses(&c1));
    let pause = Duration::from_millis(300);
    thread::scope(|scope| {
        let added = scope.spawn(|| net.add(&c1, "eth0").succeeds().elapsed());
        thread::sleep(2 * pause);
        drop(turn);
        assert!(added.join().expect("added") > pause);
    });
}

/// iptables where it works, also where both do.
#[test]
fn iptables_is_the_default() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = portmap(&host, json!({}), two_ports()).with_prev_result(two_addresses(&c1));
    net.add(&c1, "eth0").succeeds();
    assert!(host.iptables_rules().contains("CNI-DN-"));
    assert!(!host.nft_rules().contains("cni_hostport"));
}

/// Where iptables is missing or broken it is nftables, which needs no program.
#[test]
fn nftables_is_the_default_without_iptables() {
    if lacks_release("1.7.0") {
        return;
    }
    let broken = tempfile::tempdir().expect("a folder");
    for name in ["iptables", "ip6tables", "iptables-restore", "ip6tables-restore", "iptables-save"]
    {
        script(broken.path(), name, "echo no kernel support >&2; exit 3");
    }
    for path in ["/nonexistent".to_owned(), broken.path().display().to_string()] {
        difference("portmap-nftables-without-executable", || {
            let host = Host::new();
            let c1 = host.container("c1");
            let net = portmap(&host, json!({}), two_ports()).with_env("PATH", &path);
            let net = net.with_prev_result(two_addresses(&c1));
            net.add(&c1, "eth0").succeeds();
            net.check(&c1, "eth0").succeeds();
            assert!(host.nft_rules().contains("tcp dport 8080 dnat to 10.0.0.2:80"));
            net.del(&c1, "eth0").succeeds();
            assert!(!host.nft_rules().contains("dnat"));
        });
    }
}

fn script(folder: &std::path::Path, name: &str, body: &str) {
    let open = |options: &mut fs::OpenOptions| options.mode(0o755).open(folder.join(name));
    let mut file = open(fs::OpenOptions::new().write(true).create(true)).expect("a script");
    write!(file, "#!/bin/sh\n{body}\n").expect("written");
}

/// One listing on a host without mappings, one change for each family, and nothing else.
#[test]
fn few_processes_are_started() {
    if against_reference() {
        // It starts 52 for the first of these.
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    for tool in ["iptables", "ip6tables", "nft"] {
        for suffix in ["", "-restore", "-save"] {
            let name = format!("{tool}{suffix}");
            let body = format!("echo {name} >>{}; exec /usr/sbin/{name} \"$@\"", log.display());
            script(folder.path(), &name, &body);
        }
    }
    let started = || {
        let mut started: Vec<String> =
            fs::read_to_string(&log).unwrap_or_default().lines().map(str::to_owned).collect();
        started.sort();
        let _ = fs::remove_file(&log);
        started.join(" ")
    };
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = portmap(&host, json!({}), two_ports());
    let net = net.with_env("PATH", &folder.path().display().to_string());
    let of = |container: &Container| net.with_prev_result(two_addresses(container));
    of(&c1).add(&c1, "eth0").succeeds();
    let both = "ip6tables-restore ip6tables-save iptables-restore iptables-save";
    assert_eq!(started(), both, "the first one looks what is there");
    of(&c2).add(&c2, "eth0").succeeds();
    assert_eq!(started(), "ip6tables-restore iptables-restore");
    of(&c2).check(&c2, "eth0").succeeds();
    started();
    for _ in 0..2 {
        of(&c1).del(&c1, "eth0").succeeds();
    }
    assert_eq!(started(), "ip6tables-restore iptables-restore", "the second time nothing is there");
    of(&c2).with_config("runtimeConfig", json!({})).add(&c2, "eth0").succeeds();
    let nftables = of(&c1).with_config("backend", json!("nftables"));
    nftables.add(&c1, "eth0").succeeds();
    nftables.del(&c1, "eth0").succeeds();
    assert_eq!(started(), "");
}

/// The host's own loopback is let through to the container, and only with `snat`.
#[test]
fn localhost_leaves_towards_the_container() {
    for (snat, expected) in [(true, "1"), (false, "0")] {
        let host = Host::new();
        host.sh("ip link add name cni.0 up type bridge; ip addr add 10.0.0.1/24 dev cni.0");
        let c1 = host.container("c1");
        let net = portmap(&host, json!({ "snat": snat }), two_ports());
        net.with_prev_result(two_addresses(&c1)).add(&c1, "eth0").succeeds();
        let setting = "/proc/sys/net/ipv4/conf/cni.0/route_localnet";
        assert_eq!(host.exec(&["cat", setting]).trim(), expected);
    }
}

#[test]
fn without_mappings_or_addresses_nothing_is_done() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = two_addresses(&c1);
    for mappings in [json!([]), json!(null)] {
        let net = portmap(&host, json!({}), mappings).with_prev_result(result.clone());
        let added = net.add(&c1, "eth0").succeeds().result();
        assert_eq!(added["ips"], result["ips"]);
        net.del(&c1, "eth0").succeeds();
    }
    let nothing = json!({ "cniVersion": "1.0.0" });
    let net = portmap(&host, json!({}), two_ports()).with_prev_result(nothing);
    net.add(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    let rules = rules(&host);
    assert!(!rules.contains("CNI-") && !rules.contains("cni_"), "{rules}");
}
