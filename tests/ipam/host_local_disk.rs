//! host-local: disks that are full or cannot be written, and the lock.

use std::thread;

use cni_testkit::{Container, Host, Network, difference};
use serde_json::json;

use crate::host_local::{FOLDER, STORE, files, files_in, given, network, of, plain, put, reserved};

/// Mounts a small disk of its own for the store.
fn small_disk(host: &Host, options: &str) {
    host.sh(&format!("mkdir -p {STORE}; mount -t tmpfs -o {options} none {STORE}"));
}

/// Fills the disk of the store up to so many pages of 4 KiB.
fn fill(host: &Host, free: usize) {
    host.sh(&format!(
        "cd {STORE}; rm -f filling; pages=$(stat -f -c %a .)
         head -c $(( (pages - {free}) * 4096 )) /dev/zero > filling; [ $(stat -f -c %a .) = {free} ]"
    ));
}

/// However much is left, an ADD has all it needs or changes nothing.
#[test]
fn a_full_disk_leaves_no_part_of_an_add() {
    difference("host-local-full-disk", || {
        for is_first in [true, false] {
            let host = Host::new();
            let c1 = host.container("c1");
            small_disk(&host, "size=128k");
            let ranges = json!([[{ "subnet": "10.1.2.0/24" }], [{ "subnet": "fd00::/64" }]]);
            let net = network(&host, json!({ "ranges": ranges }));
            put(&host, "lock", "");
            if !is_first {
                given(&of(&net, "first"), &c1);
            }
            let before = files_in(&host, FOLDER);
            let mut free = 0;
            loop {
                fill(&host, free);
                let outcome = net.add(&c1, "eth0");
                if outcome.is_success() {
                    outcome.succeeds();
                    break;
                }
                outcome.fails_with(999, "no space left on device");
                assert_eq!(files_in(&host, FOLDER), before, "with {free} pages");
                free += 1;
            }
            assert!(free > 0, "the disk never was full");
            net.check(&c1, "eth0").succeeds();
        }
    });
}

/// Nor does a disk without room for another file.
#[test]
fn a_disk_without_inodes_leaves_no_part_of_an_add() {
    difference("host-local-full-disk", || {
        let mut inodes = 2;
        loop {
            let host = Host::new();
            let c1 = host.container("c1");
            small_disk(&host, &format!("nr_inodes={inodes}"));
            let outcome = plain(&host).add(&c1, "eth0");
            if outcome.is_success() {
                outcome.succeeds();
                break;
            }
            outcome.fails_with(999, "no space left on device");
            assert!(reserved(&host).is_empty(), "with {inodes} inodes");
            inodes += 1;
        }
        assert!(inodes > 2, "the disk never was full");
    });
}

/// DEL needs no space, neither for the index.
#[test]
fn a_full_disk_is_no_obstacle_for_del() {
    let host = Host::new();
    let c1 = host.container("c1");
    small_disk(&host, "size=1m");
    let net = plain(&host);
    for i in 100..180 {
        put(&host, &format!("10.1.2.{i}"), &format!("c{i}\r\neth0"));
    }
    given(&net, &c1);
    fill(&host, 0);
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds().silent();
    of(&net, "c170").del(&c1, "eth0").succeeds().silent();
    assert_eq!(reserved(&host).len(), 79);
    host.sh(&format!("rm {STORE}/filling"));
    of(&net, "c171").del(&c1, "eth0").succeeds();
    of(&net, "c170").check(&c1, "eth0").fails_with(999, "container c170");
    assert_eq!(reserved(&host).len(), 78);
}

/// However much is left, what ADD has given is found again: the index may have had no room.
#[test]
fn a_full_disk_hides_no_address() {
    let host = Host::new();
    let c1 = host.container("c1");
    small_disk(&host, "size=1m");
    for i in 100..140 {
        put(&host, &format!("10.1.2.{i}"), &format!("c{i}\r\neth0"));
    }
    let mut successes = 0;
    for free in 0..10 {
        let net = of(&plain(&host), &format!("new{free}"));
        // A call with room for the index, and no marker whose page could be used again.
        host.sh(&format!("cd {STORE}; rm -f filling net1/last_reserved_ip.0"));
        net.del(&c1, "eth0").succeeds();
        fill(&host, free);
        if net.add(&c1, "eth0").is_success() {
            successes += 1;
            net.check(&c1, "eth0").succeeds();
        }
        net.del(&c1, "eth0").succeeds();
        assert_eq!(reserved(&host).len(), 40, "with {free} pages");
    }
    assert!(0 < successes && successes < 10, "{successes} of 10 had room");
}

#[test]
fn a_read_only_store_can_be_looked_at() {
    let host = Host::new();
    let c1 = host.container("c1");
    small_disk(&host, "size=1m");
    let net = plain(&host);
    given(&net, &c1);
    host.sh(&format!("mount -o remount,ro {STORE}"));
    let before = files(&host);
    net.check(&c1, "eth0").succeeds();
    of(&net, "c2").add(&c1, "eth0").fails_with(999, "read-only file system");
    of(&net, "c2").del(&c1, "eth0").succeeds();
    difference("host-local-del-tells-what-stays", || {
        let msg = format!("free the address \"{FOLDER}/10.1.2.2\": read-only file system");
        net.del(&c1, "eth0").fails(999, &msg);
    });
    assert_eq!(files(&host), before);
    host.sh(&format!("mount -o remount,rw {STORE}"));
    net.del(&c1, "eth0").succeeds();
    assert!(reserved(&host).is_empty());
}

/// Everybody waits for whoever holds the lock, and sees what that one has done.
#[test]
fn the_lock_is_waited_for() {
    type Call = fn(&Network<'_>, &Container);
    let add: Call = |net, c1| {
        net.add(c1, "eth0").fails_with(999, "10.1.2.3 has been allocated to c1");
    };
    let check: Call = |net, c1| {
        net.check(c1, "eth0").succeeds();
    };
    let del: Call = |net, c1| {
        net.del(c1, "eth0").succeeds();
    };
    for (call, left) in [(add, 2), (check, 2), (del, 1)] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = plain(&host);
        given(&of(&net, "first"), &c1);
        thread::scope(|scope| {
            scope.spawn(|| {
                host.sh(&format!(
                    "cd {FOLDER}; flock lock sh -c 'touch /run/held; sleep 0.2
                     printf \"c1\\r\\neth0\" > 10.1.2.3'"
                ))
            });
            host.sh("until [ -e /run/held ]; do sleep 0.01; done");
            call(&net, &c1);
        });
        assert_eq!(reserved(&host).len(), left);
    }
}

/// Without the lock nothing is reserved.
#[test]
fn a_lock_that_cannot_be_opened_is_an_error() {
    let host = Host::new();
    let c1 = host.container("c1");
    host.sh(&format!("mkdir -p {FOLDER}; ln -s /run/absent/lock {FOLDER}/lock"));
    plain(&host).add(&c1, "eth0").fails_with(999, "no such file or directory");
    assert!(reserved(&host).is_empty());
}
