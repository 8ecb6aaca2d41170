//! host-local: one folder for both sets of executables, in turns and at the same time.

use std::path::Path;
use std::thread;

use cni_testkit::{Container, Host, Network, lacks_file};
use serde_json::{Value, json};

/// The reference's plugins.
const REFERENCE: &str = "/usr/lib/cni";

/// Where the addresses of `net1` are, each a file.
const FOLDER: &str = "/var/lib/cni/networks/net1";

/// The network `net1` with these range sets, in the newest version the packaged plugin knows; once
/// with the plugin under test and once with the reference's.
fn networks(host: &Host, ranges: Value) -> [Network<'_>; 2] {
    let ipam = json!({ "type": "host-local", "ranges": ranges });
    let config =
        json!({ "cniVersion": "1.0.0", "name": "net1", "type": "host-local", "ipam": ipam });
    let ours = host.network(config);
    let reference = ours.with_plugins(Path::new(REFERENCE));
    [ours, reference]
}

fn lacks_reference() -> bool {
    lacks_file(&format!("{REFERENCE}/host-local"))
}

/// The addresses that an ADD gives.
#[track_caller]
fn given(network: &Network<'_>, container: &Container) -> Vec<String> {
    let result = network.add(container, "eth0").succeeds().result();
    let ips = result["ips"].as_array().cloned().unwrap_or_default();
    ips.iter().map(|ip| ip["address"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Sizes, names and contents of all files, byte for byte. Not the modes: the packaged release lets
/// everybody read.
fn dump(host: &Host) -> String {
    host.sh(&format!("cd {FOLDER}; stat -c '%s %n' *; for f in *; do od -An -c $f; done"))
}

/// Whoever comes second finds what the first has left: addresses, owners, and where to go on.
#[test]
fn either_set_goes_on_where_the_other_stopped() {
    if lacks_reference() {
        return;
    }
    for swapped in [false, true] {
        let host = Host::new();
        let mut nets = networks(&host, json!([[{ "subnet": "10.1.2.0/24" }]]));
        if swapped {
            nets.reverse();
        }
        let [first, second] = nets;
        let [c1, c2, c3, c4] = ["c1", "c2", "c3", "c4"].map(|name| host.container(name));
        assert_eq!(given(&first, &c1), ["10.1.2.2/24"]);
        assert_eq!(given(&second, &c2), ["10.1.2.3/24"]);
        second.check(&c1, "eth0").succeeds();
        first.check(&c2, "eth0").succeeds();
        let refusal = "failed to allocate for range 0: 10.1.2.2 has been allocated to c1, \
                       duplicate allocation is not allowed";
        second.add(&c1, "eth0").fails(999, refusal);
        let refusal = "failed to allocate for range 0: requested IP address 10.1.2.3 is not \
                       available in range set 10.1.2.1-10.1.2.254";
        first.with_args("IP=10.1.2.3").add(&c3, "eth0").fails(999, refusal);
        second.del(&c1, "eth0").succeeds();
        let refusal = "host-local: Failed to find address added by container c1";
        first.check(&c1, "eth0").fails(999, refusal);
        first.del(&c2, "eth0").succeeds();
        second.check(&c2, "eth0").fails_with(999, "container c2");
        // Both go round the range: the addresses just freed come last.
        assert_eq!(given(&second, &c3), ["10.1.2.4/24"]);
        assert_eq!(given(&first, &c4), ["10.1.2.5/24"]);
        second.del(&c4, "eth0").succeeds();
        first.del(&c3, "eth0").succeeds();
        assert_eq!(host.sh(&format!("ls {FOLDER}")), "last_reserved_ip.0\nlock\n");
    }
}

/// Two range sets, a requested address, and a DEL.
#[test]
fn both_sets_leave_the_same_folder() {
    if lacks_reference() {
        return;
    }
    let dumps = [0, 1].map(|side| {
        let host = Host::new();
        let ranges = json!([
            [{ "subnet": "10.1.2.0/30" }, { "subnet": "10.1.3.0/24" }],
            [{ "subnet": "fd00:1::/64" }]
        ]);
        let net = &networks(&host, ranges)[side];
        let [c1, c2, c3] = ["c1", "c2", "c3"].map(|name| host.container(name));
        assert_eq!(given(net, &c1), ["10.1.2.2/30", "fd00:1::2/64"]);
        assert_eq!(given(net, &c2), ["10.1.3.2/24", "fd00:1::3/64"]);
        let requested = net.with_args("IP=10.1.3.77");
        assert_eq!(given(&requested, &c3), ["10.1.3.77/24", "fd00:1::4/64"]);
        net.del(&c2, "eth0").succeeds();
        dump(&host)
    });
    let [ours, reference] = dumps;
    assert!(ours.contains("c   1  \\r  \\n   e   t   h   0"), "{ours}");
    assert_eq!(ours, reference);
}

/// Files from before the interface was written down belong to every interface of the container.
#[test]
fn folders_of_old_releases_are_understood_alike() {
    if lacks_reference() {
        return;
    }
    for side in [0, 1] {
        let host = Host::new();
        let net = &networks(&host, json!([[{ "subnet": "10.1.2.0/24" }]]))[side];
        let [c1, c2] = ["c1", "c2"].map(|name| host.container(name));
        host.sh(&format!(
            "mkdir -p {FOLDER}; printf c1 > {FOLDER}/10.1.2.2; printf 'c9\\r\\neth0' > {FOLDER}/10.1.2.3
             printf 10.1.2.2 > {FOLDER}/last_reserved_ip.0"
        ));
        net.check(&c1, "eth7").succeeds();
        assert_eq!(given(net, &c2), ["10.1.2.4/24"]);
        net.del(&c1, "eth7").succeeds();
        assert_eq!(host.sh(&format!("ls {FOLDER} | grep ^10")), "10.1.2.3\n10.1.2.4\n");
    }
}

/// They wait for each other: no address is given twice, and the range is used to its end.
#[test]
fn both_sets_work_at_the_same_time() {
    if lacks_reference() {
        return;
    }
    let host = Host::new();
    let nets = networks(&host, json!([[{ "subnet": "10.1.2.0/27" }]]));
    // All but the network's, the gateway's and the broadcast address.
    let containers: Vec<Container> =
        (0..29).map(|number| host.container(&format!("c{number}"))).collect();
    let mut addresses: Vec<String> = thread::scope(|scope| {
        let adds: Vec<_> = containers
            .iter()
            .enumerate()
            .map(|(number, container)| {
                let net = &nets[number % 2];
                scope.spawn(move || given(net, container))
            })
            .collect();
        adds.into_iter().flat_map(|add| add.join().expect("an ADD that succeeds")).collect()
    });
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 29, "{addresses:?}");
    let late = host.container("late");
    for net in &nets {
        let refusal = "failed to allocate for range 0: \
                       no IP addresses available in range set: 10.1.2.1-10.1.2.30";
        net.add(&late, "eth0").fails(999, refusal);
    }
    thread::scope(|scope| {
        for (number, container) in containers.iter().enumerate() {
            let net = &nets[(number + 1) % 2];
            scope.spawn(move || net.del(container, "eth0").succeeds());
        }
    });
    assert_eq!(host.sh(&format!("ls {FOLDER}")), "last_reserved_ip.0\nlock\n");
}
