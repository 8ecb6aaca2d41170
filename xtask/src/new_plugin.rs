//! `new-plugin`: the files every plugin has, ready to compile.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use clap::{Arg, ArgMatches, Command};

use crate::workspace::Workspace;

/// The folders plugins live in.
const GROUPS: [&str; 3] = ["plugins", "ipam", "meta"];

/// Every file of the skeleton and where it goes.
const SKELETON: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../skeleton/Cargo.toml.in")),
    ("README.md", include_str!("../skeleton/README.md.in")),
    ("src/main.rs", include_str!("../skeleton/src/main.rs.in")),
    ("src/lib.rs", include_str!("../skeleton/src/lib.rs.in")),
    ("src/conf.rs", include_str!("../skeleton/src/conf.rs.in")),
    ("src/plan.rs", include_str!("../skeleton/src/plan.rs.in")),
    ("src/add.rs", include_str!("../skeleton/src/add.rs.in")),
    ("src/del.rs", include_str!("../skeleton/src/del.rs.in")),
    ("src/check.rs", include_str!("../skeleton/src/check.rs.in")),
    ("src/gc.rs", include_str!("../skeleton/src/gc.rs.in")),
    ("src/status.rs", include_str!("../skeleton/src/status.rs.in")),
    ("src/validate.rs", include_str!("../skeleton/src/validate.rs.in")),
];

/// How the task is called.
pub fn command() -> Command {
    Command::new("new-plugin")
        .about("Writes the files of a new plugin")
        .arg(Arg::new("group").required(true).value_parser(GROUPS).help("Where it belongs"))
        .arg(Arg::new("name").required(true).help("Its name, for example host-device"))
}

/// Writes the skeleton and makes the workspace know it.
///
/// # Errors
///
/// When the name is no plugin's name or taken, or a file cannot be written.
pub fn run(arguments: &ArgMatches) -> Result<()> {
    let group: &String = arguments.get_one("group").expect("clap requires it");
    let name: &String = arguments.get_one("name").expect("clap requires it");
    let is_valid = |character: char| character.is_ascii_lowercase() || character == '-';
    ensure!(
        name.chars().all(is_valid) && !name.starts_with('-') && !name.ends_with('-'),
        "{name:?} is no name of a plugin: lower-case letters and hyphens"
    );
    let workspace = Workspace::load()?;
    let folder = workspace.root.join(group).join(name);
    ensure!(!folder.exists(), "{} exists", folder.display());
    for (file, template) in SKELETON {
        write(&folder.join(file), &filled(template, name))?;
    }
    let manifest = workspace.root.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).context("read the root manifest")?;
    write(&manifest, &with_plugin(&text, group, name))?;
    println!(
        "{}\n\nnext: add it to crates/cni-plugins and cnitool, write its row in README.md and its tests \
         (docs/adding-a-plugin.md)",
        folder.display()
    );
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<()> {
    let folder = file.parent().context("a file is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    fs::write(file, text).with_context(|| format!("write {}", file.display()))
}

/// A template with the plugin's names in their places.
fn filled(template: &str, name: &str) -> String {
    let title = |word: &str| word[..1].to_uppercase() + &word[1..];
    let type_name: String = name.split('-').filter(|word| !word.is_empty()).map(title).collect();
    template
        .replace("{name}", name)
        .replace("{ident}", &name.replace('-', "_"))
        .replace("{Type}", &type_name)
}

/// The root manifest with a plugin among the workspace's dependencies, in alphabetical order,
/// and its group among the members.
fn with_plugin(manifest: &str, group: &str, name: &str) -> String {
    let entry = format!("cni-plugin-{name} = {{ path = \"{group}/{name}\" }}");
    let mut lines: Vec<String> = manifest.lines().map(str::to_owned).collect();
    let before = |line: &String| {
        line.starts_with("cni-plugin-") && *line < entry || line.starts_with("cni-core = ")
    };
    let place = lines.iter().rposition(before).map_or(lines.len(), |index| index + 1);
    lines.insert(place, entry);
    for line in &mut lines {
        if line.starts_with("members = ") && !line.contains(&format!("\"{group}/*\"")) {
            *line = line.replace("]", &format!(", \"{group}/*\"]"));
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_placeholder_is_left() {
        for (file, template) in SKELETON {
            let text = filled(template, "host-device");
            for placeholder in ["{name}", "{ident}", "{Type}"] {
                assert!(!text.contains(placeholder), "{file} has {placeholder}");
            }
        }
        assert_eq!(filled("{ident} {Type}", "host-device"), "host_device HostDevice");
    }

    #[test]
    fn the_workspace_learns_the_plugin_and_its_group() {
        let manifest = "members = [\"ipam/*\"]\n\n[workspace.dependencies]\ncni-core = { path = \"c\" }\n\
                        cni-plugin-bridge = { path = \"b\" }\ncni-plugin-ptp = { path = \"p\" }\n";
        assert_eq!(
            with_plugin(manifest, "meta", "dhcp"),
            "members = [\"ipam/*\", \"meta/*\"]\n\n[workspace.dependencies]\n\
             cni-core = { path = \"c\" }\ncni-plugin-bridge = { path = \"b\" }\n\
             cni-plugin-dhcp = { path = \"meta/dhcp\" }\ncni-plugin-ptp = { path = \"p\" }\n"
        );
    }
}
