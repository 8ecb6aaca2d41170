//! Who reads a plugin's configuration: the plugin itself, and those it calls.

use cni_core::spec::conf::NetworkConf;
use cni_core::spec::json::Shape;
use cni_core::{Plugin, Request, Result};
use cni_plugin_flannel::Flannel;

use super::catalogue::{self, Known, Role, invocation};
use super::document::{Node, text};

/// The readers of one configuration.
pub struct Readers {
    /// The configuration's `type`.
    pub name: String,
    /// The plugin, if it is one of the set.
    pub plugin: Option<&'static Known>,
    /// The name of the IPAM plugin that it calls.
    pub ipam_name: Option<String>,
    /// The IPAM plugin, if it is one of the set.
    pub ipam: Option<&'static Known>,
    /// The name of the plugin that it leaves its work to.
    pub delegate_name: Option<String>,
    /// All that is read.
    pub shape: Shape,
    /// Objects in which unknown keys are no mistake: what is at the beginning of their paths.
    pub open: Vec<&'static str>,
}

/// A plugin and the configuration it gets out of the written one.
pub struct Reader {
    /// The plugin.
    pub known: &'static Known,
    /// Makes the configuration.
    pub configuration: fn(&str) -> Result<String>,
}

impl Readers {
    /// The readers of a configuration; none when it has no type.
    pub fn of(node: &Node<'_>) -> Option<Self> {
        let name = text(node, "type")?;
        let plugin = catalogue::find(&name);
        let calls_ipam = plugin.is_none_or(|known| known.role == Role::Interface);
        let is_flannel = name == Flannel::NAME;
        let named = |key: &str| {
            let name = node.get(key).and_then(|inner| text(inner, "type"));
            name.filter(|name| !name.is_empty())
        };
        // Flannel has words of its own for the usual ones.
        let usual = |name: &str| is_flannel.then(|| name.to_owned());
        let ipam_name = named("ipam").or_else(|| usual("host-local")).filter(|_| calls_ipam);
        let delegate_name = named("delegate").or_else(|| usual("bridge")).filter(|_| is_flannel);
        let ipam = match &ipam_name {
            Some(name) => catalogue::find(name),
            None => plugin.filter(|known| known.role == Role::Ipam),
        };
        let mut shape = whole_shape(plugin.into_iter().chain(ipam));
        // Others write into these two.
        let mut open = vec!["args", "runtimeConfig"];
        if plugin.is_none() {
            open.push("");
        }
        if ipam.is_none() {
            open.push("ipam");
        }
        if let Some(name) = &delegate_name {
            let delegate = catalogue::find(name);
            shape = shape.with("delegate", whole_shape(delegate.into_iter()));
            if delegate.is_none() {
                open.push("delegate");
            }
        }
        Some(Self { name, plugin, ipam_name, ipam, delegate_name, shape, open })
    }

    /// The plugins of the set among them, each with its way to its configuration.
    pub fn of_the_set(&self) -> Vec<Reader> {
        let as_written = |text: &str| Ok(text.to_owned());
        let plugin = self.plugin.map(|known| Reader { known, configuration: as_written });
        let delegate = self.delegate_name.as_deref().and_then(catalogue::find);
        let delegate = delegate.map(|known| Reader { known, configuration: delegated });
        let ipam = self.ipam.filter(|ipam| ipam.role == Role::Ipam && ipam.name != self.name);
        let ipam = ipam.map(|known| Reader {
            known,
            configuration: if delegate.is_some() { delegated } else { as_written },
        });
        plugin.into_iter().chain(delegate).chain(ipam).collect()
    }

    /// The names of all, for there must be executables of them.
    pub fn names(&self) -> impl Iterator<Item = (&str, Option<&'static str>)> {
        [
            (Some(&self.name), None),
            (self.delegate_name.as_ref(), Some("delegate")),
            (self.ipam_name.as_ref(), Some("ipam")),
        ]
        .into_iter()
        .filter_map(|(name, key)| Some((name?.as_str(), key)))
    }
}

/// What is read of a configuration by everybody and by these plugins.
pub fn whole_shape<'a>(readers: impl Iterator<Item = &'a Known>) -> Shape {
    let by_everybody = Shape::of::<NetworkConf>()
        .merged(Shape::Object(vec![("args", Shape::Anything), ("runtimeConfig", Shape::Anything)]));
    readers.fold(by_everybody, |shape, reader| shape.merged(reader.shape()))
}

/// What flannel's delegate gets.
fn delegated(configuration: &str) -> Result<String> {
    let request = Request::load(&invocation(configuration), Flannel::LOAD_CONTEXT)?;
    cni_plugin_flannel::delegated(&request)
}
