//! host-device: what a device can be named by.

use cni_testkit::{Host, difference, lacks_release};
use serde_json::{Value, json};

use crate::host_device::{RECENT, host_with_device, network};

/// A machine whose sysfs shows `hd0` as a PCI device, a virtio device on PCI and a sub-function,
/// and a PCI device driven by a program.
const SYSFS: &str = "
    mount -t tmpfs none /sys/bus; mount -t tmpfs none /sys/devices
    mkdir -p /sys/bus/pci/devices /sys/bus/pci/drivers/e1000 /sys/bus/pci/drivers/vfio-pci
    mkdir -p /sys/bus/auxiliary/devices/mlx5_core.sf.4/net/hd0
    for address in 0000:00:01.0 0000:00:02.0 0000:00:03.0 0000:00:04.0; do
        mkdir -p /sys/devices/pci0000:00/$address
        ln -s ../../../devices/pci0000:00/$address /sys/bus/pci/devices/$address
    done
    cd /sys/devices/pci0000:00
    mkdir -p 0000:00:01.0/net/hd0 0000:00:01.0/net/wire 0000:00:02.0/virtio7/net/hd0 0000:00:02.0/virtio9/net/wire
    ln -s ../../../bus/pci/drivers/e1000 0000:00:01.0/driver
    ln -s ../../../bus/pci/drivers/e1000 0000:00:02.0/driver
    ln -s ../../../bus/pci/drivers/vfio-pci 0000:00:03.0/driver
    mkdir -p 0000:00:04.0/net
";

fn host() -> Host {
    let host = host_with_device();
    host.sh(SYSFS);
    host
}

fn by_id(id: &str) -> Value {
    json!({ "runtimeConfig": { "deviceID": id } })
}

#[test]
fn a_device_is_named_in_many_ways() {
    let host = host();
    host.sh("ip link property add dev hd0 altname a-name-of-twenty-bytes altname short");
    let before = host.world();
    let mut ways = vec![
        json!({ "DEVICE": "hd0" }),
        json!({ "hwaddr": "02-00-00-00-00-01" }),
        json!({ "hwaddr": "0200.0000.0001", "kernelpath": "/sys/devices/nowhere" }),
        json!({ "kernelpath": "/sys/devices/pci0000:00/0000:00:01.0" }),
        json!({ "kernelpath": "/sys/devices/nowhere/.././pci0000:00/0000:00:01.0/" }),
        json!({ "pciBusID": "0000:00:01.0" }),
        json!({ "pciBusID": "0000:00:02.0" }),
        json!({ "pciBusID": "0000:00:04.0", "runtimeConfig": { "deviceID": "0000:00:01.0" } }),
        json!({ "device": "hd0", "hwaddr": "none", "runtimeConfig": { "deviceID": "0000:00:02.0" } }),
    ];
    if !lacks_release(RECENT) {
        ways.push(json!({ "device": "a-name-of-twenty-bytes" }));
        ways.push(json!({ "device": "short" }));
        ways.push(by_id("mlx5_core.sf.4"));
    }
    for keys in ways {
        let c1 = host.container("c1");
        let net = network(&host, keys.clone());
        let result = net.add(&c1, "eth0").succeeds().result();
        assert_eq!(result["interfaces"][0]["mac"], "02:00:00:00:00:01", "{keys}");
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
        assert_eq!(host.world(), before, "{keys}");
    }
}

/// Of several interfaces with the address it is the oldest; the other is not touched.
#[test]
fn a_shared_hardware_address_means_the_first_interface() {
    let host = host_with_device();
    let before = host.exec(&["ip", "-o", "link"]);
    let first = before.find("hd0@").expect("hd0") < before.find("wire@").expect("wire");
    host.sh("ip link set wire address 02:00:00:00:00:01");
    let c1 = host.container("c1");
    let net = network(&host, json!({ "hwaddr": "02:00:00:00:00:01" }));
    net.add(&c1, "eth0").succeeds();
    let left = if first { "wire" } else { "hd0" };
    assert!(host.shown().contains(&format!("link {left} ")), "{}", host.shown());
    net.del(&c1, "eth0").succeeds();
}

