//! The command line: which verb, network, namespace and interface.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, Error as Refusal, ErrorKind};
use clap::{Arg, ArgMatches, Command};

use crate::order::{self, Order};

/// The arguments every verb needs; further ones are ignored.
const NEEDED: usize = 2;

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// A text to print.
    Help(String),
    /// A verb.
    Call(Call),
    /// Whether configurations are right.
    Validate(Order),
}

/// Arguments that make no sense.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    /// What to print: `Error: …` and the usage.
    pub text: String,
    /// What to end with.
    pub exit_code: u8,
}

/// One run of a network list.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// What to do.
    pub verb: Verb,
    /// The network's name.
    pub network: String,
    /// The path of the container's namespace, as typed.
    pub netns: String,
    /// The interface, if one was named.
    pub ifname: Option<String>,
}

/// A verb of cnitool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Attaches.
    Add,
    /// Verifies.
    Check,
    /// Detaches.
    Del,
    /// Detaches everything cnitool and other runtimes have kept for the network.
    Gc,
    /// Asks whether `add` can work.
    Status,
}

impl Verb {
    const ALL: [Self; 5] = [Self::Add, Self::Check, Self::Del, Self::Gc, Self::Status];

    fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Check => "check",
            Self::Del => "del",
            Self::Gc => "gc",
            Self::Status => "status",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Add => "Add network interface to a network namespace",
            Self::Check => "Check network interface in a network namespace",
            Self::Del => "Delete network interface from a network namespace",
            Self::Gc => "Delete every attachment of the network, then let plugins collect garbage",
            Self::Status => "Check whether the network can be attached to",
        }
    }

    fn usage(self) -> String {
        format!("cnitool {} <network-name> <netns> [flags]", self.name())
    }
}

/// Reads the arguments, the first being the name of the program.
///
/// # Errors
///
/// What to print about arguments that make no sense.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Asked, Mistake> {
    let arguments: Vec<OsString> = arguments.collect();
    // Of the reference's verbs 1 is all that scripts know.
    let exit_code = if arguments.get(1).is_some_and(|verb| verb == "validate") { 2 } else { 1 };
    let mistake = |text| Mistake { text, exit_code };
    let matches = match grammar().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(refusal) if refusal.use_stderr() => return Err(mistake(reworded(&refusal))),
        Err(help) => return Ok(Asked::Help(help.to_string())),
    };
    let Some((name, given)) = matches.subcommand() else {
        return Ok(Asked::Help(grammar().render_help().to_string()));
    };
    let Some(verb) = Verb::ALL.into_iter().find(|verb| verb.name() == name) else {
        return Ok(Asked::Validate(Order::of(given)));
    };
    match positional(given).as_slice() {
        [network, netns, ..] => Ok(Asked::Call(Call {
            verb,
            network: (*network).clone(),
            netns: (*netns).clone(),
            ifname: given.get_one::<String>("ifname").filter(|ifname| !ifname.is_empty()).cloned(),
        })),
        too_few => Err(mistake(format!(
            "Error: requires at least {NEEDED} arg(s), only received {}\n\nUsage: {}\n",
            too_few.len(),
            verb.usage()
        ))),
    }
}

fn positional(given: &ArgMatches) -> Vec<&String> {
    given.get_many("arguments").into_iter().flatten().collect()
}

/// What may be typed.
pub fn grammar() -> Command {
    Command::new("cnitool")
        .about("A tool for manually executing CNI plugins")
        .after_help(
            "Environment:\n  \
             NETCONFPATH  Folder of network configurations [default: /etc/cni/net.d]\n  \
             CNI_PATH     Folders of plugins, separated by colons\n  \
             CNI_ARGS     Arguments for plugins: KEY=VALUE;KEY=VALUE\n  \
             CAP_ARGS     Values for capabilities: a JSON object\n  \
             CNI_IFNAME   Interface name, unless --ifname is given",
        )
        .arg(
            Arg::new("ifname")
                .short('i')
                .long("ifname")
                .value_name("NAME")
                .global(true)
                .help("Interface name (defaults to env var CNI_IFNAME or 'eth0')"),
        )
        .subcommands(Verb::ALL.map(|verb| {
            Command::new(verb.name())
                .about(verb.about())
                .override_usage(verb.usage())
                .arg(Arg::new("arguments").num_args(0..).hide(true))
        }))
        .subcommand(order::grammar())
}

