//! Docker's containers without a network, attached by hand: the page of the documentation, word for
//! word.

use std::ops::Deref;

use cni_testkit::{Machine, Namespace, against_reference};

use crate::page::section;

const PAGE: &str = include_str!("../../docs/docker.md");

/// A machine with dockerd, its own bridge and rules, and an image of busybox.
struct Docker(Machine);

impl Docker {
    /// Without real root there is none, and the test is recorded as skipped. The reference has no
    /// commands for people.
    #[track_caller]
    fn boot() -> Option<Self> {
        if against_reference() {
            return None;
        }
        let machine = Machine::boot()?;
        machine.start(&[
            "dockerd",
            "--storage-driver=vfs",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            // Small machines refuse to raise limits.
            "--default-ulimit=nofile=1024:1024",
        ]);
        machine.wait_for(&["docker", "version"]);
        machine.sh(&format!("tar -C {} -c . | docker import - busybox", Machine::ROOTFS));
        Some(Self(machine))
    }

    fn web(&self) -> Namespace {
        self.network_of(&self.exec(&["docker", "inspect", "-f", "{{.State.Pid}}", "web"]))
    }
}

impl Deref for Docker {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.0
    }
}

#[test]
fn a_container_is_attached_by_hand_as_the_page_says() {
    let Some(docker) = Docker::boot() else { return };
    let steps = section(PAGE, "One plugin");
    let (last, steps) = steps.split_last().expect("a section has steps");
    for step in steps {
        step.run(&docker);
    }
    let web = docker.web();
    web.reaches(&docker, "10.88.0.1:8081");
    drop(web);
    last.run(&docker);

    // What is left is shared: the bridge.
    let shown = docker.shown();
    assert!(shown.contains("link cni0") && !shown.contains("veth"), "{shown}");
    assert!(!docker.world().contains("10.88.0.2"), "{}", docker.world());
}

#[test]
fn a_port_is_published_by_hand_as_the_page_says() {
    let Some(docker) = Docker::boot() else { return };
    let outside = docker.outside();
    let steps = section(PAGE, "A list of plugins, and a published port");
    // Once for what attachments share.
    for step in &steps {
        step.run(&docker);
    }
    let before = docker.world();

    let [configure, start, ask, accept, end] = &steps[..] else { panic!("{steps:?}") };
    for step in [configure, start] {
        step.run(&docker);
    }
    ask.run(&docker);
    let web = docker.web();
    assert_eq!(outside.sees_source(&web, "192.0.2.2:80"), "192.0.2.1");
    drop(web);
    let ask_from_outside = ["curl", "-s", "--max-time", "1", "http://192.0.2.1:8080/"];
    assert!(!outside.output(&ask_from_outside).status.success());
    accept.run(&docker);
    assert_eq!(outside.exec(&ask_from_outside), "hello\n");
    end.run(&docker);
    docker.returns_to(&before);
}
