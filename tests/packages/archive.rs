//! The archives in the layout of the reference's releases, and everybody's checksums.

use cni_testkit::Host;

use crate::dist::{Dist, lines, plugins};

/// Scripts that install the reference's releases unpack an archive of this layout.
#[test]
fn package_archive_has_every_plugin_at_its_top() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    let archive = dist.file("cni-plugins-linux-", ".tgz");
    let mut expected: Vec<_> = plugins().iter().map(|name| format!("./{name}")).collect();
    expected.extend(
        ["./", "./LICENSE", "./README.md", "./THIRD-PARTY-NOTICES", "./cnitool"].map(str::to_owned),
    );
    expected.sort();
    assert_eq!(lines(&host, &["tar", "-tzf", &archive]), expected);

    host.sh(&format!("mkdir /run/bin; tar -C /run/bin -xzf {archive}"));
    for name in plugins() {
        let answer = host.exec(&["env", "CNI_COMMAND=VERSION", &format!("/run/bin/{name}")]);
        assert!(answer.contains("\"1.1.0\""), "{name}: {answer}");
    }
    let owners = host.exec(&["tar", "--numeric-owner", "-tvzf", &archive]);
    assert!(owners.lines().all(|line| line.contains(" 0/0 ")), "{owners}");
}

/// For those who count every byte, one executable has all names.
#[test]
fn package_many_in_one_has_every_plugin_under_its_name() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    let archive = dist.file("cni-plugins-many-in-one-", ".tgz");
    host.sh(&format!("mkdir /run/bin; tar -C /run/bin -xzf {archive}"));
    for name in plugins() {
        let about = host.output(&[&format!("/run/bin/{name}")]).stderr;
        let about = String::from_utf8_lossy(&about).into_owned();
        assert!(about.starts_with(&format!("CNI {name} plugin")), "{about}");
        assert!(host.sh(&format!("stat -c %h /run/bin/{name}")).trim() == "20", "{name}");
    }
}

#[test]
fn package_checksums_are_right_for_every_file() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    for kind in ["sha256", "sha512"] {
        let folder = dist.folder().display();
        host.sh(&format!("cd {folder}; cat *.{kind} | {kind}sum --strict --quiet --check"));
    }
    let is_sum = |name: &&String| name.ends_with(".sha256") || name.ends_with(".sha512");
    let (sums, files): (Vec<_>, Vec<_>) = dist.names().into_iter().partition(|n| is_sum(&n));
    assert_eq!(sums.len(), 2 * files.len(), "{files:?}");
}

/// A path of the machine that built it would be in the way of everybody who builds it again.
#[test]
fn package_executables_do_not_tell_where_they_were_built() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    let archive = dist.file("cni-plugins-linux-", ".tgz");
    host.sh(&format!("mkdir /run/bin; tar -C /run/bin -xzf {archive}"));
    let workspace = env!("CARGO_MANIFEST_DIR").trim_end_matches("tests");
    for folder in [workspace, "/.cargo/", "/.rustup/"] {
        let found = host.output(&["grep", "-lFr", folder, "/run/bin"]);
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "{folder}");
    }
}
