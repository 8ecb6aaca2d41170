//! A file: the configuration of one plugin, or a list of several.

use std::path::Path;

use cni_core::spec::names;
use cni_core::{SpecVersion, quote};
use cni_runtime::NetworkList;

use super::culprit::{Mistake, find_mistakes};
use super::document::{self, Node, Position, offset_of, text};
use super::finding::{Finding, Severity};
use super::machine::Machine;
use super::nearest::find_nearest;
use super::plugin::{Network, PluginCheck};
use super::ranges::Pools;
use super::report::Report;

/// Keys that runtimes keep for themselves in the lists they write.
const OF_RUNTIMES: [&str; 3] = ["args", "nerdctlID", "nerdctlLabels"];

/// All files together.
#[derive(Default)]
pub struct Networks {
    pools: Pools,
    /// Names, and where they are written.
    names: Vec<(String, String, Position)>,
    findings: Vec<Finding>,
}

impl Networks {
    /// Checks a file with this content. `path` decides how it is read: as a list when it ends with
    /// `.conflist`.
    pub fn check(&mut self, path: &str, bytes: &[u8], machine: Option<&Machine>) {
        let text = String::from_utf8_lossy(bytes);
        let mut report = Report::new(path, &text);
        if text.contains('\u{fffd}') && std::str::from_utf8(bytes).is_err() {
            report.warning(0, "encoding", "the file is not UTF-8; what is not is replaced");
        }
        match document::parse(&text) {
            Ok(root) if root.raw.starts_with('{') => self.document(&root, &mut report, machine),
            Ok(root) => report.error(root.offset, "syntax", "a configuration is an object"),
            Err(error) => {
                let line = text.lines().nth(error.position.line - 1).unwrap_or_default();
                let hint = if text.starts_with('\u{feff}') {
                    "; the file begins with a byte order mark"
                } else if line.contains("//") || line.contains("/*") {
                    "; JSON has no comments"
                } else {
                    ""
                };
                report.findings.push(Finding {
                    file: path.to_owned(),
                    position: Some(error.position),
                    severity: Severity::Error,
                    rule: "syntax",
                    text: format!("{}{hint}", error.text),
                });
            }
        }
        self.findings.append(&mut report.findings);
    }

    /// Notes a file that cannot be read.
    pub fn unreadable(&mut self, path: &str, cause: String) {
        self.findings.push(Finding {
            file: path.to_owned(),
            position: None,
            severity: Severity::Error,
            rule: "unreadable",
            text: cause,
        });
    }

    /// All findings, file by file in the order they were checked.
    pub fn finish(mut self, files: &[String]) -> Vec<Finding> {
        self.findings.extend(self.pools.overlaps());
        let number = |finding: &Finding| files.iter().position(|file| *file == finding.file);
        self.findings.sort_by_key(|finding| (number(finding), finding.position));
        self.findings
    }

    fn document(&mut self, root: &Node<'_>, report: &mut Report<'_>, machine: Option<&Machine>) {
        let is_list = report.file.ends_with(".conflist");
        let has_plugins = root.get("plugins").is_some();
        if is_list && !has_plugins && root.get("type").is_some() {
            let text =
                "the configuration of a single plugin belongs into a file that ends with .conf";
            report.error(root.offset, "file-name", text);
        } else if !is_list && has_plugins {
            let text = "a list of plugins belongs into a file that ends with .conflist";
            report.error(root.offset, "file-name", text);
        }
        if has_plugins || is_list && root.get("type").is_none() {
            self.list(root, report, machine);
        } else {
            self.single(root, report, machine);
        }
    }

