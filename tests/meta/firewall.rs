//! firewall: the rules of iptables, and who removes them.

use cni_testkit::{Host, difference, lacks_file, lacks_release, supported_versions};
use expect_test::expect;
use serde_json::json;

use crate::walled::{BOTH, firewall, previous};

/// Where Debian installs the reference.
const REFERENCE: &str = "/usr/lib/cni";

#[test]
fn iptables_rules_are_the_reference_ones() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = firewall(&host, json!({ "backend": "iptables" }));
    net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
    expect![[r#"
        *filter
        :INPUT ACCEPT
        :FORWARD ACCEPT
        :OUTPUT ACCEPT
        :CNI-ADMIN -
        :CNI-FORWARD -
        -A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
        -A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
        -A CNI-FORWARD -d 10.0.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A CNI-FORWARD -s 10.0.0.2/32 -j ACCEPT
    "#]]
    .assert_eq(&host.iptables_rules());
    expect![[r#"
        *filter
        :INPUT ACCEPT
        :FORWARD ACCEPT
        :OUTPUT ACCEPT
        :CNI-ADMIN -
        :CNI-FORWARD -
        -A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
        -A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
        -A CNI-FORWARD -d 2001:db8::2/128 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A CNI-FORWARD -s 2001:db8::2/128 -j ACCEPT
    "#]]
    .assert_eq(&host.ip6tables_rules());
}

/// br0 is same-bridge, br1 isolated: the order decides.
#[test]
fn isolation_goes_before_everything_else() {
    if lacks_release("1.7.0") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = firewall(&host, json!({ "backend": "iptables" }));
    let add = |container, policy: &str, bridge, address| {
        let net = net.with_config("ingressPolicy", json!(policy));
        net.with_prev_result(previous(bridge, &[address])).add(container, "eth0").succeeds();
        net.check(container, "eth0").succeeds();
    };
    add(&c1, "same-bridge", "br0", "10.0.0.2/24");
    add(&c2, "isolated", "br1", "10.0.1.2/24");
    expect![[r#"
        *filter
        :INPUT ACCEPT
        :FORWARD ACCEPT
        :OUTPUT ACCEPT
        :CNI-ADMIN -
        :CNI-FORWARD -
        :CNI-ISOLATION-STAGE-1 -
        :CNI-ISOLATION-STAGE-2 -
        -A FORWARD -m comment --comment "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)" -j CNI-ISOLATION-STAGE-1
        -A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
        -A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
        -A CNI-FORWARD -d 10.0.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A CNI-FORWARD -s 10.0.0.2/32 -j ACCEPT
        -A CNI-FORWARD -d 10.0.1.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A CNI-FORWARD -s 10.0.1.2/32 -j ACCEPT
        -A CNI-ISOLATION-STAGE-1 -i br1 -o br1 -m comment --comment "CNI firewall plugin rules (ingressPolicy: isolated)" -j DROP
        -A CNI-ISOLATION-STAGE-1 -i br1 ! -o br1 -m comment --comment "CNI firewall plugin rules (ingressPolicy: isolated)" -j CNI-ISOLATION-STAGE-2
        -A CNI-ISOLATION-STAGE-1 -i br0 ! -o br0 -m comment --comment "CNI firewall plugin rules (ingressPolicy: same-bridge)" -j CNI-ISOLATION-STAGE-2
        -A CNI-ISOLATION-STAGE-1 -m comment --comment "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)" -j RETURN
        -A CNI-ISOLATION-STAGE-2 -o br1 -m comment --comment "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)" -j DROP
        -A CNI-ISOLATION-STAGE-2 -o br0 -m comment --comment "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)" -j DROP
        -A CNI-ISOLATION-STAGE-2 -m comment --comment "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)" -j RETURN
    "#]]
    .assert_eq(&host.iptables_rules());
}

/// Somebody deleted the jump to CNI-FORWARD; what comes back must not get in front.
#[test]
fn isolation_stays_before_a_jump_that_is_restored() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = firewall(&host, json!({ "backend": "iptables", "ingressPolicy": "same-bridge" }));
    net.with_prev_result(previous("br0", &["10.0.0.2/24"])).add(&c1, "eth0").succeeds();
    host.sh("iptables -D FORWARD -m comment --comment 'CNI firewall plugin rules' -j CNI-FORWARD");
    let open = firewall(&host, json!({ "backend": "iptables" }));
    open.with_prev_result(previous("br0", &["10.0.0.3/24"])).add(&c2, "eth0").succeeds();
    difference("firewall-isolation-order", || {
        let rules = host.iptables_rules();
        let jumps: Vec<_> = rules.lines().filter(|line| line.starts_with("-A FORWARD")).collect();
        assert!(jumps.len() == 2 && jumps[0].ends_with("-j CNI-ISOLATION-STAGE-1"), "{jumps:?}");
    });
}

/// The reference checks nothing of it.
#[test]
fn a_check_finds_bypassed_isolation() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = firewall(&host, json!({ "backend": "iptables", "ingressPolicy": "same-bridge" }));
    net.with_prev_result(previous("br0", &["10.0.0.2/24"])).add(&c1, "eth0").succeeds();
    net.check(&c1, "eth0").succeeds();
    host.sh(
        "iptables -D FORWARD 1
        iptables -A FORWARD -m comment --comment \
        'CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)' -j CNI-ISOLATION-STAGE-1",
    );
    difference("firewall-check-isolation", || {
        net.check(&c1, "eth0")
            .fails(999, "the jump to CNI-ISOLATION-STAGE-1 is behind the jump to CNI-FORWARD");
    });
    host.sh("iptables -F CNI-ISOLATION-STAGE-2");
    difference("firewall-check-isolation", || {
        net.check(&c1, "eth0").fails_with(999, "expected CNI-ISOLATION-STAGE-2 rule [-o br0 ");
    });
}

#[test]
fn a_repeated_add_changes_nothing() {
    for keys in [json!({}), json!({ "ingressPolicy": "same-bridge" })] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = firewall(&host, keys).with_prev_result(previous("br0", &BOTH));
        net.add(&c1, "eth0").succeeds();
        let rules = [host.iptables_rules(), host.ip6tables_rules()];
        net.add(&c1, "eth0").succeeds();
        assert_eq!([host.iptables_rules(), host.ip6tables_rules()], rules);
    }
}

#[test]
fn results_pass_in_every_version_that_is_known() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = firewall(&host, json!({}));
    for version in supported_versions("firewall") {
        let net = net.with_config("cniVersion", json!(version));
        let version = if version == "0.4.0" { "4" } else { "" };
        let mut ip = json!({ "interface": 0, "address": "10.0.0.2/24", "gateway": "10.0.0.1" });
        if !version.is_empty() {
            ip["version"] = json!(version);
        }
        let interfaces = json!([{ "name": "br0", "mac": "02:00:00:00:00:01" }]);
        let given = json!({ "interfaces": interfaces, "ips": [ip] });
        let result = net.with_prev_result(given.clone()).add(&c1, "eth0").succeeds().result();
        assert_eq!([&result["interfaces"], &result["ips"]], [&given["interfaces"], &given["ips"]]);
    }
    for version in ["0.3.1", "0.1.0"] {
        net.with_config("cniVersion", json!(version))
            .with_prev_result(json!({}))
            .add(&c1, "eth0")
            .fails(1, "incompatible CNI versions");
    }
}

#[test]
fn a_result_is_passed_on_whole() {
    let host = Host::new();
    let c1 = host.container("c1");
    let given = json!({
        "cniVersion": "1.0.0",
        "interfaces": [
            { "name": "br0", "mac": "02:00:00:00:00:01" },
            { "name": "eth0", "mac": "02:00:00:00:00:02", "sandbox": c1.netns_path() }
        ],
        "ips": [
            { "interface": 1, "address": "10.0.0.2/24", "gateway": "10.0.0.1" },
            { "interface": 1, "address": "2001:db8::2/64" }
        ],
        "routes": [{ "dst": "0.0.0.0/0" }],
        "dns": { "nameservers": ["10.0.0.1"] }
    });
    let net = firewall(&host, json!({}));
    net.with_prev_result(given).add(&c1, "eth0").succeeds().result_is("firewall/passed-on");
}

#[test]
fn without_addresses_nothing_is_done() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = firewall(&host, json!({})).with_prev_result(previous("br0", &[]));
    let before = host.world();
    net.add(&c1, "eth0").succeeds();
    assert_eq!(host.world(), before);
}

