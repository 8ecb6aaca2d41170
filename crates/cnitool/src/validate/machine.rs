//! What a configuration needs of the machine it is checked on.

use std::path::Path;

use cni_core::quote;
use cni_core::runtime::find_plugin;
use linux_net::Rtnl;
use serde_json::Value;

use super::document::{Node, text};
use super::report::Report;

/// The machine, as far as configurations name things of it.
pub struct Machine {
    /// The folders of plugins, separated by colons.
    pub cni_path: String,
}

impl Machine {
    /// Reports a plugin that is not there.
    pub fn executable(&self, name: &str, offset: usize, report: &mut Report<'_>) {
        if let Err(error) = find_plugin(name, &self.cni_path) {
            report.error(offset, "missing-executable", error.msg);
        }
    }

    /// Reports a master that is not there, and a file that the result is to be made of.
    pub fn files_and_interfaces(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let is_elsewhere =
            node.get("linkInContainer").is_some_and(|node| node.value() == Value::Bool(true));
        let master = text(node, "master").filter(|name| !name.is_empty() && !is_elsewhere);
        if let (Some(name), Some(place)) = (master, node.get("master")) {
            let found = Rtnl::open_current().and_then(|rtnl| rtnl.get_link(name.as_str()));
            if found.is_err_and(|error| error.is_missing()) {
                let text = format!("this machine has no interface {}", quote(&name));
                report.error(place.offset, "missing-master", text);
            }
        }
        let file = node.get("ipam").and_then(|ipam| ipam.get("resolvConf"));
        if let Some(place) = file
            && let Some(path) = place.value().as_str().filter(|path| !path.is_empty())
            && !Path::new(path).exists()
        {
            report.error(place.offset, "missing-file", format!("there is no file {}", quote(path)));
        }
    }
}