    fn list(&mut self, root: &Node<'_>, report: &mut Report<'_>, machine: Option<&Machine>) {
        list_keys(root, report);
        let read = |left_out: &[usize]| NetworkList::from_bytes(root.without(left_out).as_bytes());
        let mistakes = find_mistakes(root, &[], |left_out| read(left_out).map(drop));
        let left_out: Vec<usize> = mistakes.iter().filter_map(|mistake| mistake.offset).collect();
        let plugins = root.get("plugins").map(Node::elements).unwrap_or_default();
        // What a plugin's own configuration lacks is told with it.
        let first = plugins.first().map_or(usize::MAX, |plugin| plugin.offset);
        let (in_plugins, of_list): (Vec<_>, Vec<_>) = mistakes
            .into_iter()
            .map(|Mistake { error, offset }| (offset.unwrap_or(root.offset), error.msg))
            .partition(|(offset, _)| *offset >= first);
        for (offset, msg) in of_list {
            report.error(offset, "list", msg);
        }
        // A folder beside the list may have the plugins.
        if plugins.is_empty()
            && root.get("plugins").is_none_or(|plugins| plugins.raw == "[]")
            && !report.has_finding_at(offset_of(root, "plugins"))
            && NetworkList::from_file(Path::new(report.file)).is_err()
        {
            report.error(offset_of(root, "plugins"), "list", "no plugin configs found");
        }
        let written = || text(root, "cniVersion").unwrap_or_default();
        let cni_version = read(&left_out).map_or_else(|_| written(), |list| list.cni_version);
        self.name(root, report);
        self.version(root, &cni_version, report);
        let network = Network {
            name: text(root, "name").unwrap_or_default(),
            cni_version,
            version_offset: offset_of(root, "cniVersion"),
            is_list: true,
        };
        for (index, node) in plugins.iter().enumerate() {
            let follows = index > 0;
            let pools = &mut self.pools;
            PluginCheck { network: &network, node, follows, report, machine, pools }.run();
        }
        for (offset, msg) in in_plugins {
            if !report.has_finding_at(offset) {
                report.error(offset, "list", msg);
            }
        }
    }

    fn single(&mut self, root: &Node<'_>, report: &mut Report<'_>, machine: Option<&Machine>) {
        if text(root, "type").is_none_or(|kind| kind.is_empty()) {
            report.error(offset_of(root, "type"), "list", "missing 'type'");
        }
        self.name(root, report);
        let cni_version = text(root, "cniVersion").unwrap_or_default();
        self.version(root, &cni_version, report);
        let network = Network {
            name: text(root, "name").unwrap_or_default(),
            cni_version,
            version_offset: offset_of(root, "cniVersion"),
            is_list: false,
        };
        let pools = &mut self.pools;
        let follows = false;
        PluginCheck { network: &network, node: root, follows, report, machine, pools }.run();
    }

    /// The name becomes part of paths, and only one network of a name can be reached.
    fn name(&mut self, root: &Node<'_>, report: &mut Report<'_>) {
        let offset = offset_of(root, "name");
        let name = text(root, "name").unwrap_or_default();
        if let Err(error) = names::validate_network_name(&name) {
            if !report.has_finding_at(offset) {
                let text = error.msg.trim_end_matches(':').to_owned();
                report.error(offset, "name", text);
            }
            return;
        }
        if let Some((_, file, Position { line, column })) =
            self.names.iter().find(|(known, ..)| *known == name)
        {
            let text = format!("network {} is also in {file}:{line}:{column}", quote(&name));
            report.error(offset, "duplicate-name", text);
        }
        self.names.push((name, report.file.to_owned(), Position::of(report.text, offset)));
    }

    fn version(&self, root: &Node<'_>, version: &str, report: &mut Report<'_>) {
        let offset = offset_of(root, "cniVersion");
        if version.is_empty() && !report.has_finding_at(offset) {
            let text = "without \"cniVersion\" it is 0.1.0, which knows no CHECK and no lists of \
                        addresses";
            report.warning(offset, "version", text);
        } else if SpecVersion::find(version).is_none() {
            let all: Vec<_> = SpecVersion::ALL.iter().map(|version| version.as_str()).collect();
            let text = format!(
                "{} is no version of the specification; there are {}",
                quote(version),
                all.join(", ")
            );
            report.error(offset, "version", text);
        }
    }
}

/// Reports keys of a list that nobody reads. They match exactly.
fn list_keys(root: &Node<'_>, report: &mut Report<'_>) {
    let known = NetworkList::KEYS;
    for (index, entry) in root.entries().iter().enumerate() {
        let key = entry.key.as_str();
        if known.contains(&key) {
            if root.entries()[..index].iter().any(|earlier| earlier.key == key) {
                let text = format!("{} is written more than once; the last one counts", quote(key));
                report.warning(entry.key_offset, "duplicate-key", text);
            }
        } else if let Some(nearest) = find_nearest(key, known.iter().copied()) {
            let text = format!("a list has no key {}; is {} meant?", quote(key), quote(nearest));
            report.error(entry.key_offset, "misspelt-key", text);
        } else if !OF_RUNTIMES.contains(&key) {
            let text = format!("a list has no key {}; it is ignored", quote(key));
            report.warning(entry.key_offset, "unknown-key", text);
        }
    }
}
