//! Commands run in user-mode Linux, with everything of this machine in sight.

use std::env;

use cni_testkit::{Feature, lacks, uml};

/// The status and the output come back, and nothing is written to this machine.
#[test]
fn a_command_keeps_its_status_and_output() {
    assert!(uml::is_installed(), "install user-mode-linux and kmod");
    let scratch = tempfile::tempdir().expect("make a directory");
    let trace = scratch.path().join("trace");
    let script = format!("echo it\\'s here; pwd; : >{}; echo oops >&2; exit 7", trace.display());
    let finished = uml::run(&["sh", "-c", &script]).expect("run in user-mode Linux");
    let directory = env::current_dir().expect("find the working directory");
    assert_eq!(finished.output, format!("it's here\n{}\noops\n", directory.display()));
    assert_eq!(finished.status, 7);
    assert!(!trace.exists(), "what the guest writes is lost");
}

/// This very executable runs there, with private hosts and the features the tests go there for.
#[test]
fn tests_run_there_with_the_features_they_need() {
    let own = env::current_exe().expect("a process knows its executable");
    let own = own.to_string_lossy();
    let finished = uml::run(&[&own, "--exact", "inside_every_link_kind_exists", "--nocapture"])
        .expect("run in user-mode Linux");
    assert_eq!(finished.status, 0, "{}", finished.output);
    assert!(finished.output.contains("1 passed"), "{}", finished.output);
}

/// Run by the test above; a lack is a failure there, and of no interest here.
#[test]
fn inside_every_link_kind_exists() {
    if !uml::is_inside() {
        return;
    }
    for feature in [
        Feature::BridgeVlanFiltering,
        Feature::Dummy,
        Feature::Ifb,
        Feature::Ipvlan,
        Feature::Macvlan,
        Feature::TokenBucket,
        Feature::Tap,
        Feature::Vlan,
        Feature::Vrf,
    ] {
        assert!(!lacks(feature));
    }
    let host = cni_testkit::Host::new();
    let c1 = host.container("c1");
    host.sh(&format!(
        "ip link add name base type dummy
         ip link add link base name eth0 netns {} type ipvlan",
        c1.netns_path()
    ));
    c1.shows(expect_test::expect!["link eth0 down\n"]);
    let _ = host.world();
}
