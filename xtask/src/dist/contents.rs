//! What a distribution's package has, and where.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::tree::Tree;
use super::{LINKS, NAME, Shipment, deb, tarball};

/// Where documentation goes in every distribution.
const DOC: &str = "usr/share/doc";

/// The folder that runtimes look into where no distribution says otherwise.
const OPT: &str = "opt/cni/bin";

/// Where the units in the work tree say that plugins are.
const UNITS_SAY: &str = "/opt/cni/bin/";

/// A family of distributions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Debian and its descendants.
    Debian,
    /// Fedora and its descendants.
    Fedora,
}

impl Distribution {
    /// Where plugins are, without the leading slash.
    pub fn plugins(self) -> &'static str {
        match self {
            Self::Debian => "usr/lib/cni",
            Self::Fedora => "usr/libexec/cni",
        }
    }

    /// Where zsh looks for the completions of packages, below its folder.
    fn zsh_functions(self) -> &'static str {
        match self {
            Self::Debian => "vendor-completions",
            Self::Fedora => "site-functions",
        }
    }

    /// Everything of the package of the set.
    ///
    /// # Errors
    ///
    /// When a file of the work tree is missing.
    pub fn contents(self, shipment: &Shipment) -> Result<Tree> {
        let mut tree = Tree::default();
        for (name, content) in &shipment.executables {
            match name.as_str() {
                "cnitool" => tree.executable("usr/bin/cnitool", content),
                _ => tree.executable(&format!("{}/{name}", self.plugins()), content),
            }
        }
        self.add_units(shipment, &mut tree)?;
        self.add_manual(shipment, &mut tree)?;
        add_documents(shipment, &mut tree)?;
        let doc = format!("{DOC}/{NAME}");
        match self {
            Self::Debian => deb::add_papers(shipment, &doc, &mut tree)?,
            Self::Fedora => {
                let license = shipment.source(Path::new("LICENSE"))?;
                tree.file(&format!("usr/share/licenses/{NAME}/LICENSE"), &license);
                let notices = format!("usr/share/licenses/{NAME}/THIRD-PARTY-NOTICES");
                tree.file(&notices, shipment.notices.as_bytes());
            }
        }
        Ok(tree)
    }

    /// The package that makes runtimes find the plugins in the folder they look into by default.
    pub fn links(self, shipment: &Shipment) -> Tree {
        let mut tree = Tree::default();
        for (name, _) in shipment.executables.iter().filter(|(name, _)| name != "cnitool") {
            tree.link(&format!("{OPT}/{name}"), &format!("/{}/{name}", self.plugins()));
        }
        // Copyright and change log are the other package's, which this one depends on.
        if self == Self::Debian {
            tree.link(&format!("{DOC}/{LINKS}"), NAME);
            deb::add_links_overrides(&mut tree);
        }
        tree
    }

    /// The units of the DHCP daemon, with the path it has here.
    fn add_units(self, shipment: &Shipment, tree: &mut Tree) -> Result<()> {
        for unit in ["cni-dhcp.service", "cni-dhcp.socket"] {
            let text = shipment.source(&Path::new("packaging").join(unit))?;
            let text = String::from_utf8(text).with_context(|| unit.to_owned())?;
            let text = text.replace(UNITS_SAY, &format!("/{}/", self.plugins()));
            ensure!(!text.contains("/opt/"), "{unit} has another path than {UNITS_SAY}");
            tree.file(&format!("usr/lib/systemd/system/{unit}"), text.as_bytes());
        }
        Ok(())
    }

    /// Man pages, and completions: those of cnitool where shells look; those of the plugins, which are in
    /// nobody's path and have names such as `bridge` that are others' commands, where they do no harm.
    fn add_manual(self, shipment: &Shipment, tree: &mut Tree) -> Result<()> {
        for (name, page) in &shipment.manual.pages {
            let section = name.rsplit('.').next().context("a page has a section")?;
            let page = tarball::gzip(page, 0)?;
            tree.file(&format!("usr/share/man/man{section}/{name}.gz"), &page);
        }
        for (name, text) in &shipment.manual.completions {
            let path = match name.as_str() {
                "bash/cnitool" => "usr/share/bash-completion/completions/cnitool".to_owned(),
                "zsh/_cnitool" => format!("usr/share/zsh/{}/_cnitool", self.zsh_functions()),
                "fish/cnitool.fish" => {
                    "usr/share/fish/vendor_completions.d/cnitool.fish".to_owned()
                }
                plugin => format!("usr/share/{NAME}/completions/{plugin}"),
            };
            tree.file(&path, text);
        }
        Ok(())
    }
}

/// The pages of the plugins, the examples and the bill of materials.
fn add_documents(shipment: &Shipment, tree: &mut Tree) -> Result<()> {
    let doc = format!("{DOC}/{NAME}");
    for (name, _) in &shipment.executables {
        let folders =
            ["plugins", "ipam", "meta", "crates"].map(|group| Path::new(group).join(name));
        let pages = folders.map(|folder| folder.join("README.md"));
        let page = pages.iter().find(|page| shipment.root.join(page).exists());
        let page = page.with_context(|| format!("{name} has no page"))?;
        tree.file(&format!("{doc}/{name}.md"), &shipment.source(page)?);
    }
    tree.file(&format!("{doc}/README.md"), &shipment.source(Path::new("README.md"))?);
    tree.file(&format!("{doc}/sbom.spdx.json"), shipment.sbom.as_bytes());
    for example in examples(shipment)? {
        let text = shipment.source(&Path::new("packaging/examples").join(&example))?;
        tree.file(&format!("{doc}/examples/{example}"), &text);
    }
    Ok(())
}

/// The names of the example configurations, sorted.
fn examples(shipment: &Shipment) -> Result<Vec<String>> {
    let folder = shipment.root.join("packaging/examples");
    let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut names = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
