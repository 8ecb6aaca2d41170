//! One of the two sets of plugins that are compared, on a host of its own.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use cni_testkit::{Container, Host};
use serde_json::{Value, json};

use super::sample::{Job, Sample, Spawner};

/// The reference looks for iptables there, and sudo or cron may have told it less.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long the kernel is left alone before a measurement: it goes on deleting links and rules
/// after the process that asked for it has ended, and the next one must not pay for that.
const REST: Duration = Duration::from_millis(20);

/// A set of plugins with a private host to work on.
///
/// Both sides use the same names and addresses and never see each other.
pub struct Side {
    host: Host,
    plugins: PathBuf,
    /// The configurations of the network's plugins, in the order of ADD.
    chain: Vec<Value>,
}

/// An attachment and, after its ADD, the result.
pub struct Attachment {
    container: Container,
    result: Value,
}

impl Side {
    /// Makes a host for a set of plugins and one network: a plugin's configuration or a list.
    pub fn new(plugins: &Path, network: &Value) -> Self {
        let host = Host::new();
        // A master for the networks that need one, and a device to be given away.
        host.sh("for device in eth1 eth2; do \
               ip link add $device type veth peer name ${device}p; \
               ip link set $device up; ip link set ${device}p up; \
             done");
        Self { host, plugins: plugins.to_owned(), chain: chain(network) }
    }

    /// The host the plugins work on.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The configuration of the network's only or first plugin.
    pub fn plugin(&self) -> &Value {
        &self.chain[0]
    }

    /// Makes containers that are not attached yet.
    pub fn containers(&self, count: usize) -> Vec<Attachment> {
        let container = |number| self.host.container(&format!("c{number}"));
        let unattached = |container| Attachment { container, result: Value::Null };
        (0..count).map(container).map(unattached).collect()
    }

    /// Attaches all of them at once.
    ///
    /// # Errors
    ///
    /// When one ADD fails or prints no result.
    pub fn add(&self, spawner: &Spawner, attachments: &mut [Attachment]) -> Result<Sample> {
        thread::sleep(REST);
        let mut total = Sample::default();
        for plugin in &self.chain {
            let sample = self.run(spawner, "ADD", plugin, attachments)?;
            for (attachment, output) in attachments.iter_mut().zip(&sample.outputs) {
                attachment.result = serde_json::from_str(output).context("decode an ADD result")?;
            }
            total = total.followed_by(sample);
        }
        Ok(total)
    }

    /// Attaches a container to each of many networks of one plugin, for company.
    ///
    /// # Errors
    ///
    /// When one ADD fails.
    pub fn fill(&self, spawner: &Spawner, networks: &[Value]) -> Result<()> {
        let container = self.host.container("crowd");
        let jobs: Vec<_> = networks
            .iter()
            .enumerate()
            .map(|(number, network)| {
                self.job("ADD", network, (&format!("crowd{number}"), container.netns_path()))
            })
            .collect();
        // Some at a time: a start of a thousand processes at once is another measurement.
        for some in jobs.chunks(20) {
            spawner.measure(&self.host, some).context("fill the host")?;
        }
        Ok(())
    }

    /// Detaches all of them at once, as a runtime does: with the result of the ADD.
    ///
    /// # Errors
    ///
    /// When one DEL fails.
    pub fn del(&self, spawner: &Spawner, attachments: &mut [Attachment]) -> Result<Sample> {
        thread::sleep(REST);
        let plugins = self.chain.iter().rev();
        plugins
            .map(|plugin| self.run(spawner, "DEL", plugin, attachments))
            .try_fold(Sample::default(), |total, sample| Ok(total.followed_by(sample?)))
    }

    /// Asks the plugin for its versions.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn version(&self, spawner: &Spawner) -> Result<Sample> {
        let job = Job {
            program: self.plugins.join("bridge"),
            input: json!({ "cniVersion": "1.0.0" }).to_string(),
            environment: vec![("CNI_COMMAND", "VERSION".to_owned())],
        };
        spawner.measure(&self.host, &[job])
    }

    fn run(
        &self,
        spawner: &Spawner,
        verb: &str,
        plugin: &Value,
        attachments: &[Attachment],
    ) -> Result<Sample> {
        let job = |attachment: &Attachment| {
            let mut config = plugin.clone();
            if !attachment.result.is_null() {
                config["prevResult"] = attachment.result.clone();
            }
            let container = &attachment.container;
            self.job(verb, &config, (container.id(), container.netns_path()))
        };
        let jobs: Vec<_> = attachments.iter().map(job).collect();
        spawner.measure(&self.host, &jobs).with_context(|| {
            format!("{} of {} attachments with {}", verb, jobs.len(), self.plugins.display())
        })
    }

    /// A plugin's run for an attachment.
    pub fn job(&self, verb: &str, config: &Value, (container_id, netns): (&str, &str)) -> Job {
        let environment = vec![
            ("CNI_COMMAND", verb.to_owned()),
            ("CNI_CONTAINERID", container_id.to_owned()),
            ("CNI_NETNS", netns.to_owned()),
            ("CNI_IFNAME", "eth0".to_owned()),
            ("CNI_PATH", self.plugins.display().to_string()),
            ("PATH", PATH.to_owned()),
        ];
        let plugin = config["type"].as_str().unwrap_or_default();
        Job { program: self.plugins.join(plugin), input: config.to_string(), environment }
    }
}

