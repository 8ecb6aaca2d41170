//! `install`: the release build, copied under the plugins' names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Arg, ArgMatches, Command, value_parser};

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
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    for name in &release.names {
        install(&release.executable(name), folder, name)?;
        println!("{}", folder.join(name).display());
    }
    Ok(())
}

/// Puts one executable in place in a single step, so that a runtime never starts half of one
/// and a running one is not written to.
fn install(executable: &Path, folder: &Path, name: &str) -> Result<()> {
    let staged = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .tempfile_in(folder)
        .with_context(|| format!("write in {}", folder.display()))?;
    // Copies the permissions too, which the temporary file has narrower.
    fs::copy(executable, staged.path())
        .with_context(|| format!("copy {} to {}", executable.display(), folder.display()))?;
    staged.as_file().sync_all().with_context(|| format!("write {name} to disk"))?;
    staged.persist(folder.join(name)).with_context(|| format!("replace {name}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_older_executable_is_replaced_and_nothing_else_is_left() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let built = tempfile::NamedTempFile::new()?;
        fs::write(built.path(), "new")?;
        fs::set_permissions(built.path(), fs::Permissions::from_mode(0o755))?;
        fs::write(folder.path().join("bridge"), "old")?;

        install(built.path(), folder.path(), "bridge")?;

        let installed = folder.path().join("bridge");
        assert_eq!(fs::read_to_string(&installed)?, "new");
        assert_eq!(installed.metadata()?.permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }
}
