//! `conformance`: the table of requirements, habits and differences, as pages for people.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};
use clap::{ArgMatches, Command};
use serde::Deserialize;

use crate::workspace::Workspace;

/// Where the table is kept, relative to the workspace's root.
pub const FILE: &str = "tests/conformance.toml";

/// Where everything is written with its test, relative to the workspace's root.
const PAGE: &str = "docs/conformance.md";

/// Where the differences are written for those who switch.
const DIFFERENCES: &str = "docs/differences.md";

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
    Command::new("conformance").about(format!("Writes {PAGE} and {DIFFERENCES} from {FILE}"))
}

/// Writes the pages.
///
/// # Errors
///
/// When the table is missing or wrong, or a page cannot be written.
pub fn run(_arguments: &ArgMatches) -> Result<()> {
    let root = Workspace::load()?.root;
    let text = fs::read_to_string(root.join(FILE)).with_context(|| format!("read {FILE}"))?;
    let table: Table = toml::from_str(&text).with_context(|| format!("decode {FILE}"))?;
    fs::create_dir_all(root.join("docs"))?;
    for (page, text) in table.pages() {
        fs::write(root.join(page), text).with_context(|| format!("write {page}"))?;
    }
    println!("{PAGE}: {} rows", table.rows().count());
    println!("{DIFFERENCES}: {} rows", table.difference.len());
    Ok(())
}

impl Table {
    /// Every row, whatever its kind.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.requirement.iter().chain(&self.habit).chain(&self.difference)
    }

    /// The pages that are made of it: path relative to the workspace's root, and text.
    pub fn pages(&self) -> [(&'static str, String); 2] {
        [(PAGE, render(self)), (DIFFERENCES, render_differences(self))]
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

/// The differences as Markdown, by plugin; those of all plugins come first.
fn render_differences(table: &Table) -> String {
    let mut page = String::from(
        "# Differences from the reference plugins\n\n\
         What the plugins do otherwise than the reference, on purpose, and why. No configuration \
         that works with the reference stops working, unless a row says so. Everything else is \
         meant to be the same: where it is not, that is a mistake in these plugins.\n\n\
         Written by `cargo xtask conformance` from \
         [tests/conformance.toml](../tests/conformance.toml); edit that file. Each row has a test \
         there, which runs on both sets of plugins; [conformance.md](conformance.md) names it.\n",
    );
    let mut plugins: Vec<_> = table.difference.iter().map(|row| row.plugin.as_deref()).collect();
    plugins.sort_unstable();
    plugins.dedup();
    let title = |plugin: Option<&str>| plugin.unwrap_or("All plugins").to_owned();
    let anchor = |title: &str| title.to_lowercase().replace(' ', "-");
    let links = plugins.iter().map(|plugin| title(*plugin));
    let links: Vec<_> = links.map(|title| format!("[{title}](#{})", anchor(&title))).collect();
    page.push_str(&format!("\n{}\n", links.join(" ·\n")));
    for plugin in plugins {
        let title = title(plugin);
        page.push_str(&format!("\n## {title}\n\n| what holds | why |\n| --- | --- |\n"));
        for row in table.difference.iter().filter(|row| row.plugin.as_deref() == plugin) {
            let reason = row.reason.as_deref().unwrap_or_default();
            writeln!(page, "| {} | {} |", cell(&row.text), cell(reason))
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

    #[test]
    fn differences_are_grouped_by_plugin() {
        let row = |plugin: &str, text: &str| {
            format!(
                "[[difference]]\nid = \"x\"\n{plugin}text = \"{text}\"\nreason = \"why\"\ntest = \"t\"\n"
            )
        };
        let [first, second] = ["plugin = \"vrf\"\n", "plugin = \"bridge\"\n"];
        let rows = [row(first, "a"), row(second, "b"), row("", "c"), row(first, "d")].concat();
        let page = render_differences(&toml::from_str(&rows).expect("a valid table"));
        let table = "\n\n| what holds | why |\n| --- | --- |\n";
        let expected = format!(
            "\n## All plugins{table}| c | why |\n\n## bridge{table}| b | why |\n\n## vrf{table}| a | why |\n| d | why |\n"
        );
        assert!(page.ends_with(&expected), "{page}");
    }
}
