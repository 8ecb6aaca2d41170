//! `test`: every test on this kernel, then those for other kernels in user-mode Linux.

mod packages;
mod skips;
mod uml;

use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::workspace::Workspace;
use crate::{debian, private_host, process};
use packages::Packages;
use skips::Skips;

/// The package with the tests of the whole set.
const SUITE: &str = "conformance";

/// How the task is called.
pub fn command() -> Command {
    Command::new("test")
        .about("Runs every test, in namespaces of its own; root is not needed")
        .arg(
            Arg::new("against")
                .long("against")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Test another set of plugins instead, for example /usr/lib/cni"),
        )
        .arg(
            Arg::new("filter")
                .long("filter")
                .value_name("TEXT")
                .help("Run only the tests whose name contains this"),
        )
        .arg(
            Arg::new("no-install")
                .long("no-install")
                .action(ArgAction::SetTrue)
                .help("Name missing Debian packages instead of installing them"),
        )
}

/// Builds, runs, and sums up.
///
/// # Errors
///
/// When a test fails, or one is skipped in continuous integration (`CI=true`) that
/// user-mode Linux does not make up for.
pub fn run(arguments: &ArgMatches) -> Result<()> {
    let workspace = Workspace::load()?;
    let filter = arguments.get_one::<String>("filter").map(String::as_str);
    let may_install = !arguments.get_flag("no-install");
    debian::ensure(debian::TESTS, may_install)?;
    match arguments.get_one::<PathBuf>("against") {
        Some(folder) => against(&workspace, folder, filter, may_install),
        None => ours(&workspace, filter),
    }
}

/// Tests the plugins of this work tree.
fn ours(workspace: &Workspace, filter: Option<&str>) -> Result<()> {
    let plugins = workspace.target.join("debug");
    let faulty = workspace.target.join("fault");
    process::run(&mut workspace.cargo(&["build", "--workspace", "--exclude", "xtask"]))?;
    process::run(&mut build_with_faults(workspace, &faulty))?;
    process::run(&mut workspace.cargo(&["test", "--workspace", "--no-run"]))?;
    let for_uml = uml::find_tests(workspace, filter)?;
    let mut summary = Summary::default();
    let packages = Packages::prepare(workspace, filter)?;
    if let Some(packages) = &packages {
        summary.add("packing again makes the same", packages.pack_again(workspace));
    }

    private_host::enter()?;
    let skips = Skips::new()?;
    let environment = [
        ("CNI_TEST_PLUGINS", plugins.as_path()),
        ("CNI_TEST_FAULT_PLUGINS", &faulty.join("debug")),
        (skips::VARIABLE, skips.file()),
    ];
    let mut native = cargo_test(workspace, &["--workspace"], filter);
    if let Some(packages) = &packages {
        native.env("CNI_TEST_DIST", &packages.dist);
        native.envs(packages.debian.as_ref().map(|folder| ("CNI_TEST_DEBIAN", folder)));
    }
    summary.add("on this kernel", process::run(native.envs(environment)));
    if filter.is_none_or(|filter| filter.contains(uml::MARK)) {
        let native_only = |name: &&str| *name != skips::VARIABLE;
        let inside: Vec<_> =
            environment.iter().filter(|(name, _)| native_only(name)).copied().collect();
        summary.add("in user-mode Linux", uml::run(&for_uml, &inside));
    }
    summary.add("nothing skipped for good", skips.judge(uml::MARK));
    summary.conclude()
}

/// Runs the suite on another implementation's executables.
fn against(
    workspace: &Workspace,
    folder: &Path,
    filter: Option<&str>,
    may_install: bool,
) -> Result<()> {
    if folder == Path::new("/usr/lib/cni") {
        debian::ensure(debian::REFERENCE, may_install)?;
    }
    let folder = folder.canonicalize().with_context(|| folder.display().to_string())?;
    process::run(&mut workspace.cargo(&["test", "--package", SUITE, "--no-run"]))?;
    private_host::enter()?;
    let skips = Skips::new()?;
    let mut suite = cargo_test(workspace, &["--package", SUITE], filter);
    suite.env("CNI_TEST_AGAINST", "1").env("CNI_TEST_PLUGINS", &folder);
    suite.env(skips::VARIABLE, skips.file());
    let mut summary = Summary::default();
    summary.add("the suite", process::run(&mut suite));
    skips.print()?;
    summary.conclude()
}

/// The build whose side effects can be made to fail. It has a folder of its own, so that the
/// two builds do not take each other's place.
fn build_with_faults(workspace: &Workspace, folder: &Path) -> Process {
    let mut cargo = workspace.cargo(&["build", "--features", "fault-point/inject"]);
    cargo.arg("--target-dir").arg(folder).args(["--package", "fault-point"]);
    for package in workspace.delivered() {
        cargo.args(["--package", &package.name]);
    }
    cargo
}

/// `cargo test` over everything, without a network, going on after a failure.
fn cargo_test(workspace: &Workspace, packages: &[&str], filter: Option<&str>) -> Process {
    let mut cargo = workspace.cargo(&["test", "--offline", "--no-fail-fast"]);
    cargo.args(packages).arg("--").args(filter);
    cargo
}

/// What was done, and how it ended.
struct Summary {
    started: Instant,
    steps: Vec<(&'static str, Result<()>)>,
}

impl Default for Summary {
    fn default() -> Self {
        Self { started: Instant::now(), steps: Vec::new() }
    }
}

impl Summary {
    fn add(&mut self, step: &'static str, outcome: Result<()>) {
        self.steps.push((step, outcome));
    }

    /// Prints every step and fails when one did.
    fn conclude(self) -> Result<()> {
        println!("\nsummary after {} s:", self.started.elapsed().as_secs());
        for (step, outcome) in &self.steps {
            match outcome {
                Ok(()) => println!("  ok      {step}"),
                Err(error) => println!("  FAILED  {step}: {error:#}"),
            }
        }
        let failed = self.steps.iter().filter(|(_, outcome)| outcome.is_err()).count();
        if failed > 0 {
            bail!("{failed} of {} steps failed", self.steps.len());
        }
        Ok(())
    }
}