/// The reference does so, too, so that a word of tomorrow is no error.
#[test]
fn an_unknown_backend_means_automatic() {
    for backend in ["", "ipfw"] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = firewall(&host, json!({ "backend": backend }));
        net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
        assert!(host.iptables_rules().contains("-s 10.0.0.2/32 -j ACCEPT"));
    }
}

#[test]
fn the_administrators_chain_may_have_another_name() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = firewall(&host, json!({ "backend": "iptables", "iptablesAdminChainName": "MINE" }));
    net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
    let jump =
        "-A CNI-FORWARD -m comment --comment \"CNI firewall plugin admin overrides\" -j MINE";
    for rules in [host.iptables_rules(), host.ip6tables_rules()] {
        assert!(rules.contains(":MINE -") && rules.contains(jump), "{rules}");
    }
    net.check(&c1, "eth0").succeeds();
}

/// What is shared stays; so it is in the reference, whose users put rules into CNI-ADMIN.
#[test]
fn del_leaves_what_is_shared() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = firewall(&host, json!({ "backend": "iptables", "ingressPolicy": "same-bridge" }));
    net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
    let other = ["10.0.0.3/24", "2001:db8::3/64"];
    net.with_prev_result(previous("br0", &other)).add(&c2, "eth0").succeeds();
    let with_both = host.iptables_rules();
    for _ in 0..2 {
        net.del(&c1, "eth0").succeeds();
    }
    let is_of_c1 = |line: &&str| line.contains("10.0.0.2/32");
    let expected: Vec<&str> = with_both.lines().filter(|line| !is_of_c1(line)).collect();
    assert_eq!(host.iptables_rules().lines().collect::<Vec<_>>(), expected);
    net.check(&c2, "eth0").succeeds();
}

