//! host-local: many containers, at once and in thousands, and an index that is never believed
//! when something else has changed the folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use cni_testkit::{Container, Host, Network, against_reference, difference, lacks_file};
use serde_json::json;

use crate::host_local::{
    FOLDER, STORE, files, given, network, of, plain, put, reserved, take_away,
};

/// The reference's plugins.
const REFERENCE: &str = "/usr/lib/cni";

/// Reservations of containers `crowd0`, `crowd1`, …: enough for the index to be kept.
fn crowd(host: &Host, addresses: impl Iterator<Item = String> + Send + 'static) {
    put(host, "lock", "");
    host.run(|| {
        for (number, address) in addresses.enumerate() {
            let path = Path::new(FOLDER).join(address);
            #[expect(clippy::disallowed_methods, reason = "the test plays thousands of calls")]
            fs::write(path, format!("crowd{number}\r\neth0")).expect("a reservation");
        }
    });
}

#[test]
fn fifty_containers_at_once_have_addresses_of_their_own() {
    let host = Host::new();
    let c1 = host.container("c1");
    let ranges = json!([[{ "subnet": "10.1.2.0/26" }], [{ "subnet": "fd00::/64" }]]);
    let net = network(&host, json!({ "ranges": ranges }));
    let at_once = |call: fn(&Network<'_>, &Container) -> Vec<String>| -> Vec<String> {
        thread::scope(|scope| {
            let calls: Vec<_> = (0..50)
                .map(|number| of(&net, &format!("c{number}")))
                .map(|net| scope.spawn(|| call(&{ net }, &c1)))
                .collect();
            calls.into_iter().flat_map(|call| call.join().expect("a call that succeeds")).collect()
        })
    };
    let mut addresses = at_once(given);
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 100, "{addresses:?}");
    assert_eq!(reserved(&host).len(), 100);
    at_once(|net, c1| {
        net.check(c1, "eth0").succeeds();
        net.del(c1, "eth0").succeeds();
        Vec::new()
    });
    assert!(reserved(&host).is_empty());
}

/// What belongs to whom, as the test knows it.
struct Crowded<'h> {
    host: &'h Host,
    container: Container,
    /// Ours, and the reference's where it is installed.
    sets: Vec<Network<'h>>,
    owners: BTreeMap<String, String>,
    /// How many containers there can be.
    containers: usize,
    /// Tells what happens next; xorshift.
    chance: u64,
}

impl Crowded<'_> {
    fn below(&mut self, bound: usize) -> usize {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        usize::try_from(self.chance % bound as u64).expect("below a usize")
    }

    /// Our plugin two times out of three.
    fn any_set(&mut self) -> usize {
        self.below(3).saturating_sub(1).min(self.sets.len() - 1)
    }

    fn any_id(&mut self) -> String {
        format!("crowd{}", self.below(self.containers))
    }

    /// One call or one change by hand, and that it had the effect it has without an index.
    fn step(&mut self) {
        let id = self.any_id();
        let set = self.any_set();
        let net = of(&self.sets[set], &id);
        let held = self.owners.iter().find(|(_, owner)| **owner == id);
        let held = held.map(|(address, _)| address.clone());
        match (self.below(8), held) {
            (0..=2, None) => {
                let address = given(&net, &self.container).concat();
                let address = address.trim_end_matches("/24").to_owned();
                assert_eq!(self.owners.insert(address, id), None, "given twice");
            }
            (0..=2, Some(held)) => {
                let msg = format!("{held} has been allocated to {id}");
                net.add(&self.container, "eth0").fails_with(999, &msg);
            }
            (3..=4, held) => {
                net.del(&self.container, "eth0").succeeds();
                held.map(|held| self.owners.remove(&held));
            }
            (5, held) => {
                let outcome = net.check(&self.container, "eth0");
                match held {
                    Some(_) => drop(outcome.succeeds()),
                    None => drop(outcome.fails_with(999, &id)),
                }
            }
            (6, None) => {
                let free = (2..250).map(|i| format!("10.1.2.{i}"));
                let free: Vec<_> = free.filter(|ip| !self.owners.contains_key(ip)).collect();
                let address = free[self.below(free.len())].clone();
                put(self.host, &address, &format!("{id}\r\neth0"));
                self.owners.insert(address, id);
            }
            (6, Some(held)) => {
                take_away(self.host, &held);
                self.owners.remove(&held);
            }
            // An index from another time, as an incomplete backup brings it back.
            (_, None) => {
                self.host.sh("cp -a /run/old-index/. /var/lib/cni/networks/.owners 2>&- || true");
            }
            (_, Some(_)) => {
                self.host.sh("cp -a /var/lib/cni/networks/.owners/. /run/old-index 2>&- || true");
            }
        }
        let expected: Vec<_> = self.owners.keys().cloned().collect();
        assert_eq!(reserved(self.host), expected);
    }
}

