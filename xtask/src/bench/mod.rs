//! `bench`: whole processes, ours and another set's in turns, on private hosts.

mod comparison;
mod report;
mod sample;
mod side;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::release::Release;
use crate::workspace::Workspace;
use crate::{debian, private_host, process};
use comparison::{Comparison, Limits};
use report::{Row, Unit};
use sample::Spawner;

/// What is measured, and what it is measured with.
const PACKAGES: &[&str] = &[
    "cni-plugin-bridge",
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

/// The table stands between these lines of the page.
const BEGIN: &str = "<!-- written by `cargo xtask bench --write` -->";
const END: &str = "<!-- end of what bench writes -->";

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
    let quick = arguments.get_flag("quick");
    let comparison = Comparison {
        ours: release.folder(),
        reference: against,
        spawner: &spawner,
        samples: if quick { 10 } else { 100 },
    };
    let mut rows = measure(&comparison, &workspace, quick)?;
    progress("the kernel's share");
    rows.extend(comparison.floor(&release.executable("floor"))?);
    rows.extend(sizes(&release, against));
    let table = report::table(&rows);
    print!("\n{machine}\n\n{table}");
    let missed = rows.iter().filter(|row| !row.is_kept()).count();
    println!("\nlimits missed: {missed}");
    if arguments.get_flag("write") {
        write(&workspace.root.join(PAGE), &format!("{machine}\n\n{table}"))?;
    }
    Ok(())
}

/// Every measurement, in the order of the table.
fn measure(comparison: &Comparison, workspace: &Workspace, quick: bool) -> Result<Vec<Row>> {
    let plain = side::network();
    let iptables = side::masqueraded("iptables");
    let nftables = side::masqueraded("nftables");
    let disk = tempfile::tempdir_in(&workspace.target).context("make a folder on disk")?;
    let on_disk = side::kept_in(disk.path());

    let mut rows = Vec::new();
    progress("one attachment at a time");
    let limits = Limits {
        add_wall: Some(0.30),
        add_cpu: Some(0.25),
        add_peak: Some(0.35),
        del_wall: Some(0.85),
    };
    rows.extend(comparison.one_by_one("bridge + host-local", [&plain; 2], limits)?);
    rows.extend(comparison.one_by_one("store on disk", [&on_disk; 2], Limits::default())?);
    progress("masquerade");
    let limits = Limits { add_wall: Some(0.40), del_wall: Some(0.35), ..Limits::default() };
    rows.extend(comparison.one_by_one("ipMasq, iptables", [&iptables; 2], limits)?);
    let limits = Limits { add_wall: Some(0.15), del_wall: Some(0.30), ..Limits::default() };
    let title = "ipMasq, nftables against iptables";
    rows.extend(comparison.one_by_one(title, [&nftables, &iptables], limits)?);
    progress("other interfaces");
    rows.extend(interfaces(comparison)?);
    progress("chained plugins");
    rows.extend(chained(comparison, quick)?);
    progress("VERSION");
    rows.extend(comparison.version(0.25)?);
    progress("many at once");
    rows.extend(comparison.at_once(10, None)?);
    rows.extend(comparison.at_once(100, Some(0.35))?);
    progress("among others");
    rows.extend(comparison.among(100, None)?);
    if !quick {
        rows.extend(comparison.among(1000, Some(1.3))?);
    }
    progress("with reservations");
    rows.extend(comparison.with_reservations(20_000, 2.0)?);
    Ok(rows)
}

/// The other interface plugins, as far as the running kernel and the reference have them.
fn interfaces(comparison: &Comparison) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for plugin in ["ptp", "macvlan", "host-device"] {
        let network = side::interface(plugin, "10.88.0.0/16");
        let limits = Limits {
            add_wall: Some(0.30),
            add_cpu: Some(0.25),
            add_peak: None,
            del_wall: Some(1.0),
        };
        rows.extend(comparison.one_by_one(plugin, [&network; 2], limits)?);
    }
    // The reference waits a second or two for duplicate address detection.
    let patient = Comparison { samples: comparison.samples.min(10), ..*comparison };
    for plugin in ["ptp", "macvlan"] {
        let network = side::interface(plugin, "fd00:88::/64");
        let limits = Limits { add_wall: Some(0.05), ..Limits::default() };
        let title = format!("{plugin}, IPv6 with a gateway");
        rows.extend(patient.one_by_one(&title, [&network; 2], limits)?);
    }
    Ok(rows)
}

