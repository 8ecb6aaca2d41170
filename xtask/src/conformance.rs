//! `conformance`: the table of requirements, habits and differences, as a page for people.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};
use clap::{ArgMatches, Command};
use serde::Deserialize;

use crate::workspace::Workspace;

/// Where the table is kept, relative to the workspace's root.
pub const FILE: &str = "tests/conformance.toml";

/// Where the page is written, relative to the workspace's root.
const PAGE: &str = "docs/conformance.md";

/// What the product promises, each promise with the test that keeps it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Table {
    /// What the specification demands.
    pub requirement: Vec<Row>,
    /// What the reference does beyond the specification and this project does too.
    pub habit: Vec<Row>,
    /// What the reference does and this project does otherwise.
    pub difference: Vec<Row>,
}

/// One promise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// A short name, unique in the table; a test marks a difference by it.
    pub id: String,
    /// The plugin it is about; absent when it is about all of them.
    pub plugin: Option<String>,
    /// The promise, as a sentence.
    pub text: String,
    /// Why, for a habit or a difference: the specification alone does not lead there.
    pub reason: Option<String>,
    /// The test that keeps it: `<file>::<function>`, the file relative to the root.
    pub test: String,
}

/// How the task is called.
pub fn command() -> Command {
    Command::new("conformance").about(format!("Writes {PAGE} from {FILE}"))
}

/// Writes the page.
///
/// # Errors
///
/// When the table is missing or wrong, or the page cannot be written.
pub fn run(_arguments: &ArgMatches) -> Result<()> {
    let root = Workspace::load()?.root;
    let text = fs::read_to_string(root.join(FILE)).with_context(|| format!("read {FILE}"))?;
    let table: Table = toml::from_str(&text).with_context(|| format!("decode {FILE}"))?;
    let page = root.join(PAGE);
    fs::create_dir_all(root.join("docs"))?;
    fs::write(&page, render(&table)).with_context(|| format!("write {PAGE}"))?;
    println!("{PAGE}: {} rows", table.rows().count());
    Ok(())
}

impl Table {
    /// Every row, whatever its kind.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.requirement.iter().chain(&self.habit).chain(&self.difference)
    }
}

/// The page as Markdown.
fn render(table: &Table) -> String {
    let mut page = String::from(
        "# Conformance\n\n\
         Written by `cargo xtask conformance` from \
         [tests/conformance.toml](../tests/conformance.toml); edit that file.\n",
    );
    let sections = [
        ("Requirements", "What the specification demands.", &table.requirement),
        (
            "Habits of the reference",
            "What the reference does beyond the specification, and these plugins do too.",
            &table.habit,
        ),
        (
            "Differences",
            "What the reference does, and these plugins do otherwise.",
            &table.difference,
        ),
    ];
    for (title, meaning, rows) in sections {
        page.push_str(&format!("\n## {title}\n\n{meaning}\n\n"));
        page.push_str(
            "| Id | Plugin | What holds | Why | Test |\n| --- | --- | --- | --- | --- |\n",
        );
        for row in rows {
            let plugin = row.plugin.as_deref().unwrap_or("all");
            let reason = row.reason.as_deref().unwrap_or("");
            let cells = [&row.id, plugin, &row.text, reason].map(cell);
            writeln!(page, "| {} | `{}` |", cells.join(" | "), row.test)
                .expect("writing to a string cannot fail");
        }
    }
    page
}

/// A text as one cell of a Markdown table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_becomes_a_line_of_its_section() {
        let table: Table = toml::from_str(
            "[[difference]]\nid = \"d1\"\nplugin = \"bridge\"\ntext = \"a|b\\nc\"\n\
             reason = \"why\"\ntest = \"tests/a.rs::f\"\n",
        )
        .expect("a valid table");
        let page = render(&table);
        let section = page.split("## Differences").nth(1).expect("the section is there");
        assert!(section.contains("| d1 | bridge | a\\|b c | why | `tests/a.rs::f` |\n"), "{page}");
    }
}
