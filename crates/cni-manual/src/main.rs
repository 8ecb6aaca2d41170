//! Writes the man pages and shell completions of every executable, from their command lines.
#![expect(
    clippy::disallowed_methods,
    reason = "a task of the build reads its argument and writes files that the build packs"
)]

mod completions;
mod daemon;
mod page;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Arg, Command, value_parser};
use cni_plugins::PLUGINS;

/// A program with the text that its grammar does not have.
struct Program {
    grammar: Command,
    section: page::Section,
}

fn main() -> Result<()> {
    let arguments = Command::new("cni-manual")
        .about("Writes man pages and shell completions")
        .arg(Arg::new("folder").required(true).value_parser(value_parser!(PathBuf)))
        .get_matches();
    let folder: &PathBuf = arguments.get_one("folder").expect("clap requires it");
    write_all(folder)
}

/// Writes `man/*` and `completions/<shell>/*` into a folder.
fn write_all(folder: &Path) -> Result<()> {
    for program in programs() {
        let (file, text) = page::render(&program.grammar, program.section);
        write(&folder.join("man").join(file), &text)?;
        for (file, text) in completions::of(&program.grammar) {
            write(&folder.join("completions").join(file), &text)?;
        }
    }
    Ok(())
}

/// Every program of the set.
fn programs() -> Vec<Program> {
    let plugins = PLUGINS.iter().map(|plugin| {
        let grammar = (plugin.command_line)();
        let grammar = if plugin.name == "dhcp" { daemon::added_to(grammar) } else { grammar };
        Program { grammar, section: page::Section::Plugin }
    });
    let cnitool =
        Program { grammar: cnitool::command_line::grammar(), section: page::Section::Tool };
    plugins.chain([cnitool]).collect()
}

fn write(file: &Path, text: &[u8]) -> Result<()> {
    let folder = file.parent().context("a file is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    fs::write(file, text).with_context(|| format!("write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_a_page_and_completions_for_three_shells() -> Result<()> {
        let folder = tempfile::tempdir()?;
        write_all(folder.path())?;
        let count =
            |part: &str| Ok::<_, std::io::Error>(fs::read_dir(folder.path().join(part))?.count());
        assert_eq!(count("man")?, PLUGINS.len() + 1);
        for shell in ["bash", "zsh", "fish"] {
            assert_eq!(count(&format!("completions/{shell}"))?, PLUGINS.len() + 1, "{shell}");
        }
        assert!(folder.path().join("man/cni-bridge.8").exists());
        assert!(folder.path().join("man/cnitool.1").exists());
        Ok(())
    }
}
