//! The command line of `cnitool validate`.

use clap::{Arg, ArgAction, ArgMatches, Command};

/// What is to be checked or written.
#[derive(Debug, PartialEq, Eq)]
pub struct Order {
    /// The files, in the order they are named.
    pub files: Vec<String>,
    /// Whether findings are for machines.
    pub json: bool,
    /// Whether warnings count as errors do.
    pub strict: bool,
    /// Whether the machine does not matter.
    pub any_machine: bool,
    /// The folders of plugins, if they are named.
    pub cni_path: Option<String>,
    /// What to write a schema of, instead of checking anything.
    pub schema: Option<String>,
}

/// The subcommand.
pub fn grammar() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    Command::new("validate")
        .about("Check network configurations without running any plugin")
        .override_usage(
            "cnitool validate [flags] <file or folder>...\n       \
             cnitool validate --schema[=<plugin>]",
        )
        .arg(
            Arg::new("files")
                .value_name("file")
                .num_args(1..)
                .required_unless_present("schema")
                .help("Configurations (.conf, .json), lists (.conflist), folders with some"),
        )
        .arg(flag("json", "Print findings as JSON"))
        .arg(flag("strict", "Fail for warnings, too"))
        .arg(flag("any-machine", "Leave out executables, interfaces and files of this machine"))
        .arg(
            Arg::new("cni-path")
                .long("cni-path")
                .value_name("DIRS")
                .help("Folders of plugins (defaults to env var CNI_PATH or the usual ones)"),
        )
        .arg(
            Arg::new("schema")
                .long("schema")
                .value_name("plugin")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("")
                .conflicts_with("files")
                .help("Print the JSON Schema of all configurations, or of one plugin's"),
        )
        .after_help(
            "Exit code: 0 when nothing is wrong, 1 for errors (with --strict also for warnings), \
             2 for mistakes on the command line.",
        )
}

impl Order {
    /// What the arguments ask for.
    pub fn of(given: &ArgMatches) -> Self {
        let text = |name| given.get_one::<String>(name).cloned();
        Self {
            files: given.get_many("files").into_iter().flatten().cloned().collect(),
            json: given.get_flag("json"),
            strict: given.get_flag("strict"),
            any_machine: given.get_flag("any-machine"),
            cni_path: text("cni-path"),
            schema: text("schema"),
        }
    }
}