/// A refusal with the line that scripts for the reference look for.
fn reworded(refusal: &Refusal) -> String {
    let text_of = |kind| match refusal.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    match refusal.kind() {
        ErrorKind::InvalidSubcommand => format!(
            "Error: unknown command \"{}\" for \"cnitool\"\nRun 'cnitool --help' for usage.\n",
            text_of(ContextKind::InvalidSubcommand)
        ),
        ErrorKind::UnknownArgument => {
            let whole = refusal.to_string();
            let usage = whole.find("\nUsage:").map_or("", |at| &whole[at..]);
            format!("Error: unknown flag: {}\n{usage}", text_of(ContextKind::InvalidArg))
        }
        _ => refusal.to_string().replacen("error: ", "Error: ", 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Asked, Mistake> {
        parse(line.split(' ').map(OsString::from))
    }

    fn call(line: &str) -> Call {
        match parsed(line) {
            Ok(Asked::Call(call)) => call,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn verbs_take_a_network_and_a_namespace() {
        for verb in Verb::ALL {
            assert_eq!(
                call(&format!("cnitool {} net /run/netns/x further", verb.name())),
                Call {
                    verb,
                    network: "net".to_owned(),
                    netns: "/run/netns/x".to_owned(),
                    ifname: None
                }
            );
        }
    }

    #[test]
    fn the_interface_can_be_named_anywhere() {
        for line in [
            "cnitool -i eth1 add net ns",
            "cnitool add --ifname eth1 net ns",
            "cnitool add net ns --ifname=eth1",
        ] {
            assert_eq!(call(line).ifname.as_deref(), Some("eth1"), "{line}");
        }
        assert_eq!(call("cnitool add net ns --ifname=").ifname, None);
    }

    #[test]
    fn mistakes_are_named_in_the_first_line() {
        for (line, first) in [
            ("cnitool add net", "Error: requires at least 2 arg(s), only received 1"),
            ("cnitool gc", "Error: requires at least 2 arg(s), only received 0"),
            ("cnitool frob", "Error: unknown command \"frob\" for \"cnitool\""),
            ("cnitool add --frob net ns", "Error: unknown flag: --frob"),
            ("cnitool --frob", "Error: unknown flag: --frob"),
        ] {
            let refusal = parsed(line).expect_err(line);
            assert_eq!(refusal.text.lines().next(), Some(first), "{}", refusal.text);
            assert_eq!(refusal.exit_code, 1, "{line}");
        }
        assert!(parsed("cnitool add -i").expect_err("no value").text.starts_with("Error: "));
    }

    #[test]
    fn validate_takes_files_or_writes_a_schema() {
        let order = |line: &str| match parsed(line) {
            Ok(Asked::Validate(order)) => order,
            other => panic!("{line}: {other:?}"),
        };
        let checked = order("cnitool validate --json a.conf --cni-path /bin --strict b.conflist");
        assert_eq!(checked.files, ["a.conf", "b.conflist"]);
        assert_eq!(checked.cni_path.as_deref(), Some("/bin"));
        assert!(checked.json && checked.strict && !checked.any_machine);
        assert_eq!(order("cnitool validate --schema").schema.as_deref(), Some(""));
        assert_eq!(order("cnitool validate --schema=bridge").schema.as_deref(), Some("bridge"));
        for line in
            ["validate", "validate --frob a", "validate --schema=x a", "validate --schema a"]
        {
            let mistake = parsed(&format!("cnitool {line}")).expect_err(line);
            assert!(mistake.text.starts_with("Error: "), "{}", mistake.text);
            assert_eq!(mistake.exit_code, 2, "{line}");
        }
    }

    #[test]
    fn help_is_no_mistake() {
        for line in
            ["cnitool", "cnitool help", "cnitool --help", "cnitool add -h", "cnitool validate -h"]
        {
            match parsed(line) {
                Ok(Asked::Help(text)) => assert!(text.contains("Usage:"), "{text}"),
                other => panic!("{line}: {other:?}"),
            }
        }
    }
}
