//! Plugins that call plugins: how a delegate is found, what it gets, what is made of its result
//! (specification section 4).

use cni_testkit::{Host, against_reference, lacks_version};
use serde_json::json;

use crate::delegate::{FOLDER, WORKING, calls, install, network};
use crate::support::delegating;

/// Byte for byte the configuration, and the environment with nothing added or taken away.
#[test]
fn a_delegate_gets_the_same_environment_and_input() {
    let script = format!(
        "tr '\\0' '\\n' </proc/$$/environ | sort >/run/environment; cat >/run/input; {WORKING}"
    );
    for plugin in delegating() {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = network(plugin, &host, &script);
        let config = net.config().to_string();
        let mut input = format!(" {{ \"x\" :\t\"!\",\r\n{}\n\n", &config[1..]).into_bytes();
        let mark = input.iter().position(|&byte| byte == b'!').expect("the mark");
        input[mark] = 0xff;
        let net = net
            .with_stdin(input.clone())
            .with_args("IgnoreUnknown=1;K8S_POD_NAME=p")
            .with_env("CNI_NETNS_OVERRIDE", "0")
            .with_env("TRACEPARENT", "00-1-2-01");
        for command in ["ADD", "DEL"] {
            match command {
                "ADD" => drop(net.add(&c1, "eth0").succeeds()),
                _ => drop(net.del(&c1, "eth0").succeeds()),
            }
            let environment = host.sh("cat /run/environment");
            let without_path: Vec<&str> =
                environment.lines().filter(|line| !line.starts_with("PATH=")).collect();
            assert_eq!(
                without_path,
                [
                    "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAME=p",
                    &format!("CNI_COMMAND={command}"),
                    "CNI_CONTAINERID=c1",
                    "CNI_IFNAME=eth0",
                    &format!("CNI_NETNS={}", c1.netns_path()),
                    "CNI_NETNS_OVERRIDE=0",
                    &format!("CNI_PATH={FOLDER}"),
                    "TRACEPARENT=00-1-2-01",
                ]
            );
            let found = host.run(|| std::fs::read("/run/input").expect("what the delegate read"));
            assert_eq!(found, input);
        }
    }
}

/// One that speaks through it, such as dhcp, has to. Host-local and static do not.
#[test]
fn a_delegate_finds_the_interface_in_the_container() {
    let script = format!("nsenter --net=$CNI_NETNS ip link show $CNI_IFNAME >/dev/null; {WORKING}");
    for plugin in delegating() {
        // It asks for addresses first.
        if against_reference() && plugin.name == "ptp" {
            continue;
        }
        let host = Host::new();
        let c1 = host.container("c1");
        let net = network(plugin, &host, &format!("set -e; {script}"));
        net.add(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
    }
}

#[test]
fn every_command_is_passed_on() {
    for plugin in delegating() {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = network(plugin, &host, WORKING);
        net.add(&c1, "eth0").succeeds();
        net.check(&c1, "eth0").succeeds().silent();
        net.del(&c1, "eth0").succeeds().silent();
        assert_eq!(calls(&host), ["ADD", "CHECK", "DEL"]);
        if lacks_version(plugin.name, "1.1.0") {
            continue;
        }
        net.status().succeeds().silent();
        net.gc(&[(&c1, "eth0")]).succeeds().silent();
        assert_eq!(calls(&host), ["STATUS", "GC"]);
    }
}

/// The first regular file of that name; a link to one is one.
#[test]
fn the_first_file_of_the_search_path_is_the_delegate() {
    for plugin in delegating() {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = network(plugin, &host, WORKING);
        for name in ["first", "second"] {
            let script = format!("echo {name} >>/run/calls\n{WORKING}");
            install(&host, &format!("/run/{name}"), &script);
        }
        host.sh("mkdir -p /run/folder/scripted /run/link; ln -s /run/second/scripted /run/link");
        for (path, found) in [
            ("/run/first:/run/second", "first"),
            ("/run/second:/run/first", "second"),
            ("/run/absent:/run/folder:/run/first", "first"),
            ("/run/link:/run/first", "second"),
            ("/run/first/", "first"),
        ] {
            let net = net.with_env("CNI_PATH", path);
            net.add(&c1, "eth0").succeeds();
            net.del(&c1, "eth0").succeeds();
            assert_eq!(calls(&host), ["ADD", found, "DEL", found], "{path}");
        }
    }
}

/// A delegate may answer in its own version, or in none: then it is the configuration's.
#[test]
fn results_of_other_versions_are_converted() {
    let versioned = [
        ("0.1.0", r#""ip4":{"ip":"10.1.2.9/24","gateway":"10.1.2.1"}"#),
        ("0.2.0", r#""ip4":{"ip":"10.1.2.9/24","gateway":"10.1.2.1"}"#),
        ("0.3.1", r#""ips":[{"version":"4","address":"10.1.2.9/24","gateway":"10.1.2.1"}]"#),
        ("1.0.0", r#""ips":[{"address":"10.1.2.9/24","gateway":"10.1.2.1"}]"#),
    ];
    for plugin in delegating() {
        for (of_config, _) in versioned {
            for (of_result, keys) in versioned {
                let host = Host::new();
                let c1 = host.container("c1");
                let inherited = of_config == of_result;
                let version = if inherited { "" } else { of_result };
                let script = format!("echo '{{\"cniVersion\":\"{version}\",{keys}}}'");
                let net =
                    network(plugin, &host, &script).with_config("cniVersion", json!(of_config));
                let result = net.add(&c1, "eth0").succeeds().result();
                assert_eq!(result["cniVersion"], of_config);
                let address = if of_config < "0.3" {
                    &result["ip4"]["ip"]
                } else {
                    &result["ips"][0]["address"]
                };
                assert_eq!(address, "10.1.2.9/24", "{of_result} in {of_config}: {result}");
            }
        }
    }
}

/// What a delegate has to say to people arrives although it succeeded.
#[test]
fn standard_error_of_a_delegate_is_passed_on() {
    for plugin in delegating() {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = network(plugin, &host, &format!("echo careful >&2\n{WORKING}"));
        let outcome = net.add(&c1, "eth0").exits(0);
        assert_eq!(outcome.stderr(), "careful\n");
        assert!(outcome.stdout().starts_with(b"{") && outcome.stdout().ends_with(b"}"));
    }
}

/// A package manager may be writing the executable at this very moment.
#[test]
fn a_delegate_that_is_being_written_is_tried_again() {
    for plugin in delegating() {
        let host = Host::new();
        let c1 = host.container("c1");
        // Only an executable is busy while it is open for writing, not a script.
        let net = network(plugin, &host, WORKING);
        host.sh(&format!("cp /bin/busybox {FOLDER}/scripted"));
        let held = host.run(|| {
            let path = format!("{FOLDER}/scripted");
            std::fs::OpenOptions::new().append(true).open(path).expect("the delegate")
        });
        let writer = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(300));
            drop(held);
        });
        // busybox has no applet of this name, and says so: it was started after all.
        net.add(&c1, "eth0").fails_with(0, "scripted: applet not found");
        writer.join().expect("the writer ends");
    }
}
