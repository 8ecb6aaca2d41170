//! Running a command in user-mode Linux, for what the running kernel lacks.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail};

/// What the guest runs as its first process.
const INIT: &str = include_str!("uml-init.sh");

/// The variable that is set inside.
const INSIDE: &str = "CNI_TEST_UML";

/// What a command in user-mode Linux left.
#[derive(Debug)]
pub struct Finished {
    /// The exit status of the command.
    pub status: i32,
    /// Standard output and standard error, in the order they were written.
    pub output: String,
}

/// Whether this process runs in user-mode Linux, started by [`run`].
pub fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Whether user-mode Linux is installed (Debian packages `user-mode-linux` and `kmod`).
pub fn is_installed() -> bool {
    let search = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&search).any(|directory| directory.join("linux.uml").exists())
}

/// Boots user-mode Linux, runs the command there and powers off; takes 2–3 s.
///
/// The command sees the whole file system of this machine; what it writes is lost. Working
/// directory and the variables named `CNI_TEST_…` and `RUST_…` are carried over.
///
/// # Errors
///
/// When user-mode Linux is missing, or its kernel ends before the command has.
pub fn run(command: &[&str]) -> Result<Finished> {
    let shared = tempfile::tempdir().context("make a directory to share with user-mode Linux")?;
    let init = shared.path().join("init");
    fs::write(&init, INIT)?;
    make_executable(&init)?;
    fs::write(shared.path().join("command"), script(command)?)?;

    let console = Command::new("linux.uml")
        .args(["mem=2G", "rootfstype=hostfs", "hostfs=/", "ro", "quiet"])
        .args(["con=null", "con0=null,fd:1"])
        .arg(format!("init={}", init.display()))
        .arg(format!("umlout={}", shared.path().display()))
        .stdin(Stdio::null())
        .output()
        .context("start linux.uml (Debian package user-mode-linux)")?;

    let read = |name: &str| fs::read_to_string(shared.path().join(name));
    let Ok(status) = read("status") else {
        bail!(
            "user-mode Linux ended before the command did:\n{}{}{}",
            String::from_utf8_lossy(&console.stdout),
            String::from_utf8_lossy(&console.stderr),
            read("output").unwrap_or_default(),
        );
    };
    Ok(Finished {
        status: status.trim().parse().context("read the status of the command")?,
        output: String::from_utf8_lossy(&fs::read(shared.path().join("output"))?).into_owned(),
    })
}

/// The command with its surroundings as a shell script.
fn script(command: &[&str]) -> Result<String> {
    let directory: PathBuf = env::current_dir().context("find the working directory")?;
    let mut script = format!("cd {}\nexport {INSIDE}=1\n", quoted(&directory.to_string_lossy()));
    for (name, value) in env::vars() {
        if name.starts_with("CNI_TEST_") || name.starts_with("RUST_") {
            script += &format!("export {name}={}\n", quoted(&value));
        }
    }
    let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
    script += &format!("exec {}\n", words.join(" "));
    Ok(script)
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn make_executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("make {} executable", file.display()))
}
