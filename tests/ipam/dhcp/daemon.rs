//! The daemon as a process: how it starts, stops, and bears with its clients.

use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use std::{fs, thread};

use cni_testkit::{Host, difference, lacks_release, plugin_dir};
use serde_json::json;

use super::stage::{RANGE, Stage, given, wait_for};

const SOCKET: &str = "/run/cni/dhcp.sock";

#[test]
fn without_a_daemon_add_says_how_to_start_it() {
    let stage = Stage::new();
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    let why = "error dialing DHCP daemon: dial unix /run/cni/dhcp.sock: connect: no such file or directory";
    let failure = net.add(&c1, "eth0").fails(999, why);
    difference("dhcp-start-hint", || {
        failure.details_mention("systemctl enable --now cni-dhcp.socket");
    });
    difference("dhcp-status", || drop(net.status().fails(50, why)));
    let elsewhere = stage.network(json!({ "daemonSocketPath": "/run/other.sock" }));
    elsewhere.add(&c1, "eth0").fails_with(999, "dial unix /run/other.sock: connect: ");
    difference("dhcp-del-without-daemon", || drop(net.del(&c1, "eth0").succeeds()));
}

#[test]
fn the_socket_is_for_root_and_its_group_and_replaces_a_stale_one() {
    let stage = Stage::new();
    let first = stage.daemon(&[]);
    let mode = stage.host.run(|| {
        let socket = fs::metadata(SOCKET).expect("the socket");
        (socket.file_type().is_socket(), socket.permissions().mode() & 0o777)
    });
    difference("dhcp-socket-mode", || assert_eq!(mode, (true, 0o660)));
    difference("dhcp-stale-socket", || {
        let second = refused(&stage.host, &[]);
        assert!(second.contains("Error getting listener: listen unix /run/cni/dhcp.sock: bind: address already in use"), "{second}");
        first.stop();
        assert!(stage.exists(SOCKET), "a killed daemon leaves it behind");
        let _second = stage.daemon_again(&[]);
    });
}

#[test]
fn a_daemon_that_is_told_to_stop_leaves_neither_socket_nor_pid_file() {
    if lacks_release("1.9.1") {
        return;
    }
    let stage = Stage::new();
    let executable = plugin_dir().join("dhcp");
    for signal in ["TERM", "INT"] {
        let command = format!(
            "{} daemon -pidfile /run/dhcp.pid; echo ended with $? >/run/{signal}",
            executable.display()
        );
        let _daemon = stage.host.daemon(&["sh", "-c", &command]);
        wait_for("the socket", || stage.exists(SOCKET));
        stage.host.sh(&format!("kill -{signal} $(cat /run/dhcp.pid)"));
        let end = format!("/run/{signal}");
        wait_for("the end", || stage.read(&end).is_some_and(|text| text.ends_with('\n')));
        assert_eq!(stage.read(&end).as_deref(), Some("ended with 0\n"));
        assert!(!stage.exists("/run/dhcp.pid") && !stage.exists(SOCKET));
    }
}

#[test]
fn a_command_line_that_is_wrong_is_told() {
    let host = Host::new();
    assert!(
        refused(&host, &["-nonsense"])
            .starts_with("flag provided but not defined: -nonsense\nUsage of daemon:\n")
    );
    assert!(
        refused(&host, &["-pidfile", "x"])
            .contains("Error writing pidfile \"x\": path not absolute")
    );
    let help = host.invoke("dhcp").args(&["daemon", "-h"]).run().exits(0);
    difference("dhcp-usage", || assert!(help.stderr().contains("(default 3m28s)")));
}

/// What a daemon that does not start says.
fn refused(host: &Host, flags: &[&str]) -> String {
    let outcome = host.invoke("dhcp").args(&["daemon"]).args(flags).run();
    assert!(!outcome.is_success());
    outcome.stderr()
}

#[test]
fn the_host_may_be_below_a_prefix() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    stage.host.sh("mkdir -p /run/host/proc /run/host/run; mount --bind /proc /run/host/proc
        mount --bind /run /run/host/run");
    let executable = plugin_dir().join("dhcp");
    let executable = executable.to_str().expect("a path that is text");
    let _daemon = stage.host.daemon(&[executable, "daemon", "-hostprefix", "/run/host"]);
    wait_for("the socket", || stage.exists(SOCKET));
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    net.add(&c1, "eth0").succeeds();
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
}

#[test]
fn a_service_manager_may_hand_over_the_socket() {
    if lacks_release("1.9.1") {
        return;
    }
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    let executable = plugin_dir().join("dhcp");
    // What systemd does, in a language that has a name for it.
    let script = format!(
        "import os, socket
s = socket.socket(socket.AF_UNIX)
s.bind('{SOCKET}')
s.listen()
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')
os.execv('{0}', ['{0}', 'daemon'])",
        executable.display()
    );
    let daemon = stage.host.daemon(&["python3", "-c", &script]);
    // Bound, it exists; and then it has to listen.
    let is_listening = || stage.host.run(|| UnixStream::connect(SOCKET)).is_ok();
    wait_for("the socket", is_listening);
    let c1 = stage.container("c1");
    stage.network(json!({})).add(&c1, "eth0").succeeds();
    stage.host.sh(&format!("kill -TERM {}", daemon.id()));
    thread::sleep(Duration::from_millis(200));
    difference("dhcp-activation-socket", || assert!(stage.exists(SOCKET), "it is not ours"));
}

