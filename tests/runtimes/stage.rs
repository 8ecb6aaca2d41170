//! The machine that runtimes run on hides this one, and leaves nothing.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use cni_testkit::{Machine, plugin_dir};
use expect_test::expect;

/// The groups of this name that machines of this process made, in all hierarchies.
fn groups(name: &str) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("the mounts can be read");
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    let hierarchies = points.filter(|point| point.starts_with("/sys/fs/cgroup"));
    let groups = hierarchies.flat_map(|point| fs::read_dir(point).into_iter().flatten().flatten());
    groups.map(|group| group.path().join(name)).filter(|group| group.exists()).collect()
}

#[test]
fn a_machine_shows_nothing_of_this_one() {
    let Some(machine) = Machine::boot() else { return };
    machine.shows(expect![""]);
    assert_eq!(machine.exec(&["ls", "/sys/class/net"]), "lo\n");
    assert_eq!(
        machine.sh("find /run/netns /tmp /dev/shm /var/lib/cni /var/lib/docker -mindepth 1"),
        ""
    );
    let processes = machine.sh("echo /proc/[0-9]*");
    assert!(processes.split_whitespace().count() < 5, "{processes}");
    for directory in ["/usr/lib/cni", "/opt/cni/bin"] {
        let inside = machine.exec(&["stat", "-c", "%d:%i", &format!("{directory}/bridge")]);
        let ours = fs::metadata(plugin_dir().join("bridge")).expect("there is a bridge plugin");
        assert_eq!(inside.trim(), format!("{}:{}", ours.dev(), ours.ino()));
    }
}

#[test]
fn a_machine_takes_its_processes_files_and_groups_with_it() {
    let Some(machine) = Machine::boot() else { return };
    let name = "left-by-a-test";
    machine.sh(&format!(
        "[ -d /sys/fs/cgroup/cpuset ] && cd /sys/fs/cgroup/cpuset || cd /sys/fs/cgroup
         mkdir -p {name}/below
         touch /etc/{name} /var/{name} /opt/{name} /tmp/{name} /dev/shm/{name}"
    ));
    let sleep = |seconds: &str| format!("echo $$ >/run/sleep-{seconds}; exec sleep {seconds}");
    // Its parent has gone, as those of a runtime's containers do.
    machine.sh(&format!("setsid sh -c '{}' >/dev/null 2>&1 &", sleep("1234")));
    machine.start(&["sh", "-c", &sleep("1235")]);
    let orphan = machine.wait_for(&["grep", ".", "/run/sleep-1234"]);
    machine.wait_for(&["grep", ".", "/run/sleep-1235"]);
    let network = machine.network_of(&orphan);
    assert_eq!(groups(name).len(), 1);
    drop(network);
    drop(machine);
    assert_eq!(groups(name), Vec::<PathBuf>::new());
    for directory in ["/etc", "/var", "/opt", "/tmp", "/dev/shm"] {
        let file = PathBuf::from(directory).join(name);
        assert!(!file.exists(), "{}", file.display());
    }
    let running = fs::read_dir("/proc").expect("processes can be listed").flatten();
    let commands = running.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    assert!(!commands.into_iter().any(|command| command.starts_with(b"sleep\x00123")));
}

/// The outside world has its own processes, too.
#[test]
fn a_machine_is_reached_from_outside() {
    let Some(machine) = Machine::boot() else { return };
    let outside = machine.outside();
    outside.reaches(&machine, "192.0.2.1:80");
    machine.reaches_by_udp(&outside, "[2001:db8::2]:53");
}
