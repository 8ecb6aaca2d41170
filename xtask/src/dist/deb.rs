//! Debian packages, as dpkg-deb(1) and deb(5) have them.

use anyhow::Result;

use super::origin::go_architecture;
use super::tree::{Node, Tree};
use super::{LINKS, NAME, Shipment, tarball};

/// The version of the packaging of one version of the project.
const REVISION: &str = "1";

/// What a package says about itself.
pub struct Control {
    name: &'static str,
    architecture: &'static str,
    /// The fields between `Maintainer` and `Description`.
    fields: String,
    description: String,
    /// Maintainer scripts by name.
    scripts: &'static [(&'static str, &'static str)],
}

/// The package of the set.
pub fn set(shipment: &Shipment) -> Control {
    let mut description = DESCRIPTION.to_owned();
    let plugins = shipment.executables.iter().map(|(name, _)| name.as_str());
    let plugins: Vec<_> = plugins.filter(|name| *name != "cnitool").collect();
    let plugins = wrapped(&format!("The plugins: {}.", plugins.join(", ")), " ");
    description += &format!(" .\n{plugins}\n");
    Control {
        name: NAME,
        architecture: go_architecture(),
        // The executables are static. Where a configuration, or a node that the reference has served
        // before, has rules of iptables, its program is needed to take them away.
        fields: "Recommends: iptables\n\
                 Suggests: nftables\n\
                 Provides: container-network-stack (= 1), containernetworking-plugins\n\
                 Conflicts: containernetworking-plugins\n\
                 Replaces: containernetworking-plugins\n"
            .to_owned(),
        description,
        scripts: &[
            ("postinst", include_str!("../../../packaging/debian/postinst")),
            ("prerm", include_str!("../../../packaging/debian/prerm")),
            ("postrm", include_str!("../../../packaging/debian/postrm")),
        ],
    }
}

/// The package with links in the folder that other runtimes look into.
pub fn links(shipment: &Shipment) -> Control {
    Control {
        name: LINKS,
        architecture: "all",
        fields: format!("Depends: {NAME} (= {})\nConflicts: kubernetes-cni\n", version(shipment)),
        description: LINKS_DESCRIPTION.to_owned(),
        scripts: &[],
    }
}

const DESCRIPTION: &str = "\
Description: plugins that connect containers to networks
 The plugins of the Container Network Interface (CNI) that containerd, CRI-O,
 Podman and Nomad run for each container: interfaces, addresses, published
 ports, firewall rules and limits. They are a drop-in replacement for the
 reference plugins of the package containernetworking-plugins, with the same
 names, configuration and results, and can take over from them, and hand back,
 while containers run.
 .
 The command cnitool runs lists of plugins by hand.
";

const LINKS_DESCRIPTION: &str = "\
Description: plugins that connect containers to networks - links in /opt
 Runtimes that are not of this distribution, such as those of Kubernetes, look
 for CNI plugins in the folder /opt/cni/bin. This package has links there to
 the plugins of the package cni-plugins, for administrators who want them.
";

/// The name of the package's file, and its bytes.
///
/// # Errors
///
/// When it cannot be packed.
pub fn package(shipment: &Shipment, control: &Control, data: &Tree) -> Result<(String, Vec<u8>)> {
    let time = shipment.origin.time;
    let version = version(shipment);
    let mut about = Tree::default();
    let (name, architecture) = (control.name, control.architecture);
    let text = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n\
         Maintainer: {}\nInstalled-Size: {}\n{}Section: admin\nPriority: optional\n{}",
        shipment.origin.maintainer,
        installed_size(data),
        control.fields,
        control.description,
    );
    about.file("control", text.as_bytes());
    let sums = data.files().map(|(path, content)| format!("{}  {path}\n", md5(content)));
    about.file("md5sums", sums.collect::<String>().as_bytes());
    for (script, text) in control.scripts {
        about.executable(script, text.as_bytes());
    }
    let mut archive = ar::Builder::new(Vec::new());
    for (member, content) in [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", tarball::gzipped(&about, time)?),
        ("data.tar.gz", tarball::gzipped(data, time)?),
    ] {
        let mut header = ar::Header::new(member.into(), content.len() as u64);
        header.set_mtime(time);
        header.set_mode(0o100_644);
        archive.append(&header, content.as_slice())?;
    }
    Ok((format!("{name}_{version}_{architecture}.deb"), archive.into_inner()?))
}

/// Copyright, change log and what lintian is to know, as Debian wants them.
///
/// # Errors
///
/// When the change log cannot be compressed.
pub fn add_papers(shipment: &Shipment, doc: &str, tree: &mut Tree) -> Result<()> {
    tree.file(&format!("{doc}/copyright"), include_bytes!("../../../packaging/debian/copyright"));
    tree.file(
        &format!("{doc}/THIRD-PARTY-NOTICES.gz"),
        &tarball::gzip(shipment.notices.as_bytes(), 0)?,
    );
    let log = tarball::gzip(changelog(shipment).as_bytes(), 0)?;
    tree.file(&format!("{doc}/changelog.Debian.gz"), &log);
    let overrides = include_bytes!("../../../packaging/debian/cni-plugins.lintian-overrides");
    tree.file(&format!("usr/share/lintian/overrides/{NAME}"), overrides);
    Ok(())
}

/// What lintian is to know of the package with links.
pub fn add_links_overrides(tree: &mut Tree) {
    let overrides = include_bytes!("../../../packaging/debian/cni-plugins-opt.lintian-overrides");
    tree.file(&format!("usr/share/lintian/overrides/{LINKS}"), overrides);
}

fn version(shipment: &Shipment) -> String {
    format!("{}-{REVISION}", shipment.origin.version)
}

/// The newest entry of the change log in Debian's form.
fn changelog(shipment: &Shipment) -> String {
    let origin = &shipment.origin;
    let changes: String =
        origin.changes.iter().map(|change| wrapped(&format!("* {change}"), "  ") + "\n").collect();
    let version = version(shipment);
    format!(
        "{NAME} ({version}) unstable; urgency=medium\n\n{changes}\n -- {}  {}\n",
        origin.maintainer, origin.mailed
    )
}

/// Text in lines that fit, each behind the same indentation.
fn wrapped(text: &str, indentation: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let width = lines.last().map_or(0, String::len);
        if width > 0 && width + word.len() > 70 {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            *line += if line.is_empty() { "" } else { " " };
            *line += word;
        }
    }
    lines.iter().map(|line| format!("{indentation}{line}")).collect::<Vec<_>>().join("\n")
}

/// In KiB, every file and folder rounded up.
fn installed_size(data: &Tree) -> u64 {
    let size = |node: &Node| match node {
        Node::File { content, .. } => (content.len() as u64).div_ceil(1024),
        _ => 1,
    };
    data.nodes().map(|(_, node)| size(node)).sum()
}

fn md5(content: &[u8]) -> String {
    use md5::Digest;

    super::checksums::hex(&md5::Md5::digest(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_between_words() {
        let [long, short] = ["a".repeat(60), "b".repeat(20)];
        assert_eq!(wrapped(&format!("{long} {short} c"), "  "), format!("  {long}\n  {short} c"));
    }
}
