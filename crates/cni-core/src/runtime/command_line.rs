//! The command line for people: it only builds an invocation.

use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command as Clap};

use super::dispatch::Verbs;
use super::invocation::{Attachment, Command, Invocation, read_stdin};
use super::output;
use super::plugin::Plugin;
use crate::spec::error::{Error, io_cause};
use crate::spec::json;

/// What a person asked for.
pub(super) enum Typed {
    /// A text to print.
    Print(String),
    /// The supported versions.
    Version,
    /// A verb; the result as JSON or in words.
    Invocation { invocation: Invocation, as_json: bool },
}

/// Reads the arguments.
///
/// # Errors
///
/// The exit code after help or a usage error has been printed: 0 or 2.
pub(super) fn parse(verbs: &Verbs) -> Result<Typed, ExitCode> {
    let mut grammar = grammar(verbs);
    let matches = match grammar.try_get_matches_from_mut(std::env::args_os()) {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => return Err(usage_error(&error)),
        Err(help) => {
            let _ = output::write(&help.to_string());
            return Err(ExitCode::SUCCESS);
        }
    };
    let (name, given) = matches.subcommand().expect("the grammar requires a subcommand");
    let default_config = || json::to_pretty(&(verbs.default_network)()) + "\n";
    match name {
        "config" => return Ok(Typed::Print(default_config())),
        "version" => return Ok(Typed::Version),
        _ => (),
    }
    let command = Command::find(&name.to_uppercase()).expect("the other subcommands are verbs");
    let invocation = build(command, given, default_config).and_then(|invocation| {
        invocation.validate(command)?;
        Ok(invocation)
    });
    match invocation {
        Ok(invocation) => Ok(Typed::Invocation { invocation, as_json: flag(given, "json") }),
        Err(error) => {
            let verb = grammar.find_subcommand_mut(name).expect("the verb that was matched");
            Err(usage_error(&verb.error(ErrorKind::ValueValidation, error)))
        }
    }
}

/// Says what is wrong, and how it is right.
fn usage_error(error: &clap::Error) -> ExitCode {
    output::write_stderr(&error.to_string());
    ExitCode::from(2)
}

/// The grammar of a plugin's command line, for its manual and completions.
pub fn command_line<P: Plugin>() -> Clap {
    grammar(&Verbs::of::<P>())
}

fn grammar(verbs: &Verbs) -> Clap {
    let verb = |name, about: &'static str| Clap::new(name).about(about).args(common_options());
    let with_attachment = |name, about| {
        verb(name, about)
            .arg(Arg::new("container-id").required(true).help("Any name for the container"))
            .arg(
                Arg::new("netns")
                    .required(name != "del")
                    .help("A path, a name under /run/netns, or a process id"),
            )
            .arg(
                Arg::new("ifname")
                    .long("ifname")
                    .default_value("eth0")
                    .help("The interface in the container"),
            )
    };
    Clap::new(verbs.name)
        .about(verbs.purpose)
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .subcommand(with_attachment("add", "Attaches a container"))
        .subcommand(with_attachment("del", "Detaches a container"))
        .subcommand(with_attachment("check", "Verifies an attachment"))
        .subcommand(verb("status", "Tells whether add can work now"))
        .subcommand(
            verb("gc", "Removes what no attachment listed in the configuration's cni.dev/valid-attachments owns"),
        )
        .subcommand(Clap::new("version").about("Prints the supported versions"))
        .subcommand(Clap::new("config").about("Prints the configuration used without --config"))
        .subcommands(verbs.roles.iter().map(|(name, about)| Clap::new(*name).about(*about)))
}

fn common_options() -> [Arg; 4] {
    [
        Arg::new("config")
            .long("config")
            .value_name("FILE")
            .help("The network configuration; - reads standard input [default: see config]"),
        Arg::new("args").long("args").value_name("K=V;K=V").help("Extra arguments (CNI_ARGS)"),
        Arg::new("cni-path")
            .long("cni-path")
            .value_name("DIR")
            .help("Where plugins are [default: CNI_PATH, else this executable's folder]"),
        Arg::new("json").long("json").action(ArgAction::SetTrue).help("Prints the CNI document"),
    ]
}

fn build(
    command: Command,
    given: &ArgMatches,
    default_config: impl Fn() -> String,
) -> Result<Invocation, Error> {
    let stdin = match text(given, "config").as_str() {
        "" => default_config().into_bytes(),
        "-" => read_stdin()?,
        file => std::fs::read(file)
            .map_err(|error| Error::internal(format!("open {file}: {}", io_cause(&error))))?,
    };
    let path = match text(given, "cni-path") {
        path if path.is_empty() => default_path(),
        path => path,
    };
    Ok(Invocation {
        command,
        attachment: Attachment {
            container_id: text(given, "container-id"),
            netns: netns_path(&text(given, "netns")),
            ifname: text(given, "ifname"),
        },
        args: text(given, "args"),
        path,
        own_netns_allowed: false,
        stdin: Arc::from(stdin),
    })
}

/// The value of an option, empty when the verb does not have it or it was not given.
fn text(given: &ArgMatches, name: &str) -> String {
    given.try_get_one::<String>(name).ok().flatten().cloned().unwrap_or_default()
}

fn flag(given: &ArgMatches, name: &str) -> bool {
    given.get_flag(name)
}

/// `CNI_PATH`, or the folder of this executable.
fn default_path() -> String {
    let from_environment = std::env::var("CNI_PATH").unwrap_or_default();
    if !from_environment.is_empty() {
        return from_environment;
    }
    std::env::current_exe()
        .ok()
        .and_then(|file| Some(file.parent()?.to_string_lossy().into_owned()))
        .unwrap_or_default()
}

/// A namespace as people name it: a path, a process id, or a name made by `ip netns add`.
fn netns_path(typed: &str) -> String {
    if typed.is_empty() || typed.contains('/') {
        typed.to_owned()
    } else if typed.bytes().all(|b| b.is_ascii_digit()) {
        format!("/proc/{typed}/ns/net")
    } else {
        format!("/run/netns/{typed}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_a_path_a_process_or_a_name() {
        assert_eq!(netns_path("/var/run/netns/x"), "/var/run/netns/x");
        assert_eq!(netns_path("42"), "/proc/42/ns/net");
        assert_eq!(netns_path("blue"), "/run/netns/blue");
        assert_eq!(netns_path(""), "");
    }
}