/// A whole list, and port mappings alone. Debian's reference writes its rules with iptables only.
fn chained(comparison: &Comparison, quick: bool) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let reference = side::list("iptables");
    let limits = Limits { add_wall: Some(0.20), del_wall: Some(0.30), ..Limits::default() };
    for (backend, how) in [("iptables", "iptables"), ("nftables", "nftables against iptables")] {
        let title = format!("bridge, portmap, firewall and tuning, {how}");
        let ours = side::list(backend);
        rows.extend(comparison.one_by_one(&title, [&ours, &reference], limits)?);
    }
    for (backend, how, limit) in
        [("iptables", "iptables", 0.20), ("nftables", "nftables against iptables", 0.08)]
    {
        for ports in [1, 10, 100] {
            let title = format!("portmap, {ports} ports, {how}");
            let [ours, reference] =
                [backend, "iptables"].map(|backend| side::published(backend, 0, ports));
            let limits = Limits { add_wall: Some(limit), ..Limits::default() };
            // The reference takes seconds for many ports.
            let samples = comparison.samples.min(if ports == 1 { 50 } else { 10 });
            let patient = Comparison { samples, ..*comparison };
            rows.extend(patient.one_by_one(&title, [&ours, &reference], limits)?);
        }
    }
    if !quick {
        rows.extend(comparison.among_published("iptables", 1000, None)?);
        rows.extend(comparison.among_published("nftables", 1000, Some(2.0))?);
    }
    Ok(rows)
}

fn progress(what: &str) {
    eprintln!("measuring: {what}");
}

/// The sizes of the executables that both sides have, and of the one that has everything.
fn sizes(release: &Release, against: &Path) -> Vec<Row> {
    let size = |file: PathBuf| file.metadata().ok().map(|metadata| metadata.len() as f64 / 1024.0);
    let one = |name: &String| {
        let ours = size(release.executable(name))?;
        Some((format!("size of {name}"), ours, 1.6e6 / 1024.0, size(against.join(name))))
    };
    let all = size(release.executable("cni-plugins"))
        .map(|ours| ("size of all in one".to_owned(), ours, 4e6 / 1024.0, None));
    let rows = release.names.iter().filter_map(one).chain(all);
    rows.map(|(title, ours, limit, reference)| {
        let title = reference
            .map_or(title.clone(), |reference| format!("{title} (reference: {reference:.0} KiB)"));
        Row { title, unit: Unit::Kib, ours, base: None, limit: Some(limit) }
    })
    .collect()
}

/// One line about where this was measured.
fn machine() -> Result<String> {
    let kernel = process::capture_words(&["uname", "-srm"])?;
    let processors = std::thread::available_parallelism()?;
    Ok(format!("{}, {processors} processors.", kernel.trim()))
}

/// Replaces the table in the page, or appends it to a page without one.
fn write(page: &Path, table: &str) -> Result<()> {
    let text = fs::read_to_string(page).unwrap_or_else(|_| "# Performance\n".to_owned());
    fs::write(page, with_table(&text, table)).with_context(|| format!("write {}", page.display()))
}

fn with_table(text: &str, table: &str) -> String {
    let block = format!("{BEGIN}\n\n{table}\n{END}");
    match (text.split_once(BEGIN), text.split_once(END)) {
        (Some((before, _)), Some((_, after))) => format!("{before}{block}{after}"),
        _ => format!("{}\n\n{block}\n", text.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_keeps_its_prose_around_the_table() {
        let first = with_table("# Performance\n\nProse.\n", "old");
        let second = with_table(&first.replace("Prose.", "Better prose."), "new");
        assert_eq!(second, with_table("# Performance\n\nBetter prose.\n", "new"));
        assert!(!second.contains("old"));
    }
}
