//! The page with the table.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::report::Row;

/// The table stands between these lines of the page.
const BEGIN: &str = "<!-- written by `cargo xtask bench --write` -->";
const END: &str = "<!-- end of what bench writes -->";

/// Replaces the table in the page, or appends it to a page without one.
///
/// # Errors
///
/// When the page cannot be written.
pub fn write(page: &Path, table: &str) -> Result<()> {
    let text = fs::read_to_string(page).unwrap_or_else(|_| "# Performance\n".to_owned());
    fs::write(page, with_table(&text, table)).with_context(|| format!("write {}", page.display()))
}

fn with_table(text: &str, table: &str) -> String {
    let block = format!("{BEGIN}\n\n{table}\n{END}");
    match (text.split_once(BEGIN), text.split_once(END)) {
        (Some((before, _)), Some((_, after))) => format!("{before}{block}{after}"),
        _ => format!("{}\n\n{block}\n", text.trim_end()),
    }
}

/// Puts rows in the places of those of their titles, and new ones before the sizes, with which a
/// table ends.
///
/// # Errors
///
/// When the page has no table.
pub fn merge(page: &Path, rows: &[Row]) -> Result<()> {
    let text = fs::read_to_string(page).with_context(|| format!("read {}", page.display()))?;
    let merged = merged(&text, rows).with_context(|| format!("{} has no table", page.display()))?;
    fs::write(page, merged).with_context(|| format!("write {}", page.display()))
}

fn merged(text: &str, rows: &[Row]) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (table, after) = rest.split_once(END)?;
    let mut lines: Vec<String> = table.lines().map(str::to_owned).collect();
    for row in rows {
        let is_same = |line: &String| line.starts_with(&format!("| {} |", row.title));
        match lines.iter().position(is_same) {
            Some(at) => lines[at] = row.line(),
            None => {
                let is_size = |line: &String| line.starts_with("| size of ");
                let end = lines.iter().rposition(|line| line.starts_with('|'))? + 1;
                let at = lines.iter().position(is_size).unwrap_or(end);
                lines.insert(at, row.line());
            }
        }
    }
    Some(format!("{before}{BEGIN}{}\n{END}{after}", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::super::report::{self, Unit};
    use super::*;

    #[test]
    fn a_page_keeps_its_prose_around_the_table() {
        let first = with_table("# Performance\n\nProse.\n", "old");
        let second = with_table(&first.replace("Prose.", "Better prose."), "new");
        assert_eq!(second, with_table("# Performance\n\nBetter prose.\n", "new"));
        assert!(!second.contains("old"));
    }

    #[test]
    fn some_rows_are_measured_again() {
        let row = |title: &str, ours: f64| Row {
            title: title.to_owned(),
            unit: Unit::Ms,
            ours,
            base: None,
            limit: None,
        };
        let table = report::table(&[row("a", 1.0), row("b", 1.0), row("size of a", 1.0)]);
        let page = with_table("# Performance\n\nProse.\n", &format!("Machine.\n\n{table}"));
        let again = merged(&page, &[row("c", 3.0), row("b", 2.0)]).expect("a table");
        let table = [row("a", 1.0), row("b", 2.0), row("c", 3.0), row("size of a", 1.0)];
        let table = report::table(&table);
        let expected = with_table("# Performance\n\nProse.\n", &format!("Machine.\n\n{table}"));
        assert_eq!(again, expected);
        assert_eq!(merged("# Performance\n", &[]), None);
    }
}
