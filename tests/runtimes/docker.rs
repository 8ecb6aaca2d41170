//! Docker's containers without a network, attached by hand: the page of the documentation, word for
//! word.

use cni_testkit::{Machine, Namespace, against_reference};

use crate::page::section;

const PAGE: &str = include_str!("../../docs/docker.md");

/// dockerd with a bridge and rules of its own, and an image of busybox.
pub struct Docker<'m>(&'m Machine);

impl<'m> Docker<'m> {
    /// Starts the daemon.
    #[track_caller]
    pub fn start(machine: &'m Machine) -> Self {
        machine.start(&[
            "dockerd",
            "--storage-driver=vfs",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            // Small machines refuse to raise limits.
            "--default-ulimit=nofile=1024:1024",
        ]);
        machine.wait_for(&["docker", "version"]);
        machine.sh(&format!("tar -C {} -c . | docker import - busybox", Machine::ROOTFS));
        Self(machine)
    }

    /// Starts a container that sleeps, with these options.
    #[track_caller]
    pub fn run(&self, name: &str, options: &str) -> Namespace {
        self.0.sh(&format!("docker run -d --name {name} {options} busybox /bin/sleep 10000"));
        self.network(name)
    }

    /// The network of a running container.
    #[track_caller]
    pub fn network(&self, name: &str) -> Namespace {
        self.0.network_of(&self.0.exec(&["docker", "inspect", "-f", "{{.State.Pid}}", name]))
    }
}

/// A machine; without real root there is none, and the test is recorded as skipped. The reference has
/// no commands for people.
#[track_caller]
fn boot() -> Option<Machine> {
    if against_reference() { None } else { Machine::boot() }
}

#[test]
fn a_container_is_attached_by_hand_as_the_page_says() {
    let Some(machine) = boot() else { return };
    let docker = Docker::start(&machine);
    let steps = section(PAGE, "One plugin");
    let (last, steps) = steps.split_last().expect("a section has steps");
    for step in steps {
        step.run(&machine);
    }
    let web = docker.network("web");
    web.reaches(&machine, "10.88.0.1:8081");
    drop(web);
    last.run(&machine);

    // What is left is shared: the bridge.
    let shown = machine.shown();
    assert!(shown.contains("link cni0") && !shown.contains("veth"), "{shown}");
    assert!(!machine.world().contains("10.88.0.2"), "{}", machine.world());
}

#[test]
fn a_port_is_published_by_hand_as_the_page_says() {
    let Some(machine) = boot() else { return };
    let docker = Docker::start(&machine);
    let outside = machine.outside();
    let steps = section(PAGE, "A list of plugins, and a published port");
    // Once for what attachments share.
    for step in &steps {
        step.run(&machine);
    }
    let before = machine.world();

    let [configure, start, ask, accept, end] = &steps[..] else { panic!("{steps:?}") };
    for step in [configure, start] {
        step.run(&machine);
    }
    ask.run(&machine);
    let web = docker.network("web");
    assert_eq!(outside.sees_source(&web, "192.0.2.2:80"), "192.0.2.1");
    drop(web);
    let ask_from_outside = ["curl", "-s", "--max-time", "1", "http://192.0.2.1:8080/"];
    assert!(!outside.output(&ask_from_outside).status.success());
    accept.run(&machine);
    assert_eq!(outside.exec(&ask_from_outside), "hello\n");
    end.run(&machine);
    machine.returns_to(&before);
}
