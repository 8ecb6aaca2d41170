//! `bench`: whole processes, ours and another set's in turns, on private hosts.

mod comparison;
mod dhcp;
mod groups;
mod page;
mod report;
mod sample;
mod side;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::release::Release;
use crate::workspace::Workspace;
use crate::{debian, private_host, process};
use comparison::Comparison;
use groups::{Bench, GROUPS};
use sample::Spawner;

/// What is measured, and what it is measured with.
const PACKAGES: &[&str] = &[
    "cni-plugin-bridge",
    "cni-plugin-dhcp",
    "cni-plugin-firewall",
    "cni-plugin-host-local",
    "cni-plugin-host-device",
    "cni-plugin-loopback",
    "cni-plugin-macvlan",
    "cni-plugin-portmap",
    "cni-plugin-ptp",
    "cni-plugin-static",
    "cni-plugin-tuning",
    "cni-plugins",
    "bench-probes",
];

/// Where the table goes, relative to the workspace's root.
const PAGE: &str = "docs/performance.md";

/// How the task is called.
pub fn command() -> Command {
    Command::new("bench")
        .about("Measures whole plugin runs against another set of plugins")
        .arg(
            Arg::new("against")
                .long("against")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .default_value("/usr/lib/cni")
                .help("The set of plugins to compare with"),
        )
        .arg(
            Arg::new("write")
                .long("write")
                .action(ArgAction::SetTrue)
                .help(format!("Also write the table into {PAGE}")),
        )
        .arg(
            Arg::new("quick")
                .long("quick")
                .action(ArgAction::SetTrue)
                .help("Few samples and small crowds: a look, not a measurement"),
        )
        .arg(
            Arg::new("only")
                .long("only")
                .value_name("PART")
                .value_parser(GROUPS.map(|(name, _)| name))
                .help("Measure one part; --write then replaces its rows alone"),
        )
}

/// Builds, measures, prints the table and says which limits are missed.
///
/// # Errors
///
/// When the build or a plugin fails. A missed limit is no error: it is a line in the table.
pub fn run(arguments: &ArgMatches) -> Result<()> {
    let workspace = Workspace::load()?;
    let against: &PathBuf = arguments.get_one("against").expect("there is a default");
    if against == Path::new("/usr/lib/cni") {
        debian::ensure(debian::REFERENCE, true)?;
    }
    debian::ensure(debian::DEMO, true)?;
    let release = Release::build_packages(&workspace, PACKAGES.to_vec())?;
    let machine = machine()?;
    private_host::enter()?;

    let spawner = Spawner::new(release.executable("spawner"))?;
    let is_quick = arguments.get_flag("quick");
    let bench = Bench {
        comparison: Comparison {
            ours: release.folder(),
            reference: against,
            spawner: &spawner,
            samples: if is_quick { 10 } else { 100 },
        },
        workspace: &workspace,
        release: &release,
        is_quick,
    };
    let only = arguments.get_one::<String>("only");
    let mut rows = Vec::new();
    for (name, measure) in GROUPS.iter().filter(|(name, _)| only.is_none_or(|only| only == name)) {
        eprintln!("measuring: {name}");
        rows.extend(measure(&bench)?);
    }
    let table = format!("{machine}\n\n{}", report::table(&rows));
    print!("\n{table}");
    let missed = rows.iter().filter(|row| !row.is_kept()).count();
    println!("\nlimits missed: {missed}");
    let page = workspace.root.join(PAGE);
    match (arguments.get_flag("write"), only) {
        (false, _) => Ok(()),
        (true, None) => page::write(&page, &table),
        (true, Some(_)) => page::merge(&page, &rows),
    }
}

/// One line about where this was measured.
fn machine() -> Result<String> {
    let kernel = process::capture_words(&["uname", "-srm"])?;
    let processors = std::thread::available_parallelism()?;
    Ok(format!("{}, {processors} processors.", kernel.trim()))
}
