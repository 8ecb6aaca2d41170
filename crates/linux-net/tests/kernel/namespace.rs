//! Network namespaces of one test each; they vanish with the last thread and descriptor.

use std::thread;

use linux_net::{IfName, Netns};
use nix::sched::{CloneFlags, unshare};

/// Runs a test on a thread of its own, in a new network namespace.
pub fn isolated(test: impl FnOnce() + Send + 'static) {
    let thread = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("tests may make network namespaces");
        test();
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Makes another network namespace, which lives as long as the handle.
pub fn another() -> Netns {
    let thread = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("tests may make network namespaces");
        Netns::current().expect("/proc is mounted")
    });
    thread.join().expect("a namespace is made")
}

/// Makes an interface name out of a literal.
pub fn name(name: &str) -> IfName {
    IfName::try_from(name).expect("a valid name")
}