#[test]
fn what_cannot_be_found_is_told_in_the_words_of_the_reference() {
    let host = host();
    let c1 = host.container("c1");
    let before = host.world();
    let has_other_words = lacks_release(RECENT);
    let not_found = |text: &str| format!("failed to find host device: {text}");
    for (keys, text) in [
        (json!({}), r#"specify either "device", "hwaddr", "kernelpath" or "pciBusID""#.to_owned()),
        (json!({ "device": "nowhere" }), not_found("Link not found")),
        (
            json!({ "hwaddr": "zz" }),
            not_found("failed to parse MAC address \"zz\": address zz: invalid MAC address"),
        ),
        (json!({ "hwaddr": "02:00:00:00:00:77" }), not_found("failed to find physical interface")),
        (json!({ "hwaddr": "00:00:00:00:00:00" }), not_found("failed to find physical interface")),
        (
            json!({ "kernelpath": "/sys/class/net/hd0" }),
            not_found(
                "kernel device path \"/sys/class/net/hd0\" must be absolute and begin with /sys/devices/",
            ),
        ),
        (
            json!({ "kernelpath": "/sys/devices/x/" }),
            not_found(
                "failed to read directory /sys/devices/x/net: \"open /sys/devices/x/net: no such file or directory\"",
            ),
        ),
        (
            json!({ "kernelpath": "/sys/devices/pci0000:00/0000:00:04.0" }),
            not_found(
                "failed to find network device in path /sys/devices/pci0000:00/0000:00:04.0/net",
            ),
        ),
        (
            json!({ "pciBusID": "0000:99:00.0" }),
            "error with host device: lstat /sys/bus/pci/devices/0000:99:00.0: no such file or directory"
                .to_owned(),
        ),
        (
            json!({ "pciBusID": "0000:00:04.0" }),
            "error with host device: lstat /sys/devices/pci0000:00/0000:00:04.0/driver: no such file or directory"
                .to_owned(),
        ),
        (
            by_id("0000:99:00.0"),
            "runtime config DeviceID 0000:99:00.0 not found or unsupported".to_owned(),
        ),
    ] {
        let outcome = network(&host, keys.clone()).add(&c1, "eth0");
        if has_other_words {
            drop(outcome.fails_with(999, ""));
        } else {
            drop(outcome.fails(999, &text));
        }
    }
    host.sh("rm -r /sys/devices/pci0000:00/0000:00:01.0/net");
    let outcome = network(&host, json!({ "pciBusID": "0000:00:01.0" })).add(&c1, "eth0");
    drop(outcome.fails_with(999, "no net directory under pci device 0000:00:01.0"));
    assert_eq!(host.world(), before);
    assert_eq!(c1.shown(), "");
}

/// A program in the container drives the device: it is reported, and nothing is moved.
#[test]
fn a_device_for_dpdk_is_only_reported() {
    if lacks_release(RECENT) {
        return;
    }
    let host = host();
    let before = host.world();
    let c1 = host.container("c1");
    let ipam = json!({ "type": "static", "addresses": [{ "address": "10.1.2.9/24" }],
                       "routes": [{ "dst": "0.0.0.0/0", "gw": "10.1.2.1" }] });
    for mut keys in [
        json!({ "pciBusID": "0000:00:03.0" }),
        by_id("0000:00:03.0"),
        json!({ "device": "hd0", "dpdkMode": true }),
    ] {
        let net = network(&host, keys.clone());
        let result = net.add(&c1, "eth0").succeeds().result();
        assert_eq!(result["interfaces"], json!([{ "name": "eth0", "sandbox": c1.netns_path() }]));
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
        keys["ipam"] = ipam.clone();
        let net = network(&host, keys);
        net.add(&c1, "eth0").succeeds().result_is("host-device/dpdk");
        assert_eq!(c1.shown(), "");
        net.check(&c1, "eth0").succeeds().silent();
        net.without_prev_result().check(&c1, "eth0").fails(999, "Required prevResult missing");
        net.del(&c1, "eth0").succeeds().silent();
        net.del(&c1, "eth0").succeeds().silent();
        assert_eq!(host.world(), before);
    }
}

/// The reference follows them, wherever they lead.
#[test]
fn ids_are_no_paths() {
    let host = host();
    let c1 = host.container("c1");
    let id = "../devices/0000:00:01.0";
    difference("host-device-paths", || {
        let text = format!("runtime config DeviceID {id} not found or unsupported");
        network(&host, by_id(id)).add(&c1, "eth0").fails(999, &text);
        network(&host, json!({ "pciBusID": id })).add(&c1, "eth0").fails(
            999,
            "error with host device: lstat /sys/bus/pci/devices/../devices/0000:00:01.0: no such file or directory",
        );
    });
}
