//! The parts of the benchmark, in the order of the table.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::comparison::{Comparison, Limits};
use super::report::{Row, Unit};
use super::side;
use crate::release::Release;
use crate::workspace::Workspace;

/// What a part measures with.
pub struct Bench<'a> {
    pub comparison: Comparison<'a>,
    pub workspace: &'a Workspace,
    pub release: &'a Release,
    /// Whether a look is enough.
    pub is_quick: bool,
}

/// A part: what it is called, and how it is measured.
pub type Group = (&'static str, fn(&Bench<'_>) -> Result<Vec<Row>>);

/// All parts.
pub const GROUPS: [Group; 11] = [
    ("one attachment at a time", plain),
    ("masquerade", masquerade),
    ("other interfaces", interfaces),
    ("chained plugins", chained),
    ("VERSION", |bench| bench.comparison.version(0.25)),
    ("many at once", at_once),
    ("among others", among),
    ("with reservations", |bench| bench.comparison.with_reservations(20_000, 2.0)),
    ("the kernel's share", |bench| bench.comparison.floor(&bench.release.executable("floor"))),
    ("dhcp", |bench| bench.comparison.dhcp()),
    ("sizes", |bench| Ok(sizes(bench.release, bench.comparison.reference))),
];

fn plain(bench: &Bench<'_>) -> Result<Vec<Row>> {
    let plain = side::network();
    let disk = tempfile::tempdir_in(&bench.workspace.target).context("make a folder on disk")?;
    let on_disk = side::kept_in(disk.path());
    let limits = Limits {
        add_wall: Some(0.30),
        add_cpu: Some(0.25),
        add_peak: Some(0.35),
        del_wall: Some(0.85),
    };
    let mut rows = bench.comparison.one_by_one("bridge + host-local", [&plain; 2], limits)?;
    rows.extend(bench.comparison.one_by_one("store on disk", [&on_disk; 2], Limits::default())?);
    Ok(rows)
}

fn masquerade(bench: &Bench<'_>) -> Result<Vec<Row>> {
    let [iptables, nftables] = ["iptables", "nftables"].map(side::masqueraded);
    let limits = Limits { add_wall: Some(0.40), del_wall: Some(0.35), ..Limits::default() };
    let mut rows = bench.comparison.one_by_one("ipMasq, iptables", [&iptables; 2], limits)?;
    let limits = Limits { add_wall: Some(0.15), del_wall: Some(0.30), ..Limits::default() };
    let title = "ipMasq, nftables against iptables";
    rows.extend(bench.comparison.one_by_one(title, [&nftables, &iptables], limits)?);
    Ok(rows)
}

fn at_once(bench: &Bench<'_>) -> Result<Vec<Row>> {
    let mut rows = bench.comparison.at_once(10, None)?;
    rows.extend(bench.comparison.at_once(100, Some(0.35))?);
    Ok(rows)
}

fn among(bench: &Bench<'_>) -> Result<Vec<Row>> {
    let mut rows = bench.comparison.among(100, None)?;
    if !bench.is_quick {
        rows.extend(bench.comparison.among(1000, Some(1.3))?);
    }
    Ok(rows)
}

/// The other interface plugins, as far as the running kernel and the reference have them.
fn interfaces(bench: &Bench<'_>) -> Result<Vec<Row>> {
    let comparison = &bench.comparison;
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
fn chained(bench: &Bench<'_>) -> Result<Vec<Row>> {
    let comparison = &bench.comparison;
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
    if !bench.is_quick {
        rows.extend(comparison.among_published("iptables", 1000, None)?);
        rows.extend(comparison.among_published("nftables", 1000, Some(2.0))?);
    }
    Ok(rows)
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