/// Calls of both sets, files made and removed by hand, and outdated indexes, in any order: every
/// call sees the folder as it is.
#[test]
fn a_changed_folder_is_seen_in_spite_of_the_index() {
    // The second is now above, now below the number from which on there is an index.
    for (seed, containers) in [(1, 90), (2, 55), (3, 90)] {
        println!("seed {seed}");
        let host = Host::new();
        let net = plain(&host).with_config("cniVersion", json!("1.0.0"));
        let mut sets = vec![net.clone()];
        if Path::new(REFERENCE).join("host-local").exists() {
            sets.push(net.with_plugins(Path::new(REFERENCE)));
        }
        host.sh("mkdir /run/old-index");
        crowd(&host, (2..52).map(|i| format!("10.1.2.{i}")));
        let owners = (0..50).map(|i| (format!("10.1.2.{}", i + 2), format!("crowd{i}"))).collect();
        let container = host.container("c1");
        let chance = 0x9e37_79b9_7f4a_7c15 ^ seed;
        let mut crowded = Crowded { host: &host, container, sets, owners, containers, chance };
        for _ in 0..120 {
            crowded.step();
        }
    }
}

/// The folder is put back as it was, its time included, and so is the index or is not.
#[test]
fn a_restored_folder_is_seen() {
    for what in ["net1", ".owners", "net1 .owners"] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = plain(&host);
        crowd(&host, (100..160).map(|i| format!("10.1.2.{i}")));
        given(&net, &c1);
        host.sh(&format!("mkdir -p /run/backup {STORE}/.owners; cp -a {STORE}/. /run/backup"));
        net.del(&c1, "eth0").succeeds();
        given(&of(&net, "c2"), &c1);
        host.sh(&format!("cd {STORE}; rm -r {what}; cd /run/backup; cp -a {what} {STORE}"));
        let c1_is_back = what.starts_with("net1");
        for (id, is_there) in [("c1", c1_is_back), ("c2", !c1_is_back)] {
            let outcome = of(&net, id).check(&c1, "eth0");
            if is_there {
                outcome.succeeds();
            } else {
                outcome.fails_with(999, id);
            }
            of(&net, id).del(&c1, "eth0").succeeds();
        }
        assert_eq!(reserved(&host).len(), 60, "{what}");
    }
}

/// Reservations edited in place do not change the folder.
#[test]
fn an_edited_reservation_is_read_again() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plain(&host);
    crowd(&host, (100..160).map(|i| format!("10.1.2.{i}")));
    given(&net, &c1);
    net.check(&c1, "eth0").succeeds();
    put(&host, "10.1.2.2", "c1");
    net.check(&c1, "eth5").succeeds();
    put(&host, "10.1.2.2", "other\r\neth0");
    net.check(&c1, "eth0").fails_with(999, "container c1");
    net.del(&c1, "eth0").succeeds();
    assert!(files(&host).contains("net1/10.1.2.2 \"other"));
    put(&host, "10.1.2.2", "c1");
    net.del(&c1, "eth5").succeeds();
    assert_eq!(reserved(&host).len(), 60);
}

