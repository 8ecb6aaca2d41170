//! A node with a network of every plugin, and containers that are in all of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use cni_testkit::{Container, Daemon, Host, Outside, plugin_dir};
use serde_json::{Value, json};

use super::lists::{self, NETWORKS, device_network};
use crate::reference::PLUGINS;
use crate::tool::{Tool, container_id};

/// Longer than a daemon takes to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whose runtime and plugins are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    Ours,
    Reference,
}

impl Set {
    fn plugins(self) -> PathBuf {
        match self {
            Self::Ours => plugin_dir(),
            Self::Reference => PLUGINS.into(),
        }
    }
}

/// Two places of plugins and a runtime for each, on a host whose firewall lets nothing through.
pub struct Node {
    pub host: Host,
    pub outside: Outside,
    /// Every address that was given, with its holder, also when that one has gone; but those of the
    /// DHCP server.
    given: Mutex<BTreeMap<String, String>>,
    _dhcp_server: Daemon,
}

/// The containers from here on have no device of the host's: it would end with them.
pub const WITHOUT_DEVICE: usize = 7;

impl Node {
    /// Makes the node, without any container.
    pub fn new() -> Self {
        let host = Host::new();
        let outside = host.outside();
        for table in ["iptables", "ip6tables"] {
            host.sh(&format!(
                "{table} --policy FORWARD DROP
                 {table} --append FORWARD -m conntrack --ctstate DNAT -j ACCEPT"
            ));
        }
        for number in 0..WITHOUT_DEVICE {
            host.sh(&format!("ip link add dev{number} type veth peer name far{number}"));
        }
        outside.exec(&["ip", "address", "add", "198.51.100.1/24", "dev", "eth0"]);
        // It shares the host's mounts, so its files are in the host's /run.
        let server = outside.daemon(&[
            "dnsmasq",
            // It would give up groups, which the root of a user namespace may not.
            "--no-daemon",
            "--conf-file=/dev/null",
            "--port=0",
            "--interface=eth0",
            "--pid-file=/run/dnsmasq.pid",
            "--dhcp-leasefile=/run/dnsmasq.leases",
            "--no-ping",
            "--dhcp-option=3",
            "--dhcp-range=198.51.100.10,198.51.100.250,255.255.255.0,2m",
        ]);
        let node = Self { host, outside, given: Mutex::default(), _dhcp_server: server };
        // The runtimes' folders.
        let _ = Tool::ours(&node.host);
        lists::configure(&node.host, WITHOUT_DEVICE);
        node
    }

    /// Starts a set's daemon for DHCP and waits for its socket.
    pub fn dhcp_daemon(&self, set: Set) -> Daemon {
        let executable = set.plugins().join("dhcp");
        let daemon = self.host.daemon(&[&executable.display().to_string(), "daemon"]);
        let start = Instant::now();
        while !self.host.run(|| Path::new("/run/cni/dhcp.sock").exists()) {
            assert!(start.elapsed() < PATIENCE, "the daemon for DHCP should have its socket");
            thread::sleep(Duration::from_millis(10));
        }
        daemon
    }

    /// Makes container `c<number>`.
    pub fn container(&self, number: usize) -> Container {
        self.host.container(&format!("c{number}"))
    }

    /// Attaches containers at once, each to every network.
    #[track_caller]
    pub fn attach(&self, set: Set, containers: &[&Container]) {
        at_once(containers, |container| {
            for (network, ifname) in attachments(container) {
                let added = self.tool(set, container).add(&network, container, ifname);
                self.note_addresses(&added.without_log().result(), container);
            }
        });
    }

    /// Checks every attachment of containers.
    #[track_caller]
    pub fn check(&self, set: Set, containers: &[&Container]) {
        at_once(containers, |container| {
            for (network, ifname) in attachments(container) {
                // Behind sbr the CHECK of the reference's macvlan fails, whoever made the
                // attachment: the row check-moved-routes.
                if (set, &*network) == (Set::Reference, "lan") {
                    continue;
                }
                let mut tool = self.tool(set, container);
                if set == Set::Reference {
                    // Release 1.1.1 looks for every published port in the rules of IPv6, too.
                    tool = tool.with_env("CAP_ARGS", "{}");
                }
                tool.check(&network, container, ifname).without_log().silent();
            }
        });
    }

