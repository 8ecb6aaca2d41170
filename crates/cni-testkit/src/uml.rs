//! Running a command in user-mode Linux, for what the running kernel lacks.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail};

/// What the guest runs as its first process.
const INIT: &str = include_str!("uml-init.sh");

/// Teaches it processors it does not know.
const XSTATE: &str = include_str!("uml-xstate.c");

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

/// Boots user-mode Linux, runs the command there and powers off; takes 2–3 s and one process
/// start there 30–40 ms.
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

    let mut kernel = Command::new("linux.uml");
    if has_large_state() {
        kernel.env("LD_PRELOAD", build_xstate(shared.path())?);
    }
    let console = kernel
        .args(["mem=2G", "rootfstype=hostfs", "hostfs=/", "ro", "quiet"])
        .args(["con=null", "con0=null,fd:1"])
        .arg(format!("init={}", init.display()))
        .arg(format!("umlout={}", shared.path().display()))
        // Its sockets; else they go to a home directory, which not everybody has.
        .arg(format!("uml_dir={}/", shared.path().display()))
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

/// Whether the registers of this processor are more than linux.uml 6.1 has room for.
fn has_large_state() -> bool {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    processors.split_whitespace().any(|flag| flag == "amx_tile")
}

/// Builds the library that fills in the rest; a C compiler is there, as Rust links with it.
fn build_xstate(directory: &Path) -> Result<PathBuf> {
    let (source, library) = (directory.join("xstate.c"), directory.join("xstate.so"));
    fs::write(&source, XSTATE)?;
    let built = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status()
        .context("start cc")?;
    anyhow::ensure!(built.success(), "cc cannot build {}", source.display());
    Ok(library)
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
