//! `install`: the release build, copied under the plugins' names.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Arg, ArgMatches, Command, value_parser};
use cni_installer::Folder;

use crate::release::Release;
use crate::workspace::Workspace;

/// How the task is called.
pub fn command() -> Command {
    Command::new("install").about("Builds statically and copies every plugin and cnitool").arg(
        Arg::new("bin-dir")
            .long("bin-dir")
            .value_name("DIR")
            .value_parser(value_parser!(PathBuf))
            .required(true)
            .help("Where the runtime looks for plugins, for example /opt/cni/bin"),
    )
}

/// Builds and installs.
///
/// # Errors
///
/// When the build fails or the folder cannot be written.
pub fn run(arguments: &ArgMatches) -> Result<()> {
    let folder: &PathBuf = arguments.get_one("bin-dir").expect("clap requires it");
    let release = Release::build(&Workspace::load()?)?;
    let target = Folder::ensure(folder)?;
    for name in &release.names {
        target.install(&release.executable(name), name)?;
        println!("{}", folder.join(name).display());
    }
    Ok(())
}
