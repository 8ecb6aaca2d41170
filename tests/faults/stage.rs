//! A host that has seen an attachment come and go, and what faults may do to the next ones.

use std::cell::Cell;

use cni_testkit::{Container, Fault, Host, Mode, Network, for_each_fault};

/// The only effects whose failure an ADD may survive: settings that some kernels do not have.
const TOLERATED: &str = "write sysctl";

/// A network in use: what its attachments share exists, so they have to leave nothing else.
pub struct Stage<'h> {
    host: &'h Host,
    net: Network<'h>,
    before: String,
    containers: Cell<usize>,
}

/// What becomes of a container whose ADD was killed, before its DEL.
#[derive(Clone, Copy)]
pub enum Fate {
    Lives,
    Dies,
}

impl<'h> Stage<'h> {
    /// Attaches a first container and detaches it again.
    pub fn new(host: &'h Host, net: Network<'h>) -> Self {
        let first = host.container("first");
        net.add(&first, "eth0").succeeds();
        net.del(&first, "eth0").succeeds();
        let before = host.world();
        Self { host, net, before, containers: Cell::new(0) }
    }

    /// ADD fails at each of the executable's effects: an error, and the world as before.
    pub fn add_fails_cleanly(&self, mode: Mode, executable: &str) -> Vec<String> {
        for_each_fault(mode, executable, |fault, _| {
            let container = self.container();
            let outcome = self.net.with_fault(fault).add(&container, "eth0");
            if outcome.is_success() {
                let hit = fault.hit();
                assert!(hit.is_none_or(|hit| hit == TOLERATED), "{:?} was survived", fault.hit());
                self.net.check(&container, "eth0").succeeds();
                self.net.del(&container, "eth0").succeeds();
            } else {
                drop(outcome.exits(1));
            }
            self.is_clean(&container, fault);
        })
    }

    /// The plugin is killed at each effect of its ADD: DEL takes away what there is.
    pub fn del_follows_a_killed_add(&self, fate: Fate) {
        for_each_fault(Mode::Kill, self.plugin(), |fault, _| {
            let container = self.container();
            let outcome = self.net.with_fault(fault).add(&container, "eth0");
            if fault.hit().is_some() {
                outcome.is_killed();
            } else {
                outcome.succeeds();
            }
            if matches!(fate, Fate::Dies) {
                container.destroy();
            }
            self.net.del(&container, "eth0").succeeds();
            self.is_clean(&container, fault);
        });
    }

    /// A DEL that fails or is killed at each of the executable's effects is finished by a second.
    pub fn del_is_finished_by_another(&self, mode: Mode, executable: &str) {
        for_each_fault(mode, executable, |fault, _| {
            let container = self.container();
            self.net.add(&container, "eth0").succeeds();
            let outcome = self.net.with_fault(fault).del(&container, "eth0");
            // Whoever says that everything is gone must not be told twice.
            if !outcome.is_success() {
                self.net.del(&container, "eth0").succeeds();
            }
            self.is_clean(&container, fault);
        });
    }

    fn container(&self) -> Container {
        let number = self.containers.get() + 1;
        self.containers.set(number);
        self.host.container(&format!("c{number}"))
    }

    fn plugin(&self) -> &str {
        self.net.config()["type"].as_str().expect("a network has a type")
    }

    #[track_caller]
    fn is_clean(&self, container: &Container, fault: &Fault) {
        let hit = fault.hit().unwrap_or_default();
        println!("{}: after a fault at {hit:?}", container.id());
        self.host.returns_to(&self.before);
        if std::path::Path::new(container.netns_path()).exists() {
            assert_eq!(container.shown(), "", "in the container after a fault at {hit:?}");
        }
    }
}
