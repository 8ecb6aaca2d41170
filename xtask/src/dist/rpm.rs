//! RPM packages.

use anyhow::{Context, Result};
use rpm::{BuildConfig, CompressionWithLevel, Dependency, FileOptions, PackageBuilder, Scriptlet};

use super::tree::{Node, Tree};
use super::{LINKS, NAME, Shipment, sbom};

/// The release of the packaging of one version of the project.
const RELEASE: &str = "1";

/// What a package says about itself.
pub struct Header {
    name: &'static str,
    architecture: &'static str,
    license: String,
    summary: &'static str,
    description: &'static str,
    provides: Vec<Dependency>,
    requires: Vec<Dependency>,
    recommends: Vec<Dependency>,
    conflicts: Vec<Dependency>,
    has_units: bool,
}

/// The package of the set.
pub fn set(shipment: &Shipment) -> Header {
    let mut provides = vec![Dependency::eq("container-network-stack", "1")];
    // Fedora's guidelines ask for this of whatever is linked statically.
    let crates = shipment.linked.crates.keys();
    let bundled = |name: &str, version: &str| {
        Dependency::eq(format!("bundled(crate({name}))"), version.to_owned())
    };
    provides.extend(crates.map(|(name, version)| bundled(name, version)));
    Header {
        name: NAME,
        architecture: std::env::consts::ARCH,
        license: sbom::license(&shipment.linked),
        summary: "Plugins that connect containers to networks",
        description: "The plugins of the Container Network Interface (CNI) that containerd, CRI-O, \
                      Podman and\nNomad run for each container: a drop-in replacement for the \
                      reference plugins.",
        provides,
        requires: Vec::new(),
        recommends: vec![Dependency::any("iptables")],
        conflicts: vec![Dependency::any("containernetworking-plugins")],
        has_units: true,
    }
}

/// The package with links in the folder that other runtimes look into.
pub fn links(shipment: &Shipment) -> Header {
    let version = format!("{}-{RELEASE}", shipment.origin.version);
    Header {
        name: LINKS,
        architecture: "noarch",
        license: "Apache-2.0".to_owned(),
        summary: "Links to the CNI plugins in /opt/cni/bin",
        description: "For runtimes that look for CNI plugins in /opt/cni/bin, such as those of \
                      Kubernetes.",
        provides: Vec::new(),
        requires: vec![Dependency::eq(NAME, version)],
        recommends: Vec::new(),
        conflicts: vec![Dependency::any("kubernetes-cni")],
        has_units: false,
    }
}

/// What systemd's macros for packages stand for: a first installation follows the distribution's
/// presets, a removal stops the daemon, an upgrade replaces it. systemd's own package reloads units.
const UNITS: &str = "cni-dhcp.socket cni-dhcp.service";

/// The name of the package's file, and its bytes.
///
/// # Errors
///
/// When it cannot be packed.
pub fn package(shipment: &Shipment, header: &Header, data: &Tree) -> Result<(String, Vec<u8>)> {
    let origin = &shipment.origin;
    let time = u32::try_from(origin.time).context("the commit's time does not fit")?;
    let (name, architecture) = (header.name, header.architecture);
    let config = BuildConfig::v4().source_date(time).compression(CompressionWithLevel::Gzip(9));
    let mut builder =
        PackageBuilder::new(name, &origin.version, &header.license, architecture, header.summary);
    builder
        .using_config(config)
        .release(RELEASE)
        .description(header.description)
        .packager(&origin.maintainer)
        // The machine's name would be in the package otherwise.
        .build_host("localhost");
    let entry = origin.changes.iter().map(|change| format!("- {change}"));
    let entry = entry.collect::<Vec<_>>().join("\n");
    let author = format!("{} - {}-{RELEASE}", origin.maintainer, origin.version);
    builder.add_changelog_entry(author, entry, time);
    for dependency in &header.provides {
        builder.provides(dependency.clone());
    }
    for dependency in &header.requires {
        builder.requires(dependency.clone());
    }
    for dependency in &header.recommends {
        builder.recommends(dependency.clone());
    }
    for dependency in &header.conflicts {
        builder.conflicts(dependency.clone());
    }
    if header.has_units {
        add_scripts(&mut builder);
    }
    for (path, node) in data.nodes() {
        add(&mut builder, path, node).with_context(|| path.to_owned())?;
    }
    let mut bytes = Vec::new();
    builder.build()?.write(&mut bytes)?;
    let version = &origin.version;
    Ok((format!("{name}-{version}-{RELEASE}.{architecture}.rpm"), bytes))
}

fn add_scripts(builder: &mut PackageBuilder) {
    let when = |condition: &str, command: &str| {
        let guard = "[ -d /run/systemd/system ]";
        Scriptlet::new(format!(
            "if [ $1 -{condition} ] && {guard}; then\n    systemctl {command} {UNITS} || :\nfi\n"
        ))
        .prog(vec!["/bin/sh"])
    };
    builder.post_install_script(when("eq 1", "--no-reload preset"));
    builder.pre_uninstall_script(when("eq 0", "--no-reload disable --now"));
    builder.post_uninstall_script(when("ge 1", "try-restart"));
}

/// Adds what the package owns: files, links, and the folders that only it has.
fn add(builder: &mut PackageBuilder, path: &str, node: &Node) -> Result<()> {
    let to = format!("/{path}");
    let mode = |mode: u32| u16::try_from(mode).context("a mode has 16 bits");
    match node {
        Node::Folder if !path.contains("cni") => {}
        Node::Folder => {
            builder.with_dir_entry(FileOptions::dir(to).permissions(0o755))?;
        }
        Node::File { mode: permissions, content } => {
            let options = FileOptions::new(to).permissions(mode(*permissions)?);
            let options = match path {
                doc if doc.starts_with("usr/share/doc/") => options.doc(),
                page if page.starts_with("usr/share/man/") => options.doc(),
                license if license.starts_with("usr/share/licenses/") => options.license(),
                _ => options,
            };
            builder.with_file_contents(content.clone(), options)?;
        }
        Node::Link(target) | Node::HardLink(target) => {
            builder.with_symlink(FileOptions::symlink(to, target))?;
        }
    }
    Ok(())
}
