//! Podman 4 with the plugins as its network backend.

mod kinds;
mod lives;
mod networks;
mod ports;

use std::ops::Deref;

use cni_testkit::{Machine, Namespace};

/// The plugins do the network. Small machines refuse to raise limits, and have not every controller.
const CONTAINERS: &str = r#"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
pids_limit = 0

[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
network_config_dir = "/etc/cni/net.d"
default_network = "podman"

[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"#;

/// Copies instead of a union file system.
const STORAGE: &str = r#"
[storage]
driver = "vfs"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
"#;

/// The network `t1`, as Podman describes it to the plugins bridge, portmap, firewall and tuning.
const T1: &str = "network create --subnet 10.1.2.0/24 --ipv6 --subnet fd00:1::/64 t1";

/// A machine with Podman on it, and its network `t1`.
pub struct Podman(Machine);

impl Podman {
    /// Without real root there is none, and the test is recorded as skipped.
    #[track_caller]
    pub fn boot() -> Option<Self> {
        let machine = Machine::boot()?;
        machine.write("/etc/containers/containers.conf", CONTAINERS);
        machine.write("/etc/containers/storage.conf", STORAGE);
        let podman = Self(machine);
        podman.podman(T1);
        Some(podman)
    }

    /// Runs `podman` with these words and returns what it printed.
    #[track_caller]
    pub fn podman(&self, words: &str) -> String {
        self.sh(&format!("podman {words}")).trim().to_owned()
    }

    /// The world when the first container of `t1` has come and gone: what all share has been made.
    #[track_caller]
    pub fn warmed_up(&self) -> String {
        let root = Machine::ROOTFS;
        self.podman(&format!("run --rm --network t1 -p 79:79 --rootfs {root} /bin/true"));
        self.world()
    }

    /// Starts a container that sleeps, with these options.
    #[track_caller]
    pub fn run(&self, name: &str, options: &str) -> Namespace {
        let root = Machine::ROOTFS;
        self.podman(&format!("run -d --name {name} {options} --rootfs {root} /bin/sleep 10000"));
        self.network(name)
    }

    /// The network of a running container.
    #[track_caller]
    pub fn network(&self, name: &str) -> Namespace {
        self.network_of(&self.inspect(name, ".State.Pid"))
    }

    /// A value of `podman inspect`.
    #[track_caller]
    pub fn inspect(&self, name: &str, key: &str) -> String {
        self.podman(&format!("inspect -f '{{{{{key}}}}}' {name}"))
    }
}

impl Deref for Podman {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.0
    }
}