/// The plugins of a network as a runtime configures them.
fn chain(network: &Value) -> Vec<Value> {
    let Some(plugins) = network["plugins"].as_array() else {
        return vec![network.clone()];
    };
    let mut plugins = plugins.clone();
    for plugin in &mut plugins {
        plugin["cniVersion"] = network["cniVersion"].clone();
        plugin["name"] = network["name"].clone();
    }
    plugins
}

impl Attachment {
    /// The addresses of the result.
    pub fn addresses(&self) -> Vec<String> {
        let ips = self.result["ips"].as_array();
        let address = |ip: &Value| ip["address"].as_str().map(str::to_owned);
        ips.into_iter().flatten().filter_map(address).collect()
    }

    /// The container.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// Forgets the result, so that the container can be attached anew.
    pub fn forget(&mut self) {
        self.result = Value::Null;
    }
}

/// The network of the comparison: a bridge with a gateway, addresses from files on the host.
pub fn network() -> Value {
    json!({
        "cniVersion": "1.0.0",
        "name": "bench",
        "type": "bridge",
        "bridge": "cni0",
        "isDefaultGateway": true,
        "ipam": { "type": "host-local", "subnet": "10.88.0.0/16" }
    })
}

/// One interface in the container, made by another plugin, with addresses of one family.
pub fn interface(plugin: &str, subnet: &str) -> Value {
    let mut network = json!({
        "cniVersion": "1.0.0",
        "name": "bench",
        "type": plugin,
        "ipam": { "type": "host-local", "subnet": subnet }
    });
    match plugin {
        "macvlan" => network["master"] = "eth1".into(),
        "host-device" => network["device"] = "eth2".into(),
        _ => (),
    }
    network
}

/// The same, masqueraded. The reference of Debian 12 knows only iptables and ignores the key.
pub fn masqueraded(backend: &str) -> Value {
    let mut network = network();
    network["ipMasq"] = true.into();
    network["ipMasqBackend"] = backend.into();
    network
}

/// The same, with the reservations in a given folder.
pub fn kept_in(folder: &Path) -> Value {
    let mut network = network();
    network["ipam"]["dataDir"] = folder.display().to_string().into();
    network
}

/// A list as on many nodes: a bridge, a published port, and what is chained after it. The keys
/// choose the backend of the rules; the reference of Debian 12 knows only iptables.
pub fn list(backend: &str) -> Value {
    json!({
        "cniVersion": "1.0.0",
        "name": "bench",
        "plugins": [
            network(),
            {
                "type": "portmap",
                "backend": backend,
                "runtimeConfig": { "portMappings": mappings(0, 1) }
            },
            { "type": "firewall", "backend": backend },
            { "type": "tuning", "sysctl": { "net.core.somaxconn": "500" } }
        ]
    })
}

/// Port mappings alone, for the `number`-th container of a bridge that is not there.
pub fn published(backend: &str, number: usize, ports: usize) -> Value {
    let address = format!("10.88.{}.{}", number / 250, number % 250 + 2);
    json!({
        "cniVersion": "1.0.0",
        "name": "bench",
        "type": "portmap",
        "backend": backend,
        "runtimeConfig": { "portMappings": mappings(number, ports) },
        "prevResult": {
            "cniVersion": "1.0.0",
            "interfaces": [{ "name": "eth0", "sandbox": "/run/netns/bench" }],
            "ips": [{ "address": format!("{address}/16"), "gateway": "10.88.0.1", "interface": 0 }]
        }
    })
}

/// Ports of the host that no other container of the benchmark has.
fn mappings(container: usize, ports: usize) -> Vec<Value> {
    let first = if container == 0 { 10_000 } else { 20_000 + container };
    (0..ports)
        .map(|port| json!({ "hostPort": first + port, "containerPort": 80 + port, "protocol": "tcp" }))
        .collect()
}
