//! The command line of the DHCP daemon, which is read from what it prints about itself.

use clap::{Arg, ArgAction, Command};
use cni_plugin_dhcp::DAEMON_USAGE;

/// The plugin's grammar with the arguments of the roles that only `dhcp` has.
///
/// The daemon's flags are Go's, which one dash begins as well as two.
pub fn added_to(plugin: Command) -> Command {
    let socket = || option("socketpath", "string", "The daemon's socket");
    plugin
        .mut_subcommand("daemon", |daemon| daemon.args(flags()))
        .mut_subcommand("leases", |leases| leases.arg(socket()))
}

/// The flags of the usage text: a line with the name and the value's type, and one with the purpose.
fn flags() -> Vec<Arg> {
    let mut lines = DAEMON_USAGE.lines().skip(1);
    let mut flags = Vec::new();
    while let (Some(flag), Some(purpose)) = (lines.next(), lines.next()) {
        let flag = flag.trim().trim_start_matches('-');
        let (name, value) = flag.split_once(' ').unwrap_or((flag, ""));
        flags.push(option(name, value, &sentence(purpose.trim())));
    }
    flags
}

fn option(name: &'static str, value: &'static str, purpose: &str) -> Arg {
    let option = Arg::new(name).long(name).help(purpose.to_owned());
    match value {
        "" => option.action(ArgAction::SetTrue),
        value => option.value_name(value),
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use cni_plugins::PLUGINS;

    use super::*;

    #[test]
    fn flags_and_their_values_are_those_of_the_usage_text() {
        let flags = flags();
        let named = |name: &str| {
            let flag = flags.iter().find(|flag| flag.get_id() == name).expect(name);
            let values = flag.get_value_names().map(|names| names.join(" "));
            (values, flag.get_help().map(ToString::to_string).unwrap_or_default())
        };
        assert_eq!(named("broadcast"), (None, "Broadcast DHCP leases".to_owned()));
        assert_eq!(named("pidfile").0.as_deref(), Some("string"));
        assert!(named("timeout").1.ends_with("(default 10s)"));
        let dashes = DAEMON_USAGE.lines().filter(|line| line.starts_with("  -")).count();
        assert_eq!(flags.len(), dashes);
        let dhcp = PLUGINS.iter().find(|plugin| plugin.name == "dhcp").expect("the plugin");
        added_to((dhcp.command_line)()).debug_assert();
    }
}
