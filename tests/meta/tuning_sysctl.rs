//! tuning: kernel settings of the container's network, and what may not be set.

use cni_testkit::{Container, Host, against_reference, difference, lacks_release};
use serde_json::{Value, json};

use crate::tuned::{attached, network};

const NAME: &str = "net.ipv4.conf.IFNAME.arp_ignore";

fn setting(container: &Container, name: &str) -> String {
    container.sh(&format!("cat /proc/sys/net/ipv4/conf/eth0/{name}")).trim().to_owned()
}

/// Some settings depend on others; the reference writes them in any order.
#[test]
fn settings_are_written_in_the_order_of_the_document() {
    if against_reference() {
        return;
    }
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let net = network(&host, &c1, json!({}));
    let config = net.config().to_string();
    let prev = crate::tuned::previous(&c1, "1.0.0");
    for (sysctl, value) in [
        (r#"{"net.ipv4.conf.IFNAME.arp_ignore":"1","net/ipv4/conf/IFNAME/arp_ignore":"2"}"#, "2"),
        (r#"{"net/ipv4/conf/IFNAME/arp_ignore":"2","net.ipv4.conf.IFNAME.arp_ignore":"1"}"#, "1"),
    ] {
        let stdin =
            format!("{},\"prevResult\":{prev},\"sysctl\":{sysctl}}}", &config[..config.len() - 1]);
        net.with_stdin(stdin).add(&c1, "eth0").succeeds();
        assert_eq!(setting(&c1, "arp_ignore"), value);
    }
}

#[test]
fn keys_have_dots_or_slashes_and_the_interfaces_name() {
    // Older releases replace the dots of the name, too.
    if lacks_release("1.5.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    c1.sh("ip link add eth0.7 type veth peer name far");
    let keys = json!({ "sysctl": {
        "net.ipv4.conf.IFNAME.arp_ignore": "1", "net/ipv4/conf/IFNAME/arp_announce": "2",
        "net.core.somaxconn": "77", "net.ipv4.tcp_wmem": "4096 16384 65536" } });
    let net = network(&host, &c1, keys);
    net.add(&c1, "eth0.7").succeeds();
    let shown = c1
        .sh("cd /proc/sys/net; cat ipv4/conf/eth0.7/arp_ignore ipv4/conf/eth0.7/arp_announce \
         core/somaxconn ipv4/tcp_wmem");
    assert_eq!(shown, "1\n2\n77\n4096\t16384\t65536\n");
    assert_eq!(host.sh("cat /proc/sys/net/core/somaxconn").trim(), "4096");
    difference("tuning-check-blanks", || drop(net.check(&c1, "eth0.7").succeeds()));
    net.del(&c1, "eth0.7").succeeds();
    assert_eq!(c1.sh("cat /proc/sys/net/core/somaxconn"), "77\n");
}

#[test]
fn the_containers_own_settings_go_first() {
    // Older releases look for a setting of the interface "IFNAME".
    if lacks_release("1.5.0") {
        return;
    }
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let own = json!({ "cni": { "sysctl": { NAME: "2", "net.ipv4.conf.IFNAME.arp_notify": "1" } } });
    let keys = json!({ "sysctl": { NAME: "1" }, "args": own });
    let net = network(&host, &c1, keys);
    net.add(&c1, "eth0").succeeds();
    net.check(&c1, "eth0").succeeds();
    assert_eq!((setting(&c1, "arp_ignore"), setting(&c1, "arp_notify")), ("2".into(), "1".into()));
    net.del(&c1, "eth0").succeeds();
    // The reference crashes.
    let alone = network(&host, &c1, json!({ "args": { "cni": { "sysctl": { NAME: "1" } } } }));
    difference("tuning-container-sysctl-alone", || {
        alone.add(&c1, "eth0").succeeds();
        assert_eq!(setting(&c1, "arp_ignore"), "1");
        alone.check(&c1, "eth0").succeeds();
        alone.del(&c1, "eth0").succeeds();
    });
}

fn refused(sysctl: Value, msg: &str) {
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let net = network(&host, &c1, json!({ "sysctl": sysctl }));
    net.add(&c1, "eth0").fails(999, msg);
    assert_eq!(setting(&c1, "arp_ignore"), "0");
}

#[test]
fn only_settings_of_the_network_can_be_set() {
    let host_name = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a host name");
    // Older releases show the key as it was written.
    let keys = match lacks_release("1.5.0") {
        true => &["kernel/hostname"][..],
        false => &["kernel/hostname", "kernel.hostname", "/kernel/hostname"],
    };
    for key in keys {
        let spelled = key.replace('.', "/");
        refused(json!({ *key: "x" }), &format!("invalid net sysctl key: \"{spelled}\""));
    }
    difference("tuning-dots", || {
        refused(
            json!({ "net/../kernel/hostname": "x" }),
            "invalid net sysctl key: \"net////kernel/hostname\"",
        );
    });
    let missing = "open /proc/sys/net/kernel/hostname: no such file or directory";
    refused(json!({ "net.kernel.hostname": "x" }), missing);
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/hostname").ok(), Some(host_name));
}

#[test]
fn a_setting_is_named_once() {
    // Older releases do not mind.
    if lacks_release("1.5.0") {
        return;
    }
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let twice = format!(
        "{{\"cniVersion\":\"1.0.0\",\"name\":\"net1\",\"type\":\"tuning\",\"prevResult\":{{}},\
         \"sysctl\":{{\"{NAME}\":\"1\",\"net.a\":\"1\",\"{NAME}\":\"1\"}}}}"
    );
    let net = network(&host, &c1, json!({})).with_stdin(twice);
    net.add(&c1, "eth0").fails(999, "duplicated sysctl keys are not allowed");
    net.check(&c1, "eth0").fails(999, "duplicated sysctl keys are not allowed");
    net.del(&c1, "eth0").succeeds();
    assert_eq!(setting(&c1, "arp_ignore"), "0");
}

/// The one setting is good, the next is not.
#[test]
fn a_failed_add_takes_settings_back() {
    let host = Host::new();
    let c1 = attached(&host, "c1");
    for (key, value, msg) in [
        (
            "net.ipv4.conf.IFNAME.absent",
            "1",
            "open /proc/sys/net/ipv4/conf/eth0/absent: no such file or directory",
        ),
        (
            "net.ipv4.conf.IFNAME.arp_notify",
            "x",
            "write /proc/sys/net/ipv4/conf/eth0/arp_notify: invalid argument",
        ),
    ] {
        let first = "net.ipv4.ip_local_reserved_ports";
        let net =
            network(&host, &c1, json!({ "sysctl": { NAME: "1", first: "8080", key: value } }));
        // In any order of the reference's, but for luck.
        let failure = net.add(&c1, "eth0").fails(999, msg);
        if !against_reference() {
            failure.details_mention(c1.netns_path());
            assert_eq!(setting(&c1, "arp_ignore"), "0");
            assert_eq!(c1.sh("cat /proc/sys/net/ipv4/ip_local_reserved_ports"), "\n");
        }
    }
}

/// Where something else is mounted over the settings, files and links are none.
#[test]
fn what_is_no_setting_is_not_written() {
    let host = Host::new();
    let c1 = attached(&host, "c1");
    host.sh("mount --bind /proc/sys /run/netns; mount -t tmpfs none /proc/sys
         mkdir /proc/sys/net; cd /proc/sys/net
         echo precious >file; ln -s /run/netns/net/core/somaxconn link");
    difference("tuning-no-setting", || {
        for (name, cause) in
            [("file", "invalid argument"), ("link", "too many levels of symbolic links")]
        {
            let net = network(&host, &c1, json!({ "sysctl": { format!("net.{name}"): "77" } }));
            net.add(&c1, "eth0").fails_with(999, cause);
        }
        assert_eq!(host.sh("cat /proc/sys/net/file"), "precious\n");
        assert_ne!(c1.sh("cat /run/netns/net/core/somaxconn"), "77\n");
    });
}

#[test]
fn the_administrator_may_allow_some_settings_only() {
    // With older releases an empty line allows everything.
    if lacks_release("1.5.0") {
        return;
    }
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let allow = |lines: &str| {
        host.sh(&format!(
            "mkdir -p /etc/cni/tuning; printf '%s' '{lines}' >/etc/cni/tuning/allowlist.conf"
        ));
    };
    let net = network(&host, &c1, json!({ "sysctl": { NAME: "1" } }));
    let own = json!({ "cni": { "sysctl": { "net.core.somaxconn": "77" } } });
    allow("^net\\.ipv4\\.conf\\.\\w+\\.arp_announce$\n\n  somaxconn \n");
    let refused = "is not allowed. Only the following sysctls are allowed: \
                   [^net\\.ipv4\\.conf\\.\\w+\\.arp_announce$ somaxconn]";
    net.add(&c1, "eth0").fails(999, &format!("Sysctl {NAME} {refused}"));
    assert_eq!(setting(&c1, "arp_ignore"), "0");
    net.del(&c1, "eth0").succeeds();
    network(&host, &c1, json!({ "mtu": 1400 })).add(&c1, "eth0").succeeds();

    allow("arp_announce\n^net\\.ipv4\\.conf\\.[A-Z]+\\.arp_.*$");
    net.add(&c1, "eth0").succeeds();
    assert_eq!(setting(&c1, "arp_ignore"), "1");
    net.check(&c1, "eth0").succeeds();
    // What is said about the container is not exempt, and a list may allow nothing.
    let more = net.with_config("args", own);
    more.add(&c1, "eth0").fails_with(999, "Sysctl net.core.somaxconn is not allowed.");
    allow("");
    let nothing =
        format!("Sysctl {NAME} is not allowed. Only the following sysctls are allowed: []");
    net.add(&c1, "eth0").fails(999, &nothing);
    allow("[");
    net.add(&c1, "eth0").fails_with(999, "error parsing regexp: ");
    net.check(&c1, "eth0").succeeds();
    host.sh("rm /etc/cni/tuning/allowlist.conf; mkdir /etc/cni/tuning/allowlist.conf");
    net.add(&c1, "eth0").fails_with(999, "is a directory");
}
