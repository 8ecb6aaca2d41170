//! The examples of every page are right, and schemas think so, too.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::schemas;
use crate::validate::network::Networks;

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every page: in the root, in `docs`, and beside every crate.
fn pages() -> Vec<PathBuf> {
    let files = |folder: PathBuf| -> Vec<PathBuf> {
        let entries = fs::read_dir(&folder).expect("a folder of the workspace");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let crates = ["crates", "plugins", "ipam", "meta"].map(|group| files(root().join(group)));
    let folders = crates.into_iter().flatten().chain([root()]);
    let readmes = folders.map(|folder| folder.join("README.md")).filter(|file| file.exists());
    let docs = files(root().join("docs"));
    let is_page = |file: &PathBuf| file.extension().is_some_and(|ending| ending == "md");
    readmes.chain(docs.into_iter().filter(is_page)).collect()
}

/// The configurations of a page: the blocks of JSON that have a `type` or a list of plugins.
fn examples(page: &str) -> Vec<(String, Value)> {
    let blocks = page.split("```json\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let read = |text: &str| -> (String, Value) {
        let value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        (text.to_owned(), value)
    };
    let is_network = |value: &Value| value.get("plugins").or_else(|| value.get("type")).is_some();
    blocks.map(read).filter(|(_, value)| is_network(value)).collect()
}

#[test]
fn nothing_is_found_in_the_examples_of_any_page() {
    let any_file = schemas::read("");
    let mut number = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for (text, value) in examples(&text) {
            number += 1;
            let ending = if value.get("plugins").is_some() { "conflist" } else { "conf" };
            let path = format!("{}.{ending}", page.display());
            let mut networks = Networks::new(None);
            networks.check_bytes(&path, text.as_bytes());
            let findings = networks.finish();
            assert!(findings.is_empty(), "{}\n{text}", findings[0]);
            assert_eq!(schemas::refusal(&any_file, &any_file, &value), None, "{path}: {text}");
        }
    }
    assert!(number >= 23, "{number} examples are too few to be all");
}

/// Every source of the plugins and of what they are made of, without what breaks texts into lines.
fn sources() -> String {
    let mut folders: Vec<PathBuf> =
        ["crates", "plugins", "ipam", "meta"].map(|it| root().join(it)).into();
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the workspace") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                text += &fs::read_to_string(&path).expect("a source");
            }
        }
    }
    let lines: Vec<&str> = text.split("\\\n").map(str::trim_start).collect();
    lines.concat().replace("\\\"", "\"")
}

#[test]
fn the_texts_on_the_page_of_troubles_are_those_of_the_plugins() {
    /// The text of iptables.
    const OF_OTHERS: &str = "Another app is currently holding the xtables lock";
    let page = fs::read_to_string(root().join("docs/troubleshooting.md")).expect("the page");
    let sources = sources();
    let mut number = 0;
    for line in page.lines().filter(|line| line.starts_with("- `")) {
        for text in line.split('`').skip(1).step_by(2).filter(|text| *text != OF_OTHERS) {
            for part in
                text.split('…').map(|part| part.trim_matches([' ', '"', '[', ']', ':', ',']))
            {
                number += usize::from(!part.is_empty());
                assert!(sources.contains(part), "{part:?} of {text:?} is no plugin's text");
            }
        }
    }
    assert!(number > 40, "{number} texts are too few to be all");
}
