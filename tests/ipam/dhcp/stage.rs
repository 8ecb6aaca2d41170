//! A host with a bridge, a DHCP server behind it, and the daemon.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use cni_testkit::{Container, Daemon, Host, Namespace, Network, lacks_release, plugin_dir};
use serde_json::{Value, json};

/// Longer than anything that is waited for.
const LIMIT: Duration = Duration::from_secs(20);

/// The machine; what runs on it is up to the test.
pub struct Stage {
    pub host: Host,
    pub server: Container,
}

impl Stage {
    /// Makes the bridge `br0` and a container `server` behind it, with 192.168.1.1.
    pub fn new() -> Self {
        let host = Host::new();
        // With an address of its own, or it would have that of one of its ports.
        host.sh("ip link add br0 address 02:00:00:00:00:01 up type bridge");
        let server = host.container("server");
        let stage = Self { host, server };
        stage.cable(&stage.server);
        stage.server.sh("ip link set lo up; ip addr add 192.168.1.1/24 dev eth0");
        stage
    }

    /// The same for a server that is a [`Script`](super::script::Script), whose packets have no
    /// checksum yet: older releases of the reference do not take them.
    pub fn scripted() -> Option<Self> {
        (!lacks_release("1.9.1")).then(Self::new)
    }

    /// Makes a container with `eth0`, which is up, on the bridge.
    pub fn container(&self, name: &str) -> Container {
        let container = self.host.container(name);
        self.cable(&container);
        container
    }

    fn cable(&self, container: &Container) {
        self.plug(container, container.name(), "eth0");
    }

    /// Gives a container another interface on the bridge, `eth1`.
    pub fn second_interface(&self, container: &Container) {
        self.plug(container, &format!("{}-1", container.name()), "eth1");
    }

    fn plug(&self, container: &Container, port: &str, ifname: &str) {
        let netns = container.netns_path();
        self.host.sh(&format!(
            "ip link add {port} up master br0 type veth peer name {ifname} netns {netns}"
        ));
        container.sh(&format!("ip link set {ifname} up"));
    }

    /// Starts the daemon under test with these flags more, and waits for its socket.
    pub fn daemon(&self, flags: &[&str]) -> Daemon {
        self.daemon_of(&plugin_dir(), flags)
    }

    /// Starts the daemon of another folder.
    pub fn daemon_of(&self, plugins: &Path, flags: &[&str]) -> Daemon {
        let executable = plugins.join("dhcp");
        let executable = executable.to_str().expect("a path that is text");
        let daemon = self.host.daemon(&[&[executable, "daemon"], flags].concat());
        wait_for("the daemon's socket", || self.exists("/run/cni/dhcp.sock"));
        daemon
    }

    /// Starts the daemon under test where another one has left its socket, and waits until it
    /// answers.
    pub fn daemon_again(&self, flags: &[&str]) -> Daemon {
        let executable = plugin_dir().join("dhcp");
        let executable = executable.to_str().expect("a path that is text");
        let daemon = self.host.daemon(&[&[executable, "daemon"], flags].concat());
        wait_for("the daemon's answer", || self.network(json!({})).status().is_success());
        daemon
    }

    /// Starts dnsmasq on the server with these options more.
    pub fn dnsmasq(&self, options: &[&str]) -> Daemon {
        let daemon = self.server.daemon(
            &[
                &[
                    "dnsmasq",
                    "--keep-in-foreground",
                    "--conf-file=/dev/null",
                    "--user=root",
                    "--port=0",
                    "--interface=eth0",
                    "--pid-file=/run/dnsmasq.pid",
                    "--dhcp-leasefile=/run/dnsmasq.leases",
                    "--dhcp-authoritative",
                    "--no-ping",
                    "--log-dhcp",
                    "--log-facility=/run/server.log",
                ],
                options,
            ]
            .concat(),
        );
        self.wait_for_log("DHCP, IP range");
        daemon
    }

    /// Waits until the server has written this; returns the whole log.
    pub fn wait_for_log(&self, text: &str) -> String {
        wait_for(text, || self.log().contains(text));
        self.log()
    }

    /// What the server has written.
    pub fn log(&self) -> String {
        self.read("/run/server.log").unwrap_or_default()
    }

    /// The network `net1` of dhcp alone, with these keys more in `ipam`.
    pub fn network(&self, ipam: Value) -> Network<'_> {
        let mut config =
            json!({ "cniVersion": "1.1.0", "name": "net1", "type": "dhcp", "ipam": ipam });
        config["ipam"]["type"] = "dhcp".into();
        self.host.network(config)
    }

    pub fn exists(&self, path: &str) -> bool {
        let path = PathBuf::from(path);
        self.host.run(move || path.exists())
    }

    pub fn read(&self, path: &str) -> Option<String> {
        let path = PathBuf::from(path);
        self.host.run(move || fs::read(path)).ok().map(|text| String::from_utf8_lossy(&text).into())
    }

    /// How many leases the daemon has on record.
    pub fn records(&self) -> usize {
        let count = || fs::read_dir("/run/cni/dhcp.leases").map_or(0, Iterator::count);
        self.host.run(count)
    }
}

/// dnsmasq's options for addresses from 192.168.1.5 on, for the shortest time it allows.
pub const RANGE: &str = "--dhcp-range=192.168.1.5,192.168.1.250,255.255.255.0,2m";

/// Waits until something is so.
#[track_caller]
pub fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LIMIT, "should happen within {LIMIT:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The address that an ADD gives.
#[track_caller]
pub fn given(network: &Network<'_>, container: &Container, ifname: &str) -> String {
    let result = network.add(container, ifname).succeeds().result();
    result["ips"][0]["address"].as_str().unwrap_or_default().to_owned()
}

/// Whether a link is up.
pub fn is_up(namespace: &Namespace, link: &str) -> bool {
    namespace.exec(&["ip", "link", "show", "dev", link, "up"]).contains(link)
}
