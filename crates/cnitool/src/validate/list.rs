//! What a list of plugins says of itself.

use std::path::Path;

use cni_core::quote;
use cni_runtime::NetworkList;

use super::culprit::{Mistake, find_mistakes};
use super::document::{Node, offset_of, text};
use super::nearest::find_nearest;
use super::network::Networks;
use super::plugin::Network;
use super::report::Report;

/// Keys that runtimes keep for themselves in the lists they write.
const OF_RUNTIMES: [&str; 3] = ["args", "nerdctlID", "nerdctlLabels"];

impl Networks<'_> {
    /// Checks the list, and its plugins in this file and in the folder beside it.
    pub fn list(&mut self, root: &Node<'_>, report: &mut Report<'_>) {
        list_keys(root, report);
        let read = |left_out: &[usize]| NetworkList::from_bytes(root.without(left_out).as_bytes());
        let mistakes = find_mistakes(root, &[], &[], |left_out| read(left_out).map(drop));
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
        let written = || text(root, "cniVersion").unwrap_or_default();
        let list = read(&left_out).ok();
        let is_complete = list.as_ref().is_some_and(|list| list.load_only_inlined_plugins);
        let cni_version = list.map_or_else(written, |list| list.cni_version);
        self.name(root, report);
        self.version(root, &cni_version, report);
        let network = Network {
            name: text(root, "name").unwrap_or_default(),
            cni_version,
            version_offset: offset_of(root, "cniVersion"),
            is_list: true,
        };
        for (index, node) in plugins.iter().enumerate() {
            self.plugin(&network, node, index > 0, report);
        }
        for (offset, msg) in in_plugins {
            if !report.has_finding_at(offset) {
                report.error(offset, "list", msg);
            }
        }
        let folder = Path::new(report.file).parent().unwrap_or(Path::new(""));
        let further = NetworkList::further_plugins(folder, &network.name).unwrap_or_default();
        let further = if is_complete { Vec::new() } else { further };
        let offset = offset_of(root, "plugins");
        if plugins.is_empty() && further.is_empty() && !report.has_finding_at(offset) {
            report.error(offset, "list", "no plugin configs found");
        }
        for (index, file) in further.iter().enumerate() {
            let follows = index + plugins.len() > 0;
            self.further_plugin(&file.to_string_lossy(), &network, follows);
        }
    }

    /// Checks the file of a plugin that belongs to a list.
    fn further_plugin(&mut self, path: &str, network: &Network, follows: bool) {
        self.read(path, |networks, bytes| {
            networks.parse(path, bytes, |networks, root, report| {
                if text(root, "type").is_none_or(|kind| kind.is_empty()) {
                    report.error(offset_of(root, "type"), "list", "missing 'type'");
                }
                let network = Network { version_offset: root.offset, ..network.clone() };
                networks.plugin(&network, root, follows, report);
            });
        });
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
