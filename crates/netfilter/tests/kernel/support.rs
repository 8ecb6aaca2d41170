//! Namespaces of their own for tests, and the tools that show what is in them.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use ipnetwork::IpNetwork;
use netfilter::Masquerade;
use nix::sched::{CloneFlags, unshare};

/// Runs `test` in a new network namespace; the processes it starts are there too.
pub fn in_namespace<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let inside = || {
            unshare(CloneFlags::CLONE_NEWNET).expect("tests run as root");
            test()
        };
        scope.spawn(inside).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs a program that must succeed; returns its stdout.
pub fn run(command: &str, input: &str) -> String {
    let mut words = command.split(' ');
    let mut child = Command::new(words.next().expect("a program"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program is installed");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    stdin.write_all(input.as_bytes()).expect("the program reads its input");
    drop(stdin);
    let output = child.wait_with_output().expect("the program ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command} failed: {stderr}");
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

/// The whole ruleset as `nft` shows it.
pub fn ruleset() -> String {
    run("nft list ruleset", "")
}

/// The ruleset with handles, so that a replaced rule shows.
pub fn ruleset_with_handles() -> String {
    run("nft -a list ruleset", "")
}

/// The `nat` table as `iptables-save` or `ip6tables-save` shows it, without remarks.
pub fn saved(tool: &str) -> String {
    let saved = run(&format!("{tool}-save -t nat"), "");
    saved.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

/// The lines of [`saved`] about our chains.
pub fn saved_rules(tool: &str) -> Vec<String> {
    saved(tool).lines().filter(|line| line.contains("CNI-")).map(str::to_owned).collect()
}

/// An attachment to `mynet`.
pub fn attachment(container_id: &str, ifname: &str) -> Masquerade {
    Masquerade {
        network: "mynet".to_owned(),
        container_id: container_id.to_owned(),
        ifname: ifname.to_owned(),
    }
}

/// Addresses with prefix lengths.
pub fn addresses<const N: usize>(texts: [&str; N]) -> [IpNetwork; N] {
    texts.map(|text| text.parse().expect("an address"))
}
