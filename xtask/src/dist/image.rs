//! A container image that installs the set: an OCI layout in a tar archive.

use anyhow::Result;
use serde_json::{Value, json};

use super::checksums::sha256;
use super::origin::go_architecture;
use super::tree::Tree;
use super::{NAME, Shipment, tarball};

/// Where the image's installer finds the plugins.
const PLUGINS: &str = "opt/cni/bin";

/// Where the host's folder is mounted.
const HOST: &str = "/host/opt/cni/bin";

/// Packs the image: one layer, its configuration, its manifest, and the index.
///
/// # Errors
///
/// When it cannot be packed.
pub fn layout(shipment: &Shipment) -> Result<Vec<u8>> {
    let (version, time) = (&shipment.origin.version, shipment.origin.time);
    let created = &shipment.origin.created;
    let mut layout = Tree::default();
    let mut add = |media_type: &str, content: &[u8]| {
        let digest = sha256(content);
        layout.file(&format!("blobs/sha256/{digest}"), content);
        json!({
            "mediaType": media_type,
            "digest": format!("sha256:{digest}"),
            "size": content.len(),
        })
    };
    let files = tarball::plain(&files(shipment)?, time)?;
    let layer = add("application/vnd.oci.image.layer.v1.tar+gzip", &tarball::gzip(&files, time)?);
    let labels = json!({
        "org.opencontainers.image.title": NAME,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.licenses": super::sbom::license(&shipment.linked),
    });
    let config = json!({
        "created": created,
        "architecture": go_architecture(),
        "os": "linux",
        "config": {
            "Entrypoint": ["/cni-installer"],
            "Cmd": ["install", "--to", HOST],
            "WorkingDir": "/",
            "Labels": labels,
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", sha256(&files))] },
        "history": [{ "created": created, "created_by": "cargo xtask dist" }],
    });
    let config = add("application/vnd.oci.image.config.v1+json", &bytes(&config)?);
    let manifest_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": config,
        "layers": [layer],
    });
    let mut manifest = add(manifest_type, &bytes(&manifest)?);
    manifest["platform"] = json!({ "architecture": go_architecture(), "os": "linux" });
    manifest["annotations"] = json!({
        // The names that `ctr image import` and `podman load` give it.
        "io.containerd.image.name": format!("localhost/{NAME}:{version}"),
        "org.opencontainers.image.ref.name": format!("localhost/{NAME}:{version}"),
    });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    layout.file("index.json", &bytes(&index)?);
    layout.file("oci-layout", &bytes(&json!({ "imageLayoutVersion": "1.0.0" }))?);
    tarball::plain(&layout, time)
}

/// What is in the image: no shell, no library, one program that copies.
fn files(shipment: &Shipment) -> Result<Tree> {
    let mut tree = shipment.papers()?;
    tree.executable("cni-installer", &shipment.installer);
    for (name, content) in &shipment.executables {
        tree.executable(&format!("{PLUGINS}/{name}"), content);
    }
    tree.file("sbom.spdx.json", shipment.sbom.as_bytes());
    Ok(tree)
}

fn bytes(document: &Value) -> Result<Vec<u8>> {
    Ok(serde_json::to_vec(document)?)
}
