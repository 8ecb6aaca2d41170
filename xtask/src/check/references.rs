//! Rules about references: links between pages, and conformance rows to tests.

use std::path::{Component, Path, PathBuf};

use super::{Finding, Source};
use crate::conformance::{FILE, Table};

/// Applies every rule about references from one file to another.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let pages = sources.iter().filter(|source| source.path.ends_with(".md"));
    let mut findings: Vec<_> = pages.flat_map(|page| dead_links(page, sources)).collect();
    let table = sources.iter().find(|source| source.path == FILE);
    findings.extend(table.into_iter().flat_map(|table| conformance_rows(table, sources)));
    findings
}

/// Links of a page to files that do not exist.
fn dead_links(page: &Source, sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in page.lines() {
        for target in link_targets(line) {
            let file = target.split('#').next().unwrap_or(target);
            if file.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let folder = Path::new(&page.path).parent().unwrap_or(Path::new(""));
            let Some(path) = resolve(&folder.join(file)) else { continue };
            let exists = sources.iter().any(|source| Path::new(&source.path).starts_with(&path));
            if !exists {
                let text = format!("the link to {file} leads nowhere");
                findings.push(page.finding(Some(number), text, "docs/style.md"));
            }
        }
    }
    findings
}

/// The targets of the `[text](target)` links in a line; code spans hold no links.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    let prose = line.split('`').step_by(2);
    prose.flat_map(|text| {
        text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::trim)
    })
}

/// A path without `.` and `..`; `None` when it leaves the work tree.
fn resolve(path: &Path) -> Option<PathBuf> {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => resolved.push(name),
            Component::ParentDir => resolved.pop().then_some(())?,
            _ => {}
        }
    }
    Some(resolved)
}

/// Rows of the conformance table that are wrong or name a test that does not exist.
fn conformance_rows(file: &Source, sources: &[Source]) -> Vec<Finding> {
    let explained = "docs/testing.md";
    let table: Table = match toml::from_str(&file.text) {
        Ok(table) => table,
        Err(error) => return vec![file.finding(None, error.to_string(), explained)],
    };
    let mut findings = Vec::new();
    let mut ids = Vec::new();
    for row in table.rows() {
        let line = file.lines().find(|(_, line)| line.contains(&format!("\"{}\"", row.id)));
        let line = line.map(|(number, _)| number);
        if ids.contains(&&row.id) {
            findings.push(file.finding(line, format!("{} appears twice", row.id), explained));
        }
        ids.push(&row.id);
        let needs_reason = !table.requirement.iter().any(|requirement| requirement.id == row.id);
        if needs_reason && row.reason.is_none() {
            findings.push(file.finding(line, format!("{} has no reason", row.id), explained));
        }
        if !has_test(&row.test, sources) {
            let text = format!("{}: there is no test {}", row.id, row.test);
            findings.push(file.finding(line, text, explained));
        }
    }
    let tests = sources.iter().filter(|source| source.path.starts_with("tests/"));
    for (test, id) in tests.flat_map(|test| marked_differences(test).map(move |id| (test, id))) {
        if !table.difference.iter().any(|row| row.id == id) {
            findings.push(test.finding(None, format!("difference {id} is no row"), explained));
        }
    }
    let is_stale = |page: &&Source| {
        table.pages().iter().any(|(path, text)| page.path == *path && page.text != *text)
    };
    let stale = sources.iter().filter(is_stale);
    findings.extend(stale.map(|page| {
        page.finding(
            None,
            format!("it is not what `cargo xtask conformance` makes of {FILE}"),
            explained,
        )
    }));
    findings
}

/// The differences that a test marks with `difference("…", …)`.
fn marked_differences(test: &Source) -> impl Iterator<Item = &str> {
    let calls = test.text.split("difference(").skip(1);
    calls.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
}

/// Whether `<file>::<function>` names a test function of the work tree.
fn has_test(test: &str, sources: &[Source]) -> bool {
    let Some((path, function)) = test.split_once("::") else { return false };
    let signature = format!("fn {function}(");
    sources.iter().any(|source| source.path == path && source.text.contains(&signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    fn texts(sources: &[Source]) -> Vec<String> {
        check(sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_link_to_nowhere_is_found() {
        let sources = [
            source(
                "docs/a.md",
                "[b](b.md) [c](../c.md#part) [x](x.md)\n`[y](y.md)` [z](http://z)\n",
            ),
            source("docs/b.md", "[folder](../docs) [here](#here) [outside](../../elsewhere)\n"),
            source("c.md", ""),
        ];
        assert_eq!(
            texts(&sources),
            ["docs/a.md:1: the link to x.md leads nowhere (see docs/style.md)"]
        );
    }

    #[test]
    fn rows_without_their_test_are_found() {
        let sources = [
            source(
                FILE,
                "[[requirement]]\nid = \"a\"\ntext = \"t\"\ntest = \"tests/a.rs::is_true\"\n\
                 [[habit]]\nid = \"b\"\ntext = \"t\"\nreason = \"r\"\ntest = \"tests/a.rs::is_gone\"\n\
                 [[requirement]]\nid = \"a\"\ntext = \"t\"\ntest = \"tests/a.rs::is_true\"\n",
            ),
            source("tests/a.rs", "fn is_true() {}\n"),
        ];
        assert_eq!(
            texts(&sources),
            [
                "tests/conformance.toml:2: a appears twice (see docs/testing.md)",
                "tests/conformance.toml:6: b: there is no test tests/a.rs::is_gone (see docs/testing.md)",
            ]
        );
    }

    #[test]
    fn pages_made_of_the_table_are_up_to_date() {
        let row = "[[requirement]]\nid = \"a\"\ntext = \"t\"\ntest = \"tests/a.rs::f\"\n";
        let table: Table = toml::from_str(row).expect("a table");
        let mut sources = vec![source(FILE, row), source("tests/a.rs", "fn f() {}")];
        sources.extend(table.pages().map(|(path, text)| source(path, &text)));
        assert_eq!(texts(&sources), [""; 0]);
        let page = sources.last_mut().expect("a page");
        page.text.push('x');
        let stale = format!(
            "{}: it is not what `cargo xtask conformance` makes of {FILE} (see docs/testing.md)",
            page.path
        );
        assert_eq!(texts(&sources), [stale]);
    }

    #[test]
    fn a_difference_needs_a_reason() {
        let row = "[[difference]]\nid = \"a\"\ntext = \"t\"\ntest = \"tests/a.rs::f\"\n";
        assert_eq!(
            texts(&[source(FILE, row), source("tests/a.rs", "fn f() {}")]),
            ["tests/conformance.toml:2: a has no reason (see docs/testing.md)"]
        );
    }

    #[test]
    fn a_marked_difference_needs_a_row() {
        let rows = "[[difference]]\nid = \"a\"\ntext = \"t\"\nreason = \"r\"\n\
                    test = \"tests/a.rs::f\"\n";
        let test = "fn f() {\ndifference(\"a\", || ());\ndifference(\n    \"b\", || ());\n}";
        assert_eq!(
            texts(&[source(FILE, rows), source("tests/a.rs", test)]),
            ["tests/a.rs: difference b is no row (see docs/testing.md)"]
        );
    }
}
