//! Commands run in user-mode Linux, with everything of this machine in sight.

use cni_testkit::uml;

/// One boot shows status, output, and that nothing is written to this machine.
#[test]
fn a_command_runs_with_its_status_and_output_kept() {
    assert!(uml::is_installed(), "install user-mode-linux and kmod");
    let scratch = tempfile::tempdir().expect("make a directory");
    let trace = scratch.path().join("trace");
    let script = format!(
        "echo it\\'s here; pwd; : >{}; ip link add d type dummy; echo oops >&2; exit 7",
        trace.display()
    );
    let finished = uml::run(&["sh", "-c", &script]).expect("run in user-mode Linux");
    let directory = std::env::current_dir().expect("find the working directory");
    assert_eq!(finished.output, format!("it's here\n{}\noops\n", directory.display()));
    assert_eq!(finished.status, 7);
    assert!(!trace.exists(), "what the guest writes is lost");
}
