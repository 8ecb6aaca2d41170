//! The demonstration's host, its two containers and the world outside.

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use cni_testkit::{Container, Host, Outside};
use serde_json::{Value, json};

use crate::release::Release;

/// The host's port that leads to port 80 of the second container.
pub const PUBLISHED: u16 = 8080;

/// The network's configuration list, which is one of the examples of the packages.
const NETWORK: &str = include_str!("../../../packaging/examples/50-demo.conflist");

/// Both versions of the protocol are demonstrated alike.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum IpVersion {
    V4,
    V6,
}

/// Everything the demonstration happens in. Dropping it takes everything with it.
pub struct Stage {
    /// The machine: its own network and mounts.
    pub host: Host,
    /// Two containers on it.
    pub containers: [Container; 2],
    /// A machine cabled to the host that knows no way to the containers' network.
    pub outside: Outside,
    plugins: PathBuf,
}

impl Stage {
    /// Makes the namespaces and installs the network's configuration.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be written.
    pub fn set(release: &Release) -> Result<Self> {
        let host = Host::new();
        let containers = [host.container("c1"), host.container("c2")];
        let outside = host.outside();
        host.run(|| fs::write("/etc/cni/net.d/50-demo.conflist", NETWORK))
            .context("install the network's configuration")?;
        Ok(Self { host, containers, outside, plugins: release.folder().to_owned() })
    }

    /// What there is, for the reader.
    pub fn description(&self) -> Vec<String> {
        vec![
            format!(
                "host with the containers {}",
                self.containers.each_ref().map(|c| c.name()).join(" and ")
            ),
            format!("outside: {} and {}", IpVersion::V4.outside(), IpVersion::V6.outside()),
            "network demo: bridge + host-local + portmap + firewall + bandwidth + tuning, IPv4 and \
             IPv6, masqueraded"
                .to_owned(),
        ]
    }

    /// Runs cnitool for the network and a container; returns what it printed.
    ///
    /// # Errors
    ///
    /// When cnitool fails; the error is what it wrote to stderr.
    pub fn cnitool(&self, verb: &str, container: &Container) -> Result<String> {
        let path = format!("CNI_PATH={}", self.plugins.display());
        let tool = self.plugins.join("cnitool").display().to_string();
        let netns = container.netns_path();
        let capabilities = format!("CAP_ARGS={}", self.capabilities(container));
        let words = ["env", &path, &capabilities, &tool, verb, "demo", netns];
        let output = self.host.output(&words);
        if !output.status.success() {
            bail!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        String::from_utf8(output.stdout).context("what cnitool printed")
    }

    /// What a runtime asks for, by container: the second one has a published port.
    fn capabilities(&self, container: &Container) -> Value {
        let port = json!({ "hostPort": PUBLISHED, "containerPort": 80, "protocol": "tcp" });
        let is_published = container.name() == self.containers[1].name();
        json!({ "portMappings": if is_published { vec![port] } else { Vec::new() } })
    }

    /// What is left to see of the chained plugins that no token shows.
    ///
    /// # Errors
    ///
    /// When one of them has not done what the configuration says.
    pub fn chained(&self) -> Result<Vec<String>> {
        let shapers = self.host.exec(&["tc", "qdisc", "show"]);
        let shapers = shapers.lines().filter(|line| line.contains(" tbf ")).count();
        // One for what each container receives, and one for what it sends.
        ensure!(shapers == 4, "{shapers} of 4 shapers");
        let sysctl = self.containers[0].exec(&["cat", "/proc/sys/net/ipv4/conf/eth0/arp_filter"]);
        ensure!(sysctl.trim() == "1", "net.ipv4.conf.eth0.arp_filter is {}", sysctl.trim());
        Ok(vec![
            "bandwidth: 4 shapers of 1 Gbit/s".to_owned(),
            "tuning: net.ipv4.conf.eth0.arp_filter = 1".to_owned(),
        ])
    }

    /// The address a container has on `eth0`, as the kernel tells.
    ///
    /// # Errors
    ///
    /// When it has none of that IP version.
    pub fn address_of(&self, container: &Container, version: IpVersion) -> Result<IpAddr> {
        let flag = if version == IpVersion::V4 { "-4" } else { "-6" };
        let words = ["ip", flag, "-brief", "address", "show", "dev", "eth0", "scope", "global"];
        let listing = container.output(&words);
        let listing = String::from_utf8_lossy(&listing.stdout);
        let address = listing.split_whitespace().nth(2).and_then(|word| word.split('/').next());
        let address =
            address.with_context(|| format!("{} has no {version} address", container.name()))?;
        address.parse().with_context(|| format!("the address {address}"))
    }
}

impl IpVersion {
    /// Every version there is.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The version an address is of.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The address of the machine outside, as the testkit cables it.
    pub fn outside(self) -> IpAddr {
        self.cable(2)
    }

    /// The host's address on the cable to the outside.
    pub fn host(self) -> IpAddr {
        self.cable(1)
    }

    fn cable(self, end: u8) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::new(192, 0, 2, end).into(),
            Self::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, end.into()).into(),
        }
    }
}

impl fmt::Display for IpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::V4 { "IPv4" } else { "IPv6" })
    }
}

/// The lines of a result that matter to a person.
///
/// # Errors
///
/// When it is not a result.
pub fn readable(result: &str) -> Result<Vec<String>> {
    let result: Value = serde_json::from_str(result).context("decode the result")?;
    let ips = result["ips"].as_array().context("a result without addresses")?;
    let line = |ip: &Value| {
        let text = |key: &str| ip[key].as_str().unwrap_or("none").to_owned();
        format!("eth0 {} via {}", text("address"), text("gateway"))
    };
    Ok(ips.iter().map(line).collect())
}
