//! The configuration of one plugin of a network.

use cni_core::spec::json;
use cni_core::{Error, Plugin, SpecVersion, quote};
use cni_plugin_host_local::HostLocal;

use super::catalogue::{self, Known, Role};
use super::culprit::{Mistake, find_mistakes};
use super::document::Node;
use super::keys::KeyCheck;
use super::machine::Machine;
use super::nearest::find_nearest;
use super::ranges::Pools;
use super::readers::{Reader, Readers};
use super::report::Report;
use super::sense;

/// Keys that say whose configuration it is; nothing is wrong with them here.
const IDENTITY: [&str; 3] = ["name", "type", "cniVersion"];

/// What a plugin's configuration takes over from its network.
#[derive(Clone)]
pub struct Network {
    /// The network's name, and its place.
    pub name: String,
    /// The version that plugins are called with.
    pub cni_version: String,
    /// The place of the version, or of what lacks one.
    pub version_offset: usize,
    /// Whether name and version come from a list and not from the plugin's own configuration.
    pub is_list: bool,
}

/// A plugin's configuration among others.
pub struct PluginCheck<'a, 'b, 'c> {
    /// Its network.
    pub network: &'a Network,
    /// Its place in the file.
    pub node: &'a Node<'c>,
    /// Whether another plugin comes before it.
    pub follows: bool,
    /// Where findings go.
    pub report: &'a mut Report<'b>,
    /// The machine, if it matters.
    pub machine: Option<&'a Machine>,
    /// Where ranges go, to be compared with those of other networks.
    pub pools: &'a mut Pools,
}

impl PluginCheck<'_, '_, '_> {
    /// Checks everything.
    pub fn run(mut self) {
        let Some(readers) = Readers::of(self.node) else { return };
        self.similar_names(&readers);
        let mut keys = KeyCheck { report: self.report, readers: &readers, unreadable: Vec::new() };
        keys.value(self.node, &readers.shape, "");
        let unreadable = keys.unreadable;
        self.place(&readers);
        for reader in readers.of_the_set() {
            self.version(reader.known);
            self.contradictions(&reader, &unreadable);
        }
        if let Some(known) = readers.plugin {
            sense::check(known, &readers.shape, self.node, self.report);
        }
        if let (Some(shape), Some(node)) =
            (readers.shape.get("delegate"), self.node.get("delegate"))
        {
            sense::mtu(shape, node, self.report);
        }
        if let Some(machine) = self.machine {
            for (name, key) in readers.names() {
                machine.executable(name, self.offset_of_type(key), self.report);
            }
            machine.files_and_interfaces(self.node, self.report);
        }
    }

    /// The place of a plugin's name: in the object under a key, or without one in the whole.
    fn offset_of_type(&self, key: Option<&str>) -> usize {
        let object = key.and_then(|key| self.node.get(key)).unwrap_or(self.node);
        object.get("type").or_else(|| self.node.get("type")).unwrap_or(object).offset
    }

    fn similar_names(&mut self, readers: &Readers) {
        for (name, key) in readers.names().filter(|(name, _)| catalogue::find(name).is_none()) {
            let names = catalogue::PLUGINS.iter().map(|known| known.name);
            if let Some(nearest) = find_nearest(name, names) {
                let (name, nearest) = (quote(name), quote(nearest));
                let text = format!("{name} is not a plugin of this set; is {nearest} meant?");
                self.report.warning(self.offset_of_type(key), "unknown-plugin", text);
            }
        }
    }

    /// Whether the plugins are where they can work.
    fn place(&mut self, readers: &Readers) {
        let name = &readers.name;
        let is_first = !self.follows && self.node.get("prevResult").is_none();
        match readers.plugin.map(|known| known.role) {
            Some(Role::Chained) if is_first => {
                let text = format!("{name} has to follow a plugin that makes an interface");
                self.report.error(self.offset_of_type(None), "plugin-order", text);
            }
            Some(Role::Ipam) if self.network.is_list => {
                let text =
                    format!("{name} makes no interface; it is for the key \"ipam\" of others");
                self.report.warning(self.offset_of_type(None), "plugin-order", text);
            }
            _ => (),
        }
        if let Some(ipam) = readers.ipam.filter(|known| known.role != Role::Ipam) {
            let text = format!("{} hands out no addresses", ipam.name);
            self.report.error(self.offset_of_type(Some("ipam")), "plugin-order", text);
        }
    }

    fn version(&mut self, known: &Known) {
        let written = match self.network.cni_version.as_str() {
            "" => "0.1.0",
            written => written,
        };
        let is_version = SpecVersion::find(written).is_some();
        if is_version && !known.supported.iter().any(|version| version.as_str() == written) {
            let supported: Vec<_> = known.supported.iter().map(|v| v.as_str()).collect();
            let (name, supported) = (known.name, supported.join(", "));
            let text = format!(
                "incompatible CNI versions: config is {}, {name} supports {supported}",
                quote(written)
            );
            self.report.error(self.network.version_offset, "version", text);
        }
    }

    /// What the plugin itself says to the configuration, and which ranges it has.
    fn contradictions(&mut self, reader: &Reader, unreadable: &[usize]) {
        let Reader { known, configuration } = reader;
        let judge = |left_out: &[usize]| {
            configuration(&self.configuration(left_out)).and_then(|text| known.validate(&text))
        };
        let mistakes = find_mistakes(self.node, &IDENTITY, unreadable, judge);
        if mistakes.is_empty() && unreadable.is_empty() && known.name == HostLocal::NAME {
            self.pools.collect(&self.configuration(&[]), self.node, self.report);
        }
        for Mistake { error: Error { msg, details, .. }, offset } in mistakes {
            let details = if details.is_empty() { details } else { format!(" ({details})") };
            let offset = offset.unwrap_or_else(|| self.offset_of_type(None));
            // A plugin and those it calls may refuse the same.
            if !self.report.has_told(offset, &msg) {
                self.report.error(offset, "refused", format!("{}: {msg}{details}", known.name));
            }
        }
    }

    /// The configuration as the plugin gets it.
    fn configuration(&self, left_out: &[usize]) -> String {
        if !self.network.is_list {
            return self.node.without(left_out);
        }
        let mut text = format!(
            "{{\"cniVersion\":{},\"name\":{}",
            json::to_compact(&self.network.cni_version),
            json::to_compact(&self.network.name)
        );
        let is_own = |key: &str| !matches!(key, "cniVersion" | "name");
        for entry in self.node.entries().iter().filter(|entry| is_own(&entry.key)) {
            if !left_out.contains(&entry.value.offset) {
                text.push(',');
                text.push_str(entry.raw_key);
                text.push(':');
                entry.value.write(left_out, &mut text);
            }
        }
        text.push('}');
        text
    }
}
