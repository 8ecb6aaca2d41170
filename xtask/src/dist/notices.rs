//! The notices that the licences of the linked crates ask for.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};

use super::crates::{Crate, Linked};

/// The beginnings of the names of files with notices.
const NAMES: &[&str] = &["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

/// Every notice once, and the crates it is for.
///
/// # Errors
///
/// When a crate cannot be read or comes without its licence's text.
pub fn of(linked: &Linked) -> Result<String> {
    let mut crates_by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ((name, version), described) in &linked.crates {
        let texts = texts(described).with_context(|| format!("the notices of {name}"))?;
        for text in texts {
            crates_by_text.entry(text).or_default().push(format!("{name} {version}"));
        }
    }
    let mut notices = format!(
        "The executables are linked with the standard library of Rust {} (MIT OR Apache-2.0)\n\
         and the C library of its target {}, and with the crates below.\n\n",
        linked.compiler, linked.target
    );
    for ((name, version), described) in &linked.crates {
        notices += &format!("{name} {version}: {}\n", described.license);
    }
    if linked.target.ends_with("musl") {
        crates_by_text.insert(MUSL.to_owned(), vec!["musl".to_owned()]);
    }
    for (text, crates) in crates_by_text {
        let line = "-".repeat(80);
        notices += &format!("\n{line}\n{}:\n\n{text}\n", crates.join(", "));
    }
    Ok(notices)
}

/// The notice of musl, which is in the target's standard library without one.
const MUSL: &str = "musl as a whole is licensed under the standard MIT license.\n\n\
    Copyright 2005-2020 Rich Felker, et al.\n\
    The permission notice is that of the MIT license, as given here for other software.";

/// The texts of a crate, without the spaces at their ends.
fn texts(described: &Crate) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    let mut files: Vec<_> = fs::read_dir(&described.folder)?.collect::<Result<_, _>>()?;
    files.sort_by_key(fs::DirEntry::path);
    for file in files {
        let name = file.file_name().to_string_lossy().to_uppercase();
        if NAMES.iter().any(|beginning| name.starts_with(beginning)) && file.path().is_file() {
            let text = fs::read_to_string(file.path()).with_context(|| name.clone())?;
            let lines: Vec<_> = text.lines().map(str::trim_end).collect();
            texts.push(lines.join("\n").trim_end().to_owned());
        }
    }
    ensure!(!texts.is_empty(), "it has no file with its licence");
    Ok(texts)
}
