//! Every plugin in one executable, chosen by the name it is started under; for images and packages.

use std::process::ExitCode;

use cni_core::runtime::{executable_name, print_error};
use cni_plugins::PLUGINS;

fn main() -> ExitCode {
    let name = executable_name();
    if let Some(plugin) = PLUGINS.iter().find(|plugin| plugin.name == name) {
        return (plugin.main)();
    }
    let names: Vec<_> = PLUGINS.iter().map(|plugin| plugin.name).collect();
    print_error(&format!(
        "{name}: no plugin of this name; link this executable under one of the names {}",
        names.join(", ")
    ));
    ExitCode::from(2)
}
