//! The installer as the container image runs it.
#![expect(clippy::disallowed_methods, reason = "a test makes files and runs the program")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// An image's folder with two plugins, and the host's, which is not there yet.
struct Stage(TempDir);

impl Stage {
    fn new() -> Self {
        let stage = Self(tempfile::tempdir().expect("a folder"));
        fs::create_dir(stage.image()).expect("made");
        stage.ship("bridge", "new bridge");
        stage.ship("ptp", "new ptp");
        stage
    }

    fn image(&self) -> std::path::PathBuf {
        self.0.path().join("image")
    }

    fn host(&self) -> std::path::PathBuf {
        self.0.path().join("host/opt/cni/bin")
    }

    fn ship(&self, name: &str, content: &str) {
        let file = self.image().join(name);
        fs::write(&file, content).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).expect("set");
    }

    fn install(&self, names: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_cni-installer"))
            .args(["install", "--from"])
            .arg(self.image())
            .arg("--to")
            .arg(self.host())
            .args(names)
            .output()
            .expect("started")
    }

    /// What the host's folder has, sorted.
    fn installed(&self) -> Vec<(String, String)> {
        let read = |entry: fs::DirEntry| {
            let content = fs::read_to_string(entry.path()).expect("a file");
            (entry.file_name().into_string().expect("text"), content)
        };
        let entries = fs::read_dir(self.host()).expect("the folder");
        let mut files: Vec<_> = entries.map(|entry| read(entry.expect("an entry"))).collect();
        files.sort();
        files
    }
}

fn file(name: &str, content: &str) -> (String, String) {
    (name.to_owned(), content.to_owned())
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).expect("there").ino()
}

#[test]
fn plugins_are_installed_and_files_of_others_stay() {
    let stage = Stage::new();
    fs::create_dir_all(stage.host()).expect("made");
    for (name, content) in [("bridge", "old bridge"), ("calico", "of another vendor")] {
        fs::write(stage.host().join(name), content).expect("written");
    }
    let output = stage.install(&[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        stage.installed(),
        [file("bridge", "new bridge"), file("calico", "of another vendor"), file("ptp", "new ptp")]
    );
    let mode = fs::metadata(stage.host().join("bridge")).expect("there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn a_running_plugin_keeps_its_file() {
    let stage = Stage::new();
    assert!(stage.install(&["bridge"]).status.success());
    let bridge = stage.host().join("bridge");
    let opened = fs::File::open(&bridge).expect("opened");
    stage.ship("bridge", "newer bridge");
    assert!(stage.install(&["bridge"]).status.success());
    assert_eq!(std::io::read_to_string(opened).expect("read"), "new bridge");
    assert_eq!(stage.installed(), [file("bridge", "newer bridge")]);
}

#[test]
fn what_is_up_to_date_is_not_written_again() {
    let stage = Stage::new();
    assert!(stage.install(&[]).status.success());
    let before = inode(&stage.host().join("ptp"));
    stage.ship("bridge", "newer bridge");
    let output = stage.install(&[]);
    let told = String::from_utf8(output.stdout).expect("text");
    assert!(told.contains("bridge: installed\n") && told.contains("ptp: up to date\n"), "{told}");
    assert_eq!(inode(&stage.host().join("ptp")), before);
}

#[test]
fn a_link_is_replaced_and_its_target_stays() {
    let stage = Stage::new();
    fs::create_dir_all(stage.host()).expect("made");
    let target = stage.0.path().join("target");
    fs::write(&target, "new bridge").expect("written");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).expect("set");
    symlink(&target, stage.host().join("bridge")).expect("linked");
    assert!(stage.install(&["bridge"]).status.success());
    assert!(fs::symlink_metadata(stage.host().join("bridge")).expect("there").is_file());
    assert!(target.exists());
}

#[test]
fn a_failure_is_told_and_leaves_nothing_half_done() {
    let stage = Stage::new();
    for (names, told) in [(["absent"], "read"), (["../image/ptp"], "is no plugin's name")] {
        let output = stage.install(&names);
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains(told), "{output:?}");
        assert_eq!(stage.installed(), []);
    }
}

#[test]
fn the_pause_ends_when_it_is_told_to() {
    let mut pause = Pause::start();
    let mut told = String::new();
    let stdout = pause.0.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut told).expect("read");
    assert_eq!(told, "waiting to be stopped\n");
    let id = Pid::from_raw(pause.0.id().try_into().expect("a process id"));
    kill(id, Signal::SIGTERM).expect("sent");
    let status = pause.0.wait().expect("ended");
    assert_eq!((status.code(), status.signal()), (Some(0), None));
}

/// A pause that does not outlive the test.
struct Pause(Child);

impl Pause {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cni-installer"));
        command.arg("pause").stdin(Stdio::null()).stdout(Stdio::piped());
        Self(command.spawn().expect("started"))
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        // Fails when it has ended, as it should have.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
