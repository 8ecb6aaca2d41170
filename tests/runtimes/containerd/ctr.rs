//! `ctr run --cni`.

use cni_testkit::{Machine, difference};

use super::Containerd;

/// What a container of ctr prints; it has come and gone.
#[track_caller]
fn run(containerd: &Containerd, name: &str, script: &str) -> String {
    let options = ["ctr", "run", "--rm", "--cni", "--rootfs", Machine::ROOTFS, name];
    containerd.exec(&[&options[..], &["/bin/sh", "-c", script]].concat())
}

#[test]
fn a_container_is_in_the_network_while_it_runs() {
    let Some(containerd) = Containerd::boot() else { return };
    let outside = containerd.outside();
    run(&containerd, "c0", "true");
    let before = containerd.world();
    let shown =
        run(&containerd, "c1", "ip address show dev eth0; ip address show dev lo; ip route");
    for part in ["inet 10.1.2.3/24", "inet6 fd00:1::3/64", "127.0.0.1/8", "default via 10.1.2.1"] {
        assert!(shown.contains(part), "should show {part}:\n{shown}");
    }
    // When ctr deletes, the namespace has gone with the task.
    difference("bridge-del-without-netns", || containerd.returns_to(&before));

    let root = Machine::ROOTFS;
    let options = ["ctr", "run", "--rm", "--cni", "--rootfs", root, "c2"];
    containerd.start(&[&options[..], &["/bin/sleep", "10000"]].concat());
    let pid = containerd.wait_for(&[
        "sh",
        "-c",
        "ctr task ls | grep RUNNING | awk '{print $2}' | grep .",
    ]);
    let c2 = containerd.network_of(&pid);
    assert_eq!(outside.sees_source(&c2, "192.0.2.2:80"), "192.0.2.1");
    assert_eq!(outside.sees_source(&c2, "[2001:db8::2]:80"), "2001:db8::1");
    containerd.reaches(&c2, "10.1.2.4:80");
    drop(c2);
    containerd.exec(&["ctr", "task", "kill", "-s", "KILL", "c2"]);
    difference("bridge-del-without-netns", || containerd.returns_to(&before));
}