#[test]
fn silent_and_malformed_clients_delay_nobody() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    let _daemon = stage.daemon(&[]);
    let connect = || stage.host.run(|| UnixStream::connect(SOCKET)).expect("connected");
    let silent: Vec<UnixStream> = (0..50).map(|_| connect()).collect();
    let mut half = connect();
    half.write_all(b"CONNECT /_goRPC_ HTTP").expect("sent");
    for nonsense in [
        &b"CONNECT /_goRPC_ HTTP/1.0\n\n\xf8\xff\xff\xff\xff\xff\xff\xff\xff"[..],
        b"CONNECT /_goRPC_ HTTP/1.0\n\n\x03\x04\x00\x00",
    ] {
        let mut client = connect();
        client.write_all(nonsense).expect("sent");
        let mut answer = Vec::new();
        // The reference answers nonsense with an error, or not at all.
        client.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout");
        let _ = client.read_to_end(&mut answer);
        assert!(answer.starts_with(b"HTTP/1.0 200 Connected to Go RPC\n\n"));
    }
    let mut browser = connect();
    browser.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("sent");
    let mut answer = String::new();
    browser.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("404 Not Found"), "{answer}");

    let c1 = stage.container("c1");
    let added = stage.network(json!({})).add(&c1, "eth0").succeeds();
    assert!(added.elapsed() < Duration::from_secs(2), "{:?}", added.elapsed());
    drop(silent);
}

/// A stream of gob that asks for nothing that exists: definitions first, then calls without end.
const DEFINITIONS: &str = "2e7f030101075265717565737401ff80000102010d536572766963654d6574686f64010c0001035365710106000000\
    0aff81030102ff82000000";
const CALL: &str = "06ff8001015800";
const ARGUMENTS: &str = "03ff8200";

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("a byte");
    (0..hex.len()).step_by(2).map(byte).collect()
}

#[test]
fn a_client_that_takes_no_answers_is_not_heard_any_more() {
    let stage = Stage::new();
    let daemon = stage.daemon(&[]);
    let mut client = stage.host.run(|| UnixStream::connect(SOCKET)).expect("connected");
    client.write_all(b"CONNECT /_goRPC_ HTTP/1.0\n\n").expect("sent");
    client.write_all(&bytes(DEFINITIONS)).expect("sent");
    client.set_write_timeout(Some(Duration::from_secs(1))).expect("a timeout");
    let calls = [bytes(CALL), bytes(ARGUMENTS)].concat().repeat(50);
    let taken = (0..20_000).take_while(|_| client.write_all(&calls).is_ok()).count();
    assert!(taken < 20_000, "the daemon has taken {taken} times 50 calls");
    let memory = fs::read_to_string(format!("/proc/{}/status", daemon.id())).expect("a process");
    let resident = memory.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|line| line.split_whitespace().next()?.parse().ok());
    let resident: u32 = resident.expect("a number of KiB");
    assert!(resident < 40_000, "{resident} KiB");
    let c1 = stage.container("c1");
    stage.network(json!({})).del(&c1, "eth0").succeeds();
}

#[test]
fn a_configuration_without_ipam_hurts_nobody() {
    let stage = Stage::new();
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    difference("dhcp-without-ipam", || {
        let net = stage.network(json!({})).with_config("ipam", json!(null));
        net.add(&c1, "eth0").fails_with(999, "IPAM config missing 'ipam' key");
    });
}

#[test]
fn leases_are_listed_for_people() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&["--dhcp-range=192.168.1.5,192.168.1.5,255.255.255.0,2m"]);
    let _daemon = stage.daemon(&[]);
    let list = || {
        let outcome = stage.host.invoke("dhcp").args(&["leases"]).run();
        String::from_utf8_lossy(outcome.stdout()).into_owned()
    };
    difference("dhcp-leases", || {
        assert_eq!(list(), "CONTAINER  NETWORK  INTERFACE  ADDRESS  SERVER  SECONDS LEFT\n");
        let c1 = stage.container("c1");
        stage.network(json!({})).add(&c1, "eth0").succeeds();
        let line = list().lines().nth(1).unwrap_or_default().to_owned();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..5], ["c1", "net1", "eth0", "192.168.1.5/24", "192.168.1.1"]);
        assert!((100..=120).contains(&words[5].parse().unwrap_or(0)), "{line}");
    });
}

#[test]
fn the_command_lines_help_names_every_role() {
    let stage = Stage::new();
    difference("dhcp-leases", || {
        let help = stage.host.invoke("dhcp").args(&["--help"]).run();
        let help = String::from_utf8_lossy(help.stdout()).into_owned();
        for role in ["  add ", "  daemon ", "  leases "] {
            assert!(help.contains(role), "{help}");
        }
    });
}

#[test]
fn two_hundred_interfaces_get_their_leases_at_once() {
    // It takes minutes when packets are lost.
    if lacks_release("1.9.1") {
        return;
    }
    let stage = Stage::new();
    let _server = stage.dnsmasq(&["--dhcp-range=192.168.1.5,192.168.1.250,255.255.255.0,2m"]);
    let daemon = stage.daemon(&[]);
    let net = stage.network(json!({}));
    let c1 = stage.container("c1");
    stage.host.sh(&format!(
        "for i in $(seq 1 200); do
           echo link add p$i up master br0 type veth peer name n$i netns {}
         done | ip -batch -",
        c1.netns_path()
    ));
    let names: Vec<String> = (1..=200).map(|number| format!("n{number}")).collect();
    let mut addresses: Vec<String> = thread::scope(|scope| {
        let adding = names.iter().map(|name| scope.spawn(|| given(&net, &c1, name)));
        let adding: Vec<_> = adding.collect();
        adding.into_iter().map(|adding| adding.join().expect("an address")).collect()
    });
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 200);
    let threads = fs::read_dir(format!("/proc/{}/task", daemon.id())).expect("a process").count();
    difference("dhcp-one-thread", || assert!(threads <= 2, "{threads} threads"));
    net.gc(&[]).succeeds();
    difference("dhcp-gc", || assert_eq!(stage.records(), 0));
}
