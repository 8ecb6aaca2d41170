//! The RPM packages.

use cni_testkit::Host;

use crate::dist::{Dist, lines, plugins};

/// The package of the set; its name goes on with a version.
fn set(dist: &Dist) -> String {
    dist.file("cni-plugins-0", ".rpm")
}

#[test]
fn package_rpm_has_the_files_where_fedora_has_them() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    let files = lines(&host, &["rpm", "-qpl", &set(&dist)]);
    let mut expected: Vec<_> =
        plugins().iter().map(|name| format!("/usr/libexec/cni/{name}")).collect();
    for file in [
        "/usr/bin/cnitool",
        "/usr/lib/systemd/system/cni-dhcp.service",
        "/usr/lib/systemd/system/cni-dhcp.socket",
        "/usr/share/doc/cni-plugins/examples/10-bridge.conflist",
        "/usr/share/licenses/cni-plugins/LICENSE",
        "/usr/share/licenses/cni-plugins/THIRD-PARTY-NOTICES",
        "/usr/share/man/man1/cnitool.1.gz",
        "/usr/share/man/man8/cni-bridge.8.gz",
    ] {
        expected.push(file.to_owned());
    }
    for file in expected {
        assert!(files.contains(&file), "{file} is not among {files:#?}");
    }
    // Folders of others are not the package's.
    for folder in ["/usr", "/usr/bin", "/usr/share/man/man8"] {
        assert!(!files.iter().any(|file| file == folder), "{folder}");
    }
}

#[test]
fn package_rpm_is_installed_and_its_plugins_run() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    let links = dist.file("cni-plugins-opt-0", ".rpm");
    let set = set(&dist);
    host.sh(&format!(
        "mkdir /run/fedora
         rpm --root /run/fedora --initdb
         rpm --root /run/fedora --install --noscripts --nodeps {set} {links}
         rpm --root /run/fedora --verify --nodeps cni-plugins cni-plugins-opt"
    ));
    let root = "/run/fedora";
    for name in plugins() {
        let about = host.sh(&format!("{root}/usr/libexec/cni/{name} 2>&1"));
        assert!(about.starts_with(&format!("CNI {name} plugin")), "{about}");
        let link = host.exec(&["readlink", &format!("{root}/opt/cni/bin/{name}")]);
        assert_eq!(link.trim(), format!("/usr/libexec/cni/{name}"));
    }
    let unit = host.sh(&format!("cat {root}/usr/lib/systemd/system/cni-dhcp.service"));
    assert!(unit.contains("ExecStart=/usr/libexec/cni/dhcp daemon\n"), "{unit}");
    host.sh(&format!("rpm --root {root} --erase --noscripts --nodeps cni-plugins cni-plugins-opt"));
    assert_eq!(host.sh(&format!("find {root} -path '*cni*' -not -path '*/var/*'")), "");
}

#[test]
fn package_rpm_says_what_it_stands_for() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    let ask = |question: &str| lines(&host, &["rpm", "-qp", question, &set(&dist)]);
    let provides = ask("--provides");
    for provided in ["container-network-stack = 1", "bundled(crate(clap))"] {
        assert!(provides.iter().any(|line| line.starts_with(provided)), "{provides:#?}");
    }
    assert_eq!(ask("--conflicts"), ["containernetworking-plugins"]);
    assert_eq!(ask("--recommends"), ["iptables"]);
    let needs = ask("--requires");
    let foreign = |line: &&String| !line.starts_with("rpmlib(") && *line != "/bin/sh";
    assert_eq!(needs.iter().filter(foreign).collect::<Vec<_>>(), [""; 0]);
    host.sh(&format!("rpm --checksig --nosignature {}", set(&dist)));
}