    /// Detaches containers from every network.
    #[track_caller]
    pub fn detach(&self, set: Set, containers: &[&Container]) {
        at_once(containers, |container| {
            for (network, ifname) in attachments(container).into_iter().rev() {
                let deleted = self.tool(set, container).del(&network, container, ifname);
                deleted.without_log().silent();
            }
            // The server may give what came back to the next one.
            let is_leased = |address: &str| address.starts_with("198.51.100.");
            let mut given = self.given.lock().expect("no container has failed");
            given.retain(|address, holder| !(is_leased(address) && holder == container.id()));
        });
    }

    /// Lets each of our plugins collect what belongs to none of these containers.
    #[track_caller]
    pub fn collect(&self, live: &[&Container]) {
        for (network, ifname) in NETWORKS {
            let valid: Vec<Value> = live
                .iter()
                .map(|container| {
                    let id = container_id(&self.host, container);
                    json!({ "containerID": id, "ifname": ifname })
                })
                .collect();
            for plugin in self.plugins_of(network) {
                let mut config = plugin.clone();
                config["cniVersion"] = "1.1.0".into();
                config["name"] = network.into();
                config["cni.dev/valid-attachments"] = json!(valid);
                let name = plugin["type"].as_str().expect("a plugin has a type");
                self.host.invoke(name).command("GC").config(&config).run().succeeds().silent();
            }
        }
    }

    fn plugins_of(&self, network: &str) -> Vec<Value> {
        let text = self.host.exec(&["cat", &format!("/run/net.d/{network}.conflist")]);
        let list: Value = serde_json::from_str(&text).expect("a list is JSON");
        list["plugins"].as_array().expect("a list has plugins").clone()
    }

    /// The port of the host that leads to port 80 of a container.
    pub fn port(container: &Container) -> String {
        format!("192.0.2.1:{}", 8000 + number(container))
    }

    /// A container is reached at its port, and reaches the outside through the host and by itself.
    #[track_caller]
    pub fn is_connected(&self, container: &Container) {
        self.outside.reaches_through(container, &Self::port(container), "0.0.0.0:80");
        assert_eq!(self.outside.sees_source(container, "198.51.100.1:80"), lease(container));
        assert_eq!(self.outside.sees_source(container, "[2001:db8::2]:80"), "2001:db8::1");
    }

    /// The runtime of a set with its plugins, for a container that asks for its port.
    pub fn tool(&self, set: Set, container: &Container) -> Tool<'_> {
        let tool = match set {
            Set::Ours => Tool::ours(&self.host),
            Set::Reference => Tool::reference(&self.host).expect("looked for by the test"),
        };
        let mapping =
            json!({ "hostPort": 8000 + number(container), "containerPort": 80, "protocol": "tcp" });
        let capabilities = json!({ "portMappings": [mapping] });
        tool.with_plugins(&set.plugins()).with_env("CAP_ARGS", &capabilities.to_string())
    }

    /// No address is given twice: host-local gives the next one even when its holder has gone.
    #[track_caller]
    fn note_addresses(&self, result: &Value, container: &Container) {
        let mut given = self.given.lock().expect("no container has failed");
        for ip in result["ips"].as_array().into_iter().flatten() {
            let address = ip["address"].as_str().expect("an address is text").to_owned();
            if address.starts_with("127.") || address.starts_with("::1") {
                continue;
            }
            let before = given.insert(address.clone(), container.id().to_owned());
            assert_eq!(before, None, "{address} was given to {} again", container.id());
        }
    }
}

/// Does something with several containers at the same time.
#[track_caller]
fn at_once(containers: &[&Container], body: impl Fn(&Container) + Sync) {
    let body = &body;
    thread::scope(|scope| {
        for &container in containers {
            scope.spawn(move || body(container));
        }
    });
}

/// The networks a container is in, with its interface there.
fn attachments(container: &Container) -> Vec<(String, &'static str)> {
    let all = NETWORKS.iter().map(|&(network, ifname)| (network.to_owned(), ifname));
    let device = Some(number(container)).filter(|number| *number < WITHOUT_DEVICE);
    all.chain(device.map(|number| (device_network(number), "eth4"))).collect()
}

fn number(container: &Container) -> usize {
    container.id()[1..].parse().expect("containers are numbered")
}

/// The address that a container has from the DHCP server.
fn lease(container: &Container) -> String {
    let shown = container.exec(&["ip", "-4", "-o", "address", "show", "dev", "eth3"]);
    let address = shown.split_whitespace().nth(3).expect("eth3 has an address");
    address.split('/').next().unwrap_or_default().to_owned()
}
