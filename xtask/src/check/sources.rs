//! Rules about the text of one file.

use super::{Finding, Source};

const STYLE: &str = "docs/style.md";
const LAYOUT: &str = "docs/ARCHITECTURE.md";

/// Names that say a piece of code has no home.
const HOMELESS: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc"];

/// How long a plugin's `lib.rs` may be, in lines of code: it names the plugin and its verbs.
const PLUGIN_LIB_LINES: usize = 44;

/// Applies every rule about the text of one file.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = homeless_name(source);
    if !source.spells_out_rules() {
        findings.extend(forbidden_text(source));
    }
    if source.is_rust() {
        findings.extend(opening_sentence(source));
        findings.extend(long_plugin_lib(source));
        if !source.spells_out_rules() {
            findings.extend(unexplained_exceptions(source));
        }
    }
    findings
}

/// No file or folder is called after the fact that nobody knew where it belongs.
fn homeless_name(source: &Source) -> Vec<Finding> {
    let mut parts = source.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    let homeless = parts.find(|part| HOMELESS.contains(part));
    let finding =
        |name| source.finding(None, format!("`{name}` is not a noun of this project"), LAYOUT);
    homeless.map(finding).into_iter().collect()
}

/// Unfinished work and paths of one machine stay out of every file, not only of code.
fn forbidden_text(source: &Source) -> Vec<Finding> {
    let unfinished = ["TODO", "FIXME"];
    let machine = ["/root/", "/work/"];
    let mut findings = Vec::new();
    if source.path == "LICENSE" || source.path.ends_with(".lock") {
        return findings;
    }
    for (number, line) in source.lines() {
        if let Some(mark) = unfinished.iter().find(|mark| line.contains(*mark)) {
            findings.push(source.finding(
                Some(number),
                format!("{mark} in a finished file"),
                STYLE,
            ));
        }
        if let Some(path) = machine.iter().find(|path| line.contains(*path)) {
            let text = format!("{path} is a path of one machine");
            findings.push(source.finding(Some(number), text, STYLE));
        }
    }
    findings
}

/// Every Rust file opens with one sentence saying what it is for.
fn opening_sentence(source: &Source) -> Vec<Finding> {
    if source.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![source.finding(Some(1), "the file does not open with a `//!` sentence", STYLE)]
}

/// A plugin's `lib.rs` fits on one screen.
fn long_plugin_lib(source: &Source) -> Vec<Finding> {
    let folders: Vec<_> = source.path.split('/').collect();
    let ["plugins" | "ipam" | "meta", _, "src", "lib.rs"] = folders[..] else {
        return Vec::new();
    };
    let is_code = |line: &str| !line.is_empty() && !line.starts_with("//");
    let lines = source.lines().filter(|(_, line)| is_code(line.trim_start())).count();
    if lines <= PLUGIN_LIB_LINES {
        return Vec::new();
    }
    let text = format!("{lines} lines of code; a plugin's lib.rs has at most {PLUGIN_LIB_LINES}");
    vec![source.finding(None, text, LAYOUT)]
}

/// Lint exceptions are `expect`ations, which end when their cause does, and give a reason.
fn unexplained_exceptions(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in source.lines() {
        let code = line.trim_start();
        if code.starts_with("#[allow(") || code.starts_with("#![allow(") {
            let text = "`allow` outlives its cause; use `expect` with a reason";
            findings.push(source.finding(Some(number), text, STYLE));
        }
        if code.starts_with("#[expect(") || code.starts_with("#![expect(") {
            let attribute = source.lines().skip(number - 1).map(|(_, line)| line);
            if !attribute_text(attribute).contains("reason") {
                let text = "a lint exception without a reason";
                findings.push(source.finding(Some(number), text, STYLE));
            }
        }
    }
    findings
}

/// The text of an attribute that begins in the first line, up to its closing `)]`.
fn attribute_text<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(line);
        if line.trim_end().ends_with(")]") {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        check(&source).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_clean_file_has_no_findings() {
        let text = "//! Sentences.\n#[expect(\n    dead_code,\n    reason = \"x\"\n)]\nfn a() {}\n";
        assert_eq!(texts("crates/a/src/lib.rs", text), [""; 0]);
    }

    #[test]
    fn names_without_a_home_are_found_in_files_and_folders() {
        assert_eq!(
            texts("crates/a/src/utils.rs", "//! A.\n"),
            [
                "crates/a/src/utils.rs: `utils` is not a noun of this project (see docs/ARCHITECTURE.md)"
            ]
        );
        assert_eq!(texts("crates/common/notes.md", "").len(), 1);
    }

    #[test]
    fn unfinished_marks_and_machine_paths_are_found_with_their_line() {
        assert_eq!(
            texts("docs/a.md", "fine\nTODO later\nin /root/x\n"),
            [
                "docs/a.md:2: TODO in a finished file (see docs/style.md)",
                "docs/a.md:3: /root/ is a path of one machine (see docs/style.md)",
            ]
        );
    }

    #[test]
    fn a_missing_opening_sentence_is_found() {
        assert_eq!(
            texts("crates/a/src/lib.rs", "use std::fs;\n"),
            [
                "crates/a/src/lib.rs:1: the file does not open with a `//!` sentence (see docs/style.md)"
            ]
        );
    }

    #[test]
    fn a_plugin_lib_longer_than_a_screen_is_found() {
        let text = format!("//! A.\n\n{}", "/// B.\nfn a() {}\n".repeat(45));
        assert_eq!(
            texts("ipam/a/src/lib.rs", &text),
            [
                "ipam/a/src/lib.rs: 45 lines of code; a plugin's lib.rs has at most 44 (see docs/ARCHITECTURE.md)"
            ]
        );
        assert_eq!(texts("crates/a/src/lib.rs", &text), [""; 0]);
    }

    #[test]
    fn allow_and_reasonless_expect_are_found() {
        assert_eq!(
            texts("crates/a/src/b.rs", "//! A.\n#[allow(dead_code)]\n#[expect(dead_code)]\n"),
            [
                "crates/a/src/b.rs:2: `allow` outlives its cause; use `expect` with a reason (see docs/style.md)",
                "crates/a/src/b.rs:3: a lint exception without a reason (see docs/style.md)",
            ]
        );
    }
}
