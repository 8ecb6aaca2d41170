//! host-local: GC frees what nobody uses any more, STATUS tells whether anything is left to give.

use cni_testkit::{Host, Network, difference, lacks_version};
use serde_json::{Value, json};

use crate::host_local::{FOLDER, files, given, network, of, plain, put, reserved};

fn lacks_the_commands() -> bool {
    lacks_version("host-local", "1.1.0")
}

/// A folder with everything that there can be in it; `c1`'s `eth0` and `old` are alive.
fn crowded(host: &Host) -> Network<'_> {
    for (name, content) in [
        ("10.1.2.2", "c1\r\neth0"),
        ("10.1.2.3", "c1\r\neth1"),
        ("10.1.2.4", "gone\r\neth0"),
        ("10.1.2.5", "old"),
        ("10.1.2.6", "gone-too"),
        ("10.1.2.7", ""),
        ("10.1.2.8", "a remark of the administrator"),
        ("10.1.2.9", "gone\neth0"),
        ("2001:db8::2", "gone\r\neth0"),
        ("last_reserved_ip.0", "10.1.2.9"),
        ("notes", "gone\r\neth0"),
    ] {
        put(host, name, content);
    }
    plain(host)
}

#[test]
fn only_addresses_of_valid_attachments_stay() {
    if lacks_the_commands() {
        return;
    }
    difference("host-local-gc", || {
        let host = Host::new();
        let [c1, old] = ["c1", "old"].map(|name| host.container(name));
        let net = crowded(&host);
        let net2 = net.with_config("name", json!("net2"));
        given(&of(&net2, "gone"), &c1);
        net.gc(&[(&c1, "eth0"), (&old, "eth3")]).succeeds().silent();
        assert_eq!(
            files(&host),
            "net1/\n\
             net1/10.1.2.2 \"c1\\r\\neth0\"\n\
             net1/10.1.2.5 \"old\"\n\
             net1/10.1.2.8 \"a remark of the administrator\"\n\
             net1/10.1.2.9 \"gone\\neth0\"\n\
             net1/last_reserved_ip.0 \"10.1.2.9\"\n\
             net1/lock \"\"\n\
             net1/notes \"gone\\r\\neth0\"\n\
             net2/\n\
             net2/10.1.2.2 \"gone\\r\\neth0\"\n\
             net2/last_reserved_ip.0 \"10.1.2.2\"\n\
             net2/lock \"\"\n"
        );
        // The next one gets what was freed.
        assert_eq!(given(&net.with_args("IP=10.1.2.4"), &old), ["10.1.2.4/24"]);
    });
}

/// No attachment is valid when the list is empty; without a list nobody can tell.
#[test]
fn an_empty_list_is_not_an_absent_one() {
    if lacks_the_commands() {
        return;
    }
    let host = Host::new();
    let net = crowded(&host);
    let before = files(&host);
    let gc = |list: Option<Value>| {
        let mut config = net.config().clone();
        if let Some(list) = list {
            config["cni.dev/valid-attachments"] = list;
        }
        host.invoke("host-local").command("GC").config(&config).run()
    };
    gc(None).succeeds().silent();
    gc(Some(Value::Null)).succeeds().silent();
    assert_eq!(files(&host), before);
    difference("host-local-gc", || {
        gc(Some(json!([]))).succeeds().silent();
        assert_eq!(reserved(&host), ["10.1.2.8", "10.1.2.9"]);
    });
}

/// Without a folder there is nothing to collect, and no reason to make one. A range that is wrong
/// now says nothing about the addresses that were given.
#[test]
fn gc_makes_nothing_and_minds_no_range() {
    if lacks_the_commands() {
        return;
    }
    let host = Host::new();
    plain(&host).gc(&[]).succeeds().silent();
    assert_eq!(files(&host), "");
    difference("host-local-gc", || {
        crowded(&host);
        network(&host, json!({ "ranges": 5 })).gc(&[]).succeeds().silent();
        assert_eq!(reserved(&host), ["10.1.2.8", "10.1.2.9"]);
    });
    let without = plain(&host).with_config("ipam", Value::Null);
    difference("host-local-gc", || {
        without.gc(&[]).fails(999, "IPAM config missing 'ipam' key");
    });
}

/// A killed process leaves a draft where the file system knows no files without names.
#[test]
fn drafts_are_collected() {
    if lacks_the_commands() {
        return;
    }
    difference("host-local-gc", || {
        let host = Host::new();
        put(&host, ".draft-1-2", "c1\r\neth0");
        plain(&host).gc(&[]).succeeds();
        assert_eq!(files(&host), "net1/\nnet1/lock \"\"\n");
    });
}

#[test]
fn status_tells_when_no_address_is_left() {
    if lacks_the_commands() {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let ranges = json!([[{ "subnet": "fd00::/64" }],
        [{ "subnet": "10.0.0.0/30" }, { "subnet": "10.0.1.0/30" }]]);
    let net = network(&host, json!({ "ranges": ranges }));
    net.status().succeeds().silent();
    assert_eq!(files(&host), "", "STATUS makes nothing");
    for id in ["a", "b"] {
        net.status().succeeds().silent();
        of(&net, id).add(&c1, "eth0").succeeds();
    }
    let exhausted = "no IP addresses available in range set: 10.0.0.1-10.0.0.2,10.0.1.1-10.0.1.2";
    difference("host-local-status", || {
        net.status().fails(50, exhausted);
    });
    of(&net, "a").del(&c1, "eth0").succeeds();
    net.status().succeeds().silent();
    put(&host, "10.0.0.2", "");
    net.status().succeeds();
    put(&host, "10.0.0.2", "x");
    difference("host-local-status", || {
        net.status().fails(50, exhausted);
    });
}

/// What no ADD can get past is an error of STATUS, too: 50 for what may change by itself.
#[test]
fn status_tells_what_add_would_stumble_over() {
    if lacks_the_commands() {
        return;
    }
    let host = Host::new();
    let ipam = |ipam: Value| network(&host, ipam);
    for (net, code, msg) in [
        (plain(&host).with_config("ipam", Value::Null), 999, "IPAM config missing 'ipam' key"),
        (ipam(json!({})), 999, "no IP ranges specified"),
        (ipam(json!({ "subnet": "x" })), 999, "invalid CIDR address: x"),
        (
            ipam(json!({ "subnet": "10.1.2.0/24", "resolvConf": "/run/absent" })),
            50,
            "open /run/absent: no such file or directory",
        ),
        (
            ipam(json!({ "subnet": "10.1.2.0/24", "dataDir": "/proc/version/x" })),
            50,
            "write in \"/proc/version/x/net1\": not a directory",
        ),
    ] {
        difference("host-local-status", || {
            net.status().fails(code, msg);
        });
    }
    host.sh(&format!(
        "mkdir -p {FOLDER}; mount -t tmpfs -o ro none {FOLDER}; ! touch {FOLDER}/x 2>&-"
    ));
    difference("host-local-status", || {
        let msg = format!("write in \"{FOLDER}\": read-only file system");
        plain(&host).status().fails(50, &msg);
    });
}
