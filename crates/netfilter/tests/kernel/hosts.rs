//! Hosts that differ in what is installed: each case runs in a process with its own `PATH`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use netfilter::{Backend, Known, choose_backend, collect_garbage, nft};
use tempfile::TempDir;

use crate::support::{addresses, attachment, in_namespace, ruleset};

/// Where the distribution puts the tools of tests that need the real ones.
const REAL: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs tests of this file or another one, ignored ones included, with this `PATH`.
fn run_with_path(tests: &[&str], path: &str) {
    let output = Command::new(std::env::current_exe().expect("this executable"))
        .args(["--include-ignored", "--exact", "--test-threads=1"])
        .args(tests)
        .env("PATH", path)
        .output()
        .expect("this executable starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}");
    assert!(stdout.contains(&format!("{} passed", tests.len())), "{stdout}");
}

/// A directory with executable shell scripts.
fn scripts(scripts: &[(&str, String)]) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, body) in scripts {
        let file = directory.path().join(name);
        fs::write(&file, format!("#!/bin/sh\n{body}\n")).expect("a script");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("an executable");
    }
    directory
}

fn path_of(directory: &TempDir) -> String {
    directory.path().to_str().expect("a UTF-8 path").to_owned()
}

#[test]
fn nftables_needs_no_executable_and_takes_over_where_iptables_is_missing() {
    run_with_path(&["hosts::case_without_executables"], "/nonexistent");
}

#[test]
#[ignore = "needs another PATH; run by the test above"]
fn case_without_executables() {
    let rules = in_namespace(|| {
        let masquerade = attachment("cid1", "eth0");
        let address = addresses(["10.1.2.2/24"]);
        let error = masquerade.install(Backend::Iptables, &address).expect_err("no iptables");
        assert_eq!(
            error.to_string(),
            "failed to locate iptables: exec: \"iptables\": executable file not found in $PATH"
        );
        let backend = choose_backend(None).expect("a backend");
        masquerade.install(backend, &address).expect("add");
        masquerade.remove(Known::KeepAddresses(&[])).expect("remove");
        masquerade.install(backend, &address).expect("add");
        collect_garbage::<&str>("mynet", &[]).expect("collect");
        masquerade.install(backend, &address).expect("add");
        assert!(nft::is_usable());
        let mut socket = nft::Socket::open().expect("a socket");
        let table = (nft::Family::Inet, "cni_plugins_masquerade");
        let view = nft::TableView::read(&mut socket, table, &[], nft::Rules::All, |_, _| true)
            .expect("read");
        view.rules.len()
    });
    assert_eq!(rules, 4);
}

#[test]
fn nftables_takes_over_where_iptables_cannot_be_used() {
    let broken = || "echo no kernel support >&2; exit 3".to_owned();
    let names = ["iptables", "iptables-restore", "iptables-save"];
    let directory = scripts(&names.map(|name| (name, broken())));
    run_with_path(
        &["hosts::case_with_broken_iptables"],
        &format!("{}:{REAL}", path_of(&directory)),
    );
}

#[test]
#[ignore = "needs another PATH; run by the test above"]
fn case_with_broken_iptables() {
    in_namespace(|| {
        let masquerade = attachment("cid1", "eth0");
        let address = addresses(["10.1.2.2/24"]);
        let error = masquerade.install(Backend::Iptables, &address).expect_err("broken");
        assert!(
            error
                .to_string()
                .ends_with("iptables-save -t nat]: exit status 3: no kernel support\n")
        );
        masquerade.install(Backend::Preferred, &address).expect("add");
        assert!(ruleset().contains("ip saddr 10.1.2.2"));
        masquerade.remove(Known::KeepAddresses(&[])).expect("remove");
        assert!(!ruleset().contains("ip saddr 10.1.2.2"));
    });
}

#[test]
fn a_new_container_costs_one_process_each_way_and_nftables_none() {
    let log = tempfile::NamedTempFile::new().expect("a log");
    let file = log.path().display();
    let names = ["iptables", "iptables-restore", "iptables-save", "ip6tables", "ip6tables-restore"];
    let wrap = |name| format!("echo {name} \"$@\" >>{file}; exec /usr/sbin/{name} \"$@\"");
    let directory = scripts(&names.map(|name| (name, wrap(name))));
    run_with_path(&["hosts::case_counted"], &path_of(&directory));
    let started = fs::read_to_string(Path::new(log.path())).expect("the log");
    assert_eq!(started, "iptables-restore --noflush --wait\n".repeat(2));
}

#[test]
#[ignore = "needs another PATH; run by the test above"]
fn case_counted() {
    in_namespace(|| {
        let address = addresses(["10.1.2.2/24"]);
        let own = [address[0].ip()];
        let masquerade = attachment("cid1", "eth0");
        masquerade.install(Backend::Preferred, &address).expect("add");
        masquerade.remove(Known::Addresses(&own)).expect("remove");
        masquerade.remove(Known::Addresses(&own)).expect("remove again");
        masquerade.remove(Known::KeepAddresses(&[])).expect("remove");
        masquerade.install(Backend::Nftables, &address).expect("add");
        masquerade.remove(Known::Addresses(&own)).expect("remove");
    });
}

/// The legacy variant keeps its rules elsewhere; everything must work the same.
#[test]
fn legacy_iptables_does_the_same() {
    let legacy = Path::new("/usr/sbin/xtables-legacy-multi");
    let directory = tempfile::tempdir().expect("a temporary directory");
    for tool in ["iptables", "ip6tables"] {
        for suffix in ["", "-restore", "-save"] {
            symlink(legacy, directory.path().join(format!("{tool}{suffix}"))).expect("a link");
        }
    }
    run_with_path(
        &[
            "iptables_masquerade::the_rules_are_those_of_the_reference",
            "iptables_masquerade::several_addresses_and_wide_networks_share_a_chain_that_masquerades_last",
            "iptables_masquerade::two_attachments_share_the_chain_until_the_second_one_goes",
            "iptables_masquerade::an_attachment_whose_addresses_are_lost_is_everything_but_those_to_keep",
            "iptables_masquerade::removal_copes_with_every_half_of_the_rules",
            "iptables_masquerade::jumps_from_whole_networks_go_as_well",
            "iptables_masquerade::garbage_is_what_belongs_to_this_network_and_no_valid_container",
            "iptables_masquerade::concurrent_adds_and_removals_do_not_fail_each_other",
            "iptables_masquerade::hostile_names_stay_inside_their_comment",
        ],
        &format!("{}:{REAL}", path_of(&directory)),
    );
}
