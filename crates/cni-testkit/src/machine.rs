//! A machine on which real runtimes and daemons run without touching this one.

use std::fs::{self, File};
use std::ops::Deref;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::geteuid;

use crate::cgroups::{ControlGroups, Shown};
use crate::{Daemon, Namespace, Outside, host::enter_network, mounts, plugins, skip};

/// A private host with its own processes, control groups and runtime state.
///
/// It is a [`Namespace`]: commands run inside, and `reaches` carries a token to and from it. Mounts,
/// network, host name, IPC objects and process ids are its own; `/run`, `/tmp`, `/opt`,
/// `/etc/containers`, `/var/lib/docker` and their like are empty; other changes to `/etc` and `/var`
/// end with it. The plugins under test are at `/usr/lib/cni` and `/opt/cni/bin`. Dropping it kills
/// every process inside and leaves nothing; so does the end of the test's process.
#[derive(Debug)]
pub struct Machine {
    daemons: Mutex<Vec<Daemon>>,
    init: Option<Daemon>,
    // Dropped after the processes have ended, in this order.
    namespace: Namespace,
    _groups: ControlGroups,
}

/// The first process: it collects the orphans of all the others.
const INIT: &str = "while :; do sleep 1000; done";

impl Machine {
    /// A directory with busybox under all its names, to run containers from without an image.
    pub const ROOTFS: &'static str = "/run/rootfs";

    /// Makes a machine; without real root there is none, and the test is recorded as skipped.
    ///
    /// # Panics
    ///
    /// When the kernel refuses what real root may do elsewhere.
    #[track_caller]
    pub fn boot() -> Option<Self> {
        if !is_real_root() {
            skip::record("runtimes need real root");
            return None;
        }
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let groups = ControlGroups::create(&format!("{}-{number}", process::id()))
            .unwrap_or_else(|error| panic!("make control groups: {error:#}"));
        let shown = groups.shown();
        let namespace = Namespace::start("machine", move || enter(&shown))
            .unwrap_or_else(|error| panic!("make a machine: {error:#}"));
        // The first process of a process namespace takes all others with it, and so does the
        // thread that started it.
        let init = namespace.daemon(&["setpriv", "--pdeathsig", "KILL", "sh", "-c", INIT]);
        let machine =
            Self { daemons: Mutex::default(), init: Some(init), namespace, _groups: groups };
        machine.sh(&format!(
            "mount -t proc proc /proc
             ip link set lo up
             mkdir -p {root}/bin {root}/proc {root}/sys {root}/dev {root}/etc {root}/tmp {root}/run
             cp $(command -v busybox) {root}/bin
             chroot {root} /bin/busybox --install -s /bin",
            root = Self::ROOTFS
        ));
        machine.rebase();
        Some(machine)
    }

    /// Starts a daemon that ends with the machine. What it writes is printed when the test fails.
    ///
    /// A [`Daemon`] of [`Namespace::daemon`], by contrast, has to be dropped before the machine is.
    #[track_caller]
    pub fn start(&self, command: &[&str]) {
        let program = Path::new(command[0]).file_name().unwrap_or_default().to_string_lossy();
        let script = format!("exec \"$@\" >>/var/log/{program}.log 2>&1");
        let daemon = self.daemon(&[&["sh", "-c", &script, "sh"], command].concat());
        self.daemons.lock().unwrap_or_else(PoisonError::into_inner).push(daemon);
    }

    /// Writes a file inside, and the directories above it.
    #[track_caller]
    pub fn write(&self, path: &str, text: &str) {
        let (owned, text) = (path.to_owned(), text.to_owned());
        let written = self.run(move || {
            if let Some(parent) = Path::new(&owned).parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(owned, text)
        });
        written.unwrap_or_else(|error| panic!("write {path}: {error}"));
    }

    /// The network of a process inside, for instance a container's, by the process id in there.
    ///
    /// Nothing but the network: commands see the files of the test. The value keeps the namespace
    /// alive when its processes have ended.
    #[track_caller]
    pub fn network_of(&self, process: &str) -> Namespace {
        let path = format!("/proc/{}/ns/net", process.trim());
        let title = path.clone();
        let file = self.run(move || File::open(path));
        let enter = move || {
            let file = file.with_context(|| format!("open {title}"))?;
            setns(file, CloneFlags::CLONE_NEWNET).with_context(|| format!("enter {title}"))
        };
        let name = format!("process {}", process.trim());
        Namespace::start(&name, enter).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Makes the outside world: a namespace cabled to this machine.
    #[track_caller]
    pub fn outside(&self) -> Outside {
        Outside::new(self)
    }

    #[expect(clippy::print_stderr, reason = "it is shown with the test that failed")]
    fn print_logs(&self) {
        let logs = self.output(&["sh", "-c", "tail -n 30 /var/log/*.log"]);
        eprintln!("{}", String::from_utf8_lossy(&logs.stdout));
    }
}

impl Deref for Machine {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.namespace
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if thread::panicking() {
            self.print_logs();
        }
        // The first process ends after all others have been waited for.
        self.daemons.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        self.init = None;
    }
}

/// Whether this is the root that mounts, and not that of a user namespace.
fn is_real_root() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    geteuid().is_root() && map.split_whitespace().eq(["0", "0", "4294967295"])
}

fn enter(groups: &[Shown]) -> Result<()> {
    let namespaces = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWPID;
    unshare(namespaces).context("make the namespaces of a machine")?;
    enter_network()?;
    mounts::hide_machine(&plugins::plugin_dir(), groups)
}
