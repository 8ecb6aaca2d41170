//! What a plugin's page says about its keys, for schemas to say the same.

/// A row of a table of keys.
#[derive(Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The path of the key, with dots; `[]` stands for the elements of a list.
    pub path: &'a str,
    /// What the key is when it is not written, where that is worth saying.
    pub default: Option<&'a str>,
    /// What it means.
    pub meaning: &'a str,
}

/// The rows of a page's tables whose first column is called `key`, one for each key.
pub fn rows(page: &str) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut columns: Option<Vec<&str>> = None;
    for line in page.lines() {
        let Some(cells) = cells(line) else {
            columns = None;
            continue;
        };
        match &columns {
            None => columns = Some(cells),
            Some(names) if names[0] == "key" && !cells[0].starts_with('-') => {
                let cell = |name| {
                    let index = names.iter().position(|column| *column == name)?;
                    cells.get(index).copied().filter(|cell| !cell.is_empty())
                };
                for path in cells[0].split(", ").filter_map(quoted) {
                    let (default, meaning) = (cell("default"), cell("meaning").unwrap_or_default());
                    rows.push(Row { path, default, meaning });
                }
            }
            Some(_) => (),
        }
    }
    rows
}

/// What a text quotes at its beginning.
fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('`')?.split('`').next()
}

/// The cells of a line of a table.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_keys_are_read_and_others_are_not() {
        let page = "# x\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n\
                    | `a` | integer | `0` | bytes |\n| `b[].c` (like `e`), `d` | | | both |\n\n\
                    | mode | meaning |\n| --- | --- |\n| `l2` | no key |\n";
        let row = |path, default, meaning| Row { path, default, meaning };
        assert_eq!(
            rows(page),
            [row("a", Some("`0`"), "bytes"), row("b[].c", None, "both"), row("d", None, "both")]
        );
    }
}
