//! dhcp: called by bridge, and its daemon.

use std::path::Path;

use cni_testkit::{Container, Daemon, Host, Mode, Network, Outcome, for_each_fault, plugin_dir};
use serde_json::json;

use crate::networks::bridge;
use crate::stage::{Fate, Stage};

const SOCKET: &str = "/run/cni/dhcp.sock";

/// A bridge with a server behind it, and a daemon on the host.
struct World {
    host: Host,
    _server: (Container, Daemon),
    _daemon: Option<Daemon>,
}

impl World {
    fn new() -> Self {
        let mut world = Self::without_daemon();
        let daemon = plugin_dir().join("dhcp");
        let daemon = daemon.to_str().expect("a path that is text").to_owned();
        world._daemon = Some(world.host.daemon(&[&daemon, "daemon"]));
        world.waits_for(SOCKET);
        world
    }

    fn without_daemon() -> Self {
        let host = Host::new();
        let server = host.container("server");
        host.sh(&format!(
            "ip link add cni0 up type bridge
             ip link add port up master cni0 type veth peer name eth0 netns {}",
            server.netns_path()
        ));
        server.sh("echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad
            ip addr add 192.168.1.1/24 dev eth0; ip link set eth0 up
            ip addr add fd00:1::1/64 dev eth0 nodad");
        let daemon = server.daemon(&[
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--user=root",
            "--port=0",
            "--interface=eth0",
            "--pid-file=/run/dnsmasq.pid",
            "--no-ping",
            "--dhcp-leasefile=/run/dnsmasq.leases",
            "--log-facility=/run/server.log",
            "--dhcp-range=192.168.1.5,192.168.1.250,255.255.255.0,2m",
            "--dhcp-range=fd00:1::10,fd00:1::ff,64,2m",
        ]);
        let world = Self { host, _server: (server, daemon), _daemon: None };
        world.waits_for("/run/dnsmasq.pid");
        world
    }

    fn waits_for(&self, path: &str) {
        self.host.sh(&format!(
            "for i in $(seq 100); do [ -e {path} ] && exit; sleep 0.05; done; exit 1"
        ));
    }

    fn networks(&self) -> [Network<'_>; 2] {
        let with = |ipam| bridge(&self.host, json!({ "ipam": ipam }));
        [with(json!({ "type": "dhcp" })), with(json!({ "type": "dhcp", "ipv6": "dhcp" }))]
    }
}

#[test]
fn bridge_survives_a_broken_add_of_its_delegate() {
    for mode in [Mode::Fail, Mode::Kill] {
        let world = World::new();
        for network in world.networks() {
            Stage::new(&world.host, network).add_fails_cleanly(mode, "dhcp");
        }
    }
}

#[test]
fn a_killed_add_is_cleaned_up_by_del() {
    for fate in [Fate::Lives, Fate::Dies] {
        let world = World::new();
        for network in world.networks() {
            Stage::new(&world.host, network).del_follows_a_killed_add(fate);
        }
    }
}

#[test]
fn a_broken_del_is_finished_by_another() {
    for mode in [Mode::Fail, Mode::Kill] {
        let world = World::new();
        for network in world.networks() {
            Stage::new(&world.host, network).del_is_finished_by_another(mode, "dhcp");
        }
    }
}

/// Whatever a daemon was about to do when it died, the next one and a DEL leave nothing.
#[test]
fn a_broken_daemon_is_followed_by_another() {
    for mode in [Mode::Fail, Mode::Kill] {
        daemons_break(mode, 0);
    }
}

#[test]
fn a_daemon_that_is_broken_over_ipv6_is_followed_by_another() {
    for mode in [Mode::Fail, Mode::Kill] {
        daemons_break(mode, 1);
    }
}

/// Breaks a daemon at each of its effects for one of the networks.
fn daemons_break(mode: Mode, network: usize) {
    let world = World::without_daemon();
    let net = &world.networks()[network];
    let c1 = world.host.container("c1");
    let before = world.host.world();
    let start = |environment: &str, folder: &Path| {
        let command = format!("{environment} exec {}/dhcp daemon", folder.display());
        let daemon = world.host.daemon(&["sh", "-c", &command]);
        world.waits_for(SOCKET);
        daemon
    };
    let stop = |daemon: Daemon| {
        daemon.stop();
        world.host.sh(&format!("rm -f {SOCKET}"));
    };
    for_each_fault(mode, "dhcp", |fault, _| {
        let (setting, mark) = (fault.setting(), fault.mark().display());
        let broken = start(&format!("CNI_FAULT={setting} CNI_FAULT_MARK={mark}"), fault.plugins());
        // It may break during either.
        let outcomes = [net.add(&c1, "eth0"), net.del(&c1, "eth0")];
        stop(broken);
        if fault.hit().is_none() {
            let _ = outcomes.map(Outcome::succeeds);
        }
        let good = start("", &plugin_dir());
        net.del(&c1, "eth0").succeeds();
        stop(good);
        world.host.returns_to(&before);
    });
}
