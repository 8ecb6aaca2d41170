//! A file: the configuration of one plugin, or a list of several.

use cni_core::spec::error::io_cause;
use cni_core::spec::names;
use cni_core::{SpecVersion, quote};

use super::document::{self, Node, Position, offset_of, text};
use super::finding::{Finding, Severity};
use super::machine::Machine;
use super::plugin::{Network, PluginCheck};
use super::ranges::Pools;
use super::report::Report;

/// All files together.
pub struct Networks<'m> {
    /// The machine, if it matters.
    machine: Option<&'m Machine>,
    pools: Pools,
    /// Names, and where they are written.
    names: Vec<(String, String, Position)>,
    /// In the order they were looked at.
    files: Vec<String>,
    findings: Vec<Finding>,
}

impl<'m> Networks<'m> {
    /// No file yet.
    pub fn new(machine: Option<&'m Machine>) -> Self {
        let (pools, names, files, findings) = Default::default();
        Self { machine, pools, names, files, findings }
    }

    /// Checks a file. Its path decides how it is read: as a list when it ends with `.conflist`.
    pub fn check(&mut self, path: &str) {
        self.read(path, |networks, bytes| networks.check_bytes(path, bytes));
    }

    /// Checks a file with this content; see [`Networks::check`].
    pub fn check_bytes(&mut self, path: &str, bytes: &[u8]) {
        self.parse(path, bytes, |networks, root, report| {
            let is_list = path.ends_with(".conflist");
            let has_plugins = root.get("plugins").is_some();
            if is_list && !has_plugins && root.get("type").is_some() {
                let text = "the configuration of a single plugin belongs into a file that ends \
                            with .conf";
                report.error(root.offset, "file-name", text);
            } else if !is_list && has_plugins {
                let text = "a list of plugins belongs into a file that ends with .conflist";
                report.error(root.offset, "file-name", text);
            }
            if has_plugins || is_list && root.get("type").is_none() {
                networks.list(root, report);
            } else {
                networks.single(root, report);
            }
        });
    }

    /// All findings, file by file in the order they were checked.
    pub fn finish(mut self) -> Vec<Finding> {
        self.findings.extend(self.pools.overlaps());
        let number = |finding: &Finding| self.files.iter().position(|file| *file == finding.file);
        self.findings.sort_by_key(|finding| (number(finding), finding.position));
        self.findings
    }

    /// Reads a file for `check`, or tells why it cannot be read.
    pub fn read(&mut self, path: &str, check: impl FnOnce(&mut Self, &[u8])) {
        match std::fs::read(path) {
            Ok(bytes) => check(self, &bytes),
            Err(error) => {
                self.files.push(path.to_owned());
                self.findings.push(Finding {
                    file: path.to_owned(),
                    position: None,
                    severity: Severity::Error,
                    rule: "unreadable",
                    text: io_cause(&error),
                });
            }
        }
    }

    /// Reads the object in a file for `check`, or tells why there is none.
    pub fn parse(
        &mut self,
        path: &str,
        bytes: &[u8],
        check: impl FnOnce(&mut Self, &Node<'_>, &mut Report<'_>),
    ) {
        self.files.push(path.to_owned());
        let text = String::from_utf8_lossy(bytes);
        let mut report = Report::new(path, &text);
        if std::str::from_utf8(bytes).is_err() {
            report.warning(0, "encoding", "the file is not UTF-8; what is not is replaced");
        }
        match document::parse(&text) {
            Ok(root) if root.raw.starts_with('{') => check(self, &root, &mut report),
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

    fn single(&mut self, root: &Node<'_>, report: &mut Report<'_>) {
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
        self.plugin(&network, root, false, report);
    }

    /// One of the network's plugins.
    pub fn plugin(
        &mut self,
        network: &Network,
        node: &Node<'_>,
        follows: bool,
        report: &mut Report<'_>,
    ) {
        let Self { machine, pools, .. } = self;
        PluginCheck { network, node, follows, report, machine: *machine, pools }.run();
    }

    /// The name becomes part of paths, and only one network of a name can be reached.
    pub fn name(&mut self, root: &Node<'_>, report: &mut Report<'_>) {
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

    /// A version that plugins can know.
    pub fn version(&self, root: &Node<'_>, version: &str, report: &mut Report<'_>) {
        let offset = offset_of(root, "cniVersion");
        let written = root.get("cniVersion").map(Node::value).unwrap_or_default();
        if !written.is_string() && !written.is_null() {
            let text = format!("cannot read {written} as string in key cniVersion");
            report.error(offset, "wrong-type", text);
        } else if version.is_empty() && !report.has_finding_at(offset) {
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