/// An index that cannot be read or written, whether or not the folder has changed since.
#[test]
fn a_broken_index_costs_nothing_but_time() {
    for breakage in [
        "rm -r .owners",
        "rm -r .owners; touch .owners",
        "rm -r .owners/net1; ln -s /run/absent/x .owners/net1",
        "cd .owners/net1; for file in ??; do rm $file; mkdir $file; done",
        "cd .owners/net1; for file in ??; do printf '\\377' > $file; done",
        "cd .owners/net1; for file in *; do head -c 100 /dev/urandom > $file; done",
        "mount -t tmpfs -o ro none .owners",
        "mount --bind .owners .owners; mount -o remount,bind,ro .owners",
    ] {
        for is_changed in [false, true] {
            let host = Host::new();
            let c1 = host.container("c1");
            let net = plain(&host);
            crowd(&host, (100..160).map(|i| format!("10.1.2.{i}")));
            given(&net, &c1);
            if against_reference() {
                host.sh(&format!("mkdir -p {STORE}/.owners/net1; touch {STORE}/.owners/net1/00"));
            }
            host.sh(&format!("cd {STORE}; {breakage}"));
            if is_changed {
                put(&host, "10.1.2.160", "c9\r\neth0");
            }
            net.add(&c1, "eth0").fails_with(999, "10.1.2.2 has been allocated to c1");
            assert_eq!(given(&of(&net, "c2"), &c1), ["10.1.2.3/24"], "{breakage}");
            for id in ["c1", "c2", "c9", "crowd7"] {
                of(&net, id).del(&c1, "eth0").succeeds().silent();
            }
            assert_eq!(reserved(&host).len(), 59, "{breakage}");
        }
    }
}

/// A set of plugins of which host-local writes down the system calls by which it looks at files,
/// in `/run/trace`.
fn traced<'h>(net: &Network<'h>, wrapper: &tempfile::TempDir) -> Network<'h> {
    let executable = cni_testkit::plugin_dir().join("host-local");
    let script = format!(
        "#!/bin/sh\nexec strace -f -qq -o /run/trace -e trace=open,openat,getdents64 '{}'\n",
        executable.display()
    );
    let path = wrapper.path().join("host-local");
    #[expect(clippy::disallowed_methods, reason = "a file of the test itself")]
    fs::write(&path, script).expect("the wrapper");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    net.with_plugins(wrapper.path())
}

/// Among 20,000 reservations a call reads those of its container, and not even the list of the
/// others.
#[test]
fn thousands_of_reservations_are_not_read() {
    if lacks_file("/usr/bin/strace") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, json!({ "subnet": "10.64.0.0/16" }));
    let address = |i: u32| std::net::Ipv4Addr::from_bits(0x0a40_0000 + i).to_string();
    crowd(&host, (2..20_002).map(address));
    // Without a marker the search begins at the first address.
    assert_eq!(given(&of(&net, "first"), &c1), ["10.64.78.34/16"]);
    let wrapper = tempfile::tempdir().expect("a folder");
    let net = traced(&net, &wrapper);
    let opened = |what: &str| {
        let trace = host.sh("cat /run/trace");
        let reservations = trace.matches("\"10.64.").count() + trace.matches("/10.64.").count();
        assert!(trace.contains("lock\""), "{what}: nothing traced:\n{trace}");
        (reservations, trace.matches("getdents64(").count())
    };
    difference("host-local-index", || {
        assert_eq!(given(&net, &c1), ["10.64.78.35/16"]);
        assert_eq!(opened("ADD"), (0, 0));
        net.add(&c1, "eth0").fails_with(999, "10.64.78.35 has been allocated to c1");
        assert_eq!(opened("repeated ADD"), (1, 0));
        net.check(&c1, "eth0").succeeds();
        assert_eq!(opened("CHECK"), (1, 0));
        of(&net, "crowd12345").del(&c1, "eth0").succeeds();
        assert_eq!(opened("DEL"), (1, 0));
        of(&net, "unknown").del(&c1, "eth0").succeeds();
        assert_eq!(opened("DEL of an unknown container"), (0, 0));
    });
}
