//! The container image: what runtimes make of it.

use std::time::{Duration, Instant};

use cni_testkit::Host;
use serde_json::Value;

use crate::dist::{Dist, plugins};

/// The archive with the image's layout.
fn archive(dist: &Dist) -> String {
    dist.file("cni-plugins-oci-linux-", ".tar")
}

/// The image's files, unpacked on the host.
pub fn unpacked(host: &Host, dist: &Dist) -> &'static str {
    host.sh(&format!("mkdir /run/layout /run/image; tar -C /run/layout -xf {}", archive(dist)));
    let index = document(host, "index.json");
    let manifest = document(host, &blob(&index["manifests"][0]));
    host.sh(&format!("tar -C /run/image -xzf /run/layout/{}", blob(&manifest["layers"][0])));
    "/run/image"
}

fn document(host: &Host, path: &str) -> Value {
    serde_json::from_str(&host.sh(&format!("cat /run/layout/{path}"))).expect("JSON")
}

/// Where a descriptor's content is.
fn blob(descriptor: &Value) -> String {
    let digest = descriptor["digest"].as_str().expect("a digest");
    format!("blobs/{}", digest.replace(':', "/"))
}

/// Names are digests: a layout that lies is refused by runtimes.
#[test]
fn package_image_has_the_content_that_its_names_say() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    let root = unpacked(&host, &dist);
    host.sh("cd /run/layout/blobs/sha256; for f in *; do echo \"$f  $f\"; done | sha256sum --strict --quiet -c");
    let index = document(&host, "index.json");
    let manifest = document(&host, &blob(&index["manifests"][0]));
    let config = document(&host, &blob(&manifest["config"]));
    let layer = format!("/run/layout/{}", blob(&manifest["layers"][0]));
    let sum = host.sh(&format!("zcat {layer} | sha256sum"));
    let sum = sum.split_whitespace().next().expect("a sum");
    assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{sum}"));
    for name in plugins() {
        host.sh(&format!("test -x {root}/opt/cni/bin/{name}"));
    }
    let interpreters = host.sh(&format!("find {root} -type f -perm /111 | wc -l"));
    assert_eq!(
        interpreters.trim(),
        (plugins().len() + 2).to_string(),
        "plugins, cnitool, installer"
    );
}

#[test]
fn package_image_is_loaded_by_podman() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    let podman = "podman --root /run/podman/root --runroot /run/podman/run --tmpdir /run/podman/tmp \
                  --storage-driver vfs --events-backend none";
    // It keeps locks and a cache there, whatever it is told.
    host.sh("for d in /dev/shm /var/lib /var/tmp; do mount -t tmpfs tmpfs $d; done");
    host.sh(&format!("{podman} load --quiet --input {}", archive(&dist)));
    let version = env!("CARGO_PKG_VERSION");
    let shown = host.sh(&format!("{podman} image inspect localhost/cni-plugins:{version}"));
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    let config = &shown[0]["Config"];
    assert_eq!(config["Entrypoint"][0], "/cni-installer");
    assert_eq!(config["Cmd"][2], "/host/opt/cni/bin");
}

#[test]
fn package_image_is_imported_by_containerd() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    // It makes folders there whatever it is told.
    host.sh("mkdir -p /run/ctd; for d in /opt /var/lib; do mount -t tmpfs tmpfs $d; done");
    let _containerd = host.daemon(&[
        "containerd",
        "--root",
        "/run/ctd/root",
        "--state",
        "/run/ctd/state",
        "--address",
        "/run/ctd/socket",
        "--config",
        "/dev/null",
    ]);
    let ctr = "ctr --address /run/ctd/socket";
    let deadline = Instant::now() + Duration::from_secs(120);
    while !host.output(&["sh", "-c", &format!("{ctr} version")]).status.success() {
        assert!(Instant::now() < deadline, "containerd does not answer");
        std::thread::sleep(Duration::from_millis(100));
    }
    host.sh(&format!("{ctr} images import --no-unpack {}", archive(&dist)));
    let listed = host.sh(&format!("{ctr} images ls -q; {ctr} images check -q"));
    let name = format!("localhost/cni-plugins:{}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(listed, name.repeat(2), "listed, and complete");
}
