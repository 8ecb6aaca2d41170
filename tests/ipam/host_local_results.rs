//! host-local: what ADD answers, and what it writes.

use cni_testkit::{Host, lacks_release, lacks_version};
use expect_test::expect;
use serde_json::{Value, json};

use crate::host_local::{STORE, files, files_in, given, network, plain};

/// One address of two IPv4 subnets and one IPv6 address, four routes.
fn two_sets() -> Value {
    json!({
        "ranges": [
            [{ "subnet": "10.1.2.0/24" }, { "subnet": "10.2.2.0/24" }],
            [{ "subnet": "2001:db8:1::/64" }]
        ],
        "routes": [
            { "dst": "0.0.0.0/0" },
            { "dst": "::/0" },
            { "dst": "192.168.0.0/16", "gw": "1.1.1.1" },
            { "dst": "2001:db8:2::/64", "gw": "2001:db8:3::1" }
        ]
    })
}

/// Results have the layout of their version; the files are the same for all, byte for byte, and
/// DEL leaves of them what belongs to nobody.
#[test]
fn every_version_has_its_document_and_the_same_files() {
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        if lacks_version("host-local", version) {
            continue;
        }
        let host = Host::new();
        let c1 = host.container("c1");
        let net = network(&host, two_sets()).with_config("cniVersion", json!(version));
        net.add(&c1, "eth0").succeeds().result_is(&format!("host-local/two-sets-{version}"));
        let files_of_c1 = files(&host);
        expect![[r#"
            net1/
            net1/10.1.2.2 "c1\r\neth0"
            net1/2001:db8:1::2 "c1\r\neth0"
            net1/last_reserved_ip.0 "10.1.2.2"
            net1/last_reserved_ip.1 "2001:db8:1::2"
            net1/lock ""
        "#]]
        .assert_eq(&files_of_c1);
        net.del(&c1, "eth0").succeeds().silent();
        expect![[r#"
            net1/
            net1/last_reserved_ip.0 "10.1.2.2"
            net1/last_reserved_ip.1 "2001:db8:1::2"
            net1/lock ""
        "#]]
        .assert_eq(&files(&host));
        net.del(&c1, "eth0").succeeds().silent();
    }
}

#[test]
fn only_the_owner_reads_the_files() {
    if lacks_release("1.9.1") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    network(&host, two_sets()).add(&c1, "eth0").succeeds();
    let modes = host.sh(&format!("cd {STORE}; umask; stat -c '%a %n' . net1 net1/*"));
    expect![[r#"
        0022
        755 .
        755 net1
        600 net1/10.1.2.2
        600 net1/2001:db8:1::2
        600 net1/last_reserved_ip.0
        600 net1/last_reserved_ip.1
        750 net1/lock
    "#]]
    .assert_eq(&modes);
}

/// There is no last address to start from, which is nothing to complain about.
#[test]
fn the_first_add_is_silent() {
    let host = Host::new();
    let outcome = plain(&host).add(&host.container("c1"), "eth0");
    assert_eq!(outcome.stderr(), "");
    outcome.succeeds();
}

/// The container's addresses in several networks, and on several interfaces, are independent.
#[test]
fn networks_and_interfaces_do_not_share_addresses() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net1 = plain(&host);
    let net2 = net1.with_config("name", json!("net2"));
    for (net, ifname) in [(&net1, "eth0"), (&net2, "eth1"), (&net1, "eth1"), (&net2, "eth0")] {
        net.add(&c1, ifname).succeeds();
    }
    net1.del(&c1, "eth0").succeeds();
    net2.del(&c1, "eth0").succeeds();
    expect![[r#"
        net1/
        net1/10.1.2.3 "c1\r\neth1"
        net1/last_reserved_ip.0 "10.1.2.3"
        net1/lock ""
        net2/
        net2/10.1.2.2 "c1\r\neth1"
        net2/last_reserved_ip.0 "10.1.2.3"
        net2/lock ""
    "#]]
    .assert_eq(&files(&host));
}

/// An attachment has one address of each set. That is no obstacle for others, now or later.
#[test]
fn a_repeated_add_is_refused() {
    let host = Host::new();
    let [c1, c2] = ["c1", "c2"].map(|name| host.container(name));
    let net = network(&host, two_sets());
    let msg = "failed to allocate for range 0: 10.1.2.2 has been allocated to c1, \
               duplicate allocation is not allowed";
    assert_eq!(given(&net, &c1), ["10.1.2.2/24", "2001:db8:1::2/64"]);
    net.add(&c1, "eth0").fails(999, msg);
    assert_eq!(given(&net, &c2), ["10.1.2.3/24", "2001:db8:1::3/64"]);
    net.add(&c1, "eth0").fails(999, msg);
}

#[test]
fn data_dir_is_where_the_folders_are() {
    let host = Host::new();
    let c1 = host.container("c1");
    for (data_dir, folder) in [(json!("/run/made/for/it"), "/run/made/for/it"), (json!(""), STORE)]
    {
        let net = network(&host, json!({ "subnet": "10.1.2.0/24", "dataDir": data_dir.clone() }));
        net.add(&c1, "eth0").succeeds();
        net.check(&c1, "eth0").succeeds().silent();
        assert!(files_in(&host, folder).contains("net1/10.1.2.2 "), "{data_dir}");
        net.del(&c1, "eth0").succeeds();
        assert!(!files_in(&host, folder).contains("net1/10.1.2.2 "), "{data_dir}");
        if folder != STORE {
            assert_eq!(files(&host), "");
        }
    }
}

/// Keys are matched in any case, and the last of several counts.
#[test]
fn keys_have_any_case() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plain(&host);
    let version = &net.config()["cniVersion"];
    let stdin = format!(
        r#"{{"CNIVersion":{version},"NAME":"net1","IPAM":{{"SubNet":"10.9.0.0/24","subnet":"10.1.2.0/24",
            "RANGESTART":"10.1.2.7","unknown":1,"routes":null}}}}"#
    );
    assert_eq!(given(&net.with_stdin(stdin), &c1), ["10.1.2.7/24"]);
}

#[test]
fn dns_is_read_from_a_file() {
    let host = Host::new();
    let c1 = host.container("c1");
    host.sh(
        "printf '%s\n' '  nameserver 192.0.2.3' '; no comment' '#nameserver x' \
         'nameserver 192.0.2.4' '' 'search example.com # a' 'domain first' 'domain  last ' 'options' \
         'search example.net' 'options ndots:2 rotate' 'Nameserver 192.0.2.5' > /run/resolv.conf",
    );
    let net = network(&host, json!({ "subnet": "10.1.2.0/24", "resolvConf": "/run/resolv.conf" }))
        .with_config("dns", json!({ "nameservers": ["192.0.2.99"] }));
    assert_eq!(
        net.add(&c1, "eth0").succeeds().result()["dns"],
        json!({
            "nameservers": ["192.0.2.3", "192.0.2.4"],
            "domain": "last",
            "search": ["example.com", "#", "a", "example.net"],
            "options": ["ndots:2", "rotate"]
        })
    );
}

/// Nothing is reserved when the file cannot be read.
#[test]
fn a_file_for_dns_that_cannot_be_read_is_an_error() {
    let host = Host::new();
    let c1 = host.container("c1");
    host.sh("head -c 70000 /dev/zero | tr '\\0' x > /run/long");
    for (file, msg) in [
        ("/run/missing", "open /run/missing: no such file or directory"),
        ("/run/long", "bufio.Scanner: token too long"),
    ] {
        let net = network(&host, json!({ "subnet": "10.1.2.0/24", "resolvConf": file }));
        net.add(&c1, "eth0").fails(999, msg);
        assert_eq!(files(&host), "");
    }
}
