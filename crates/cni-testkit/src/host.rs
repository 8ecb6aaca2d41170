//! A machine of its own: network, mounts and plugin state nobody else sees.

use std::fs;
use std::ops::Deref;

use anyhow::{Context, Result};
use nix::sched::{CloneFlags, unshare};
use serde_json::Value;

use crate::{Container, Invocation, Namespace, Network, Outside, mounts, plugins};

/// A private host; dropping it takes everything with it.
///
/// Its network namespace starts with `lo` up and forwarding off. `/run`, `/var/lib/cni` and
/// `/etc/cni` are empty and private. Any number can exist at once, each with its own `cni0`.
#[derive(Debug)]
pub struct Host {
    namespace: Namespace,
}

impl Host {
    /// Makes a host.
    ///
    /// # Panics
    ///
    /// Without the privilege to make namespaces: run as root or under `unshare -Urmn`.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "making namespaces is no default value")]
    pub fn new() -> Self {
        let namespace = Namespace::start("host", enter_host)
            .unwrap_or_else(|error| panic!("make a private host: {error:#}"));
        namespace.exec(&["ip", "link", "set", "lo", "up"]);
        namespace.rebase();
        Self { namespace }
    }

    /// Makes a container on this host: a further network namespace, everything else shared.
    ///
    /// Its name is the container ID of every attachment.
    #[track_caller]
    pub fn container(&self, name: &str) -> Container {
        Container::new(self, name)
    }

    /// Makes the outside world: another namespace, cabled to this host.
    #[track_caller]
    pub fn outside(&self) -> Outside {
        Outside::new(self)
    }

    /// Describes a network from the configuration of one plugin, as a runtime would pass it.
    #[track_caller]
    pub fn network(&self, config: Value) -> Network<'_> {
        Network::new(self, config)
    }

    /// Prepares one run of a plugin of the set under test with nothing but `CNI_PATH` set.
    pub fn invoke(&self, plugin: &str) -> Invocation<'_> {
        Invocation::new(self, &plugins::plugin_dir(), plugin)
    }
}

impl Deref for Host {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.namespace
    }
}

/// Enters a network namespace; forwarding is off even where the machine has it on.
pub(crate) fn enter_network() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNET).context("make a network namespace")?;
    fs::write("/proc/sys/net/ipv4/ip_forward", "0").context("turn off forwarding")
}

fn enter_host() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).context("make a mount namespace")?;
    mounts::hide_state()?;
    enter_network()
}