/// A node is switched over while containers run, and back.
#[test]
fn the_reference_finds_our_rules_and_we_find_its() {
    if lacks_file("/usr/lib/cni/firewall") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let ours =
        firewall(&host, json!({ "backend": "iptables" })).with_config("cniVersion", json!("1.0.0"));
    let theirs = ours.with_plugins(std::path::Path::new(REFERENCE));
    let base = {
        let net = ours.with_prev_result(previous("br0", &BOTH));
        net.add(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
        host.world()
    };
    for (adds, others) in [(&ours, &theirs), (&theirs, &ours), (&ours, &ours)] {
        let adds = |container, addresses: &[&str]| {
            let net = adds.with_prev_result(previous("br0", addresses));
            assert!(net.add(container, "eth0").is_success());
        };
        adds(&c1, &BOTH);
        adds(&c2, &["10.0.0.3/24", "2001:db8::3/64"]);
        let rules = [host.iptables_rules(), host.ip6tables_rules()];
        assert!(others.check(&c1, "eth0").is_success());
        assert!(others.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").is_success());
        assert_eq!([host.iptables_rules(), host.ip6tables_rules()], rules);
        assert!(others.del(&c1, "eth0").is_success() && others.del(&c2, "eth0").is_success());
        assert!(!host.iptables_rules().contains("10.0.0."), "{}", host.iptables_rules());
        assert!(!host.ip6tables_rules().contains("2001:db8::"), "{}", host.ip6tables_rules());
        // What only we know of is cleaned by us.
        ours.del(&c1, "eth0").succeeds();
        ours.del(&c2, "eth0").succeeds();
        assert_eq!(host.world(), base);
    }
}
