//! The Debian packages: what lintian says, and a network with what they install.

use std::path::Path;

use cni_testkit::{Host, debian_dir};

use crate::dist::{Dist, plugins};

/// The Debian that packages are installed in, inside the host.
const ROOT: &str = "/run/debian";

/// A Debian whose disk is thrown away, on a host.
struct Debian<'h> {
    host: &'h Host,
}

impl<'h> Debian<'h> {
    /// Puts a layer over the installed Debian that takes what is written.
    fn on(host: &'h Host, installed: &Path) -> Self {
        let installed = installed.display();
        host.sh(&format!(
            "mkdir -p /run/layer {ROOT}
             mount -t tmpfs tmpfs /run/layer
             mkdir /run/layer/upper /run/layer/work
             mount -t overlay overlay -o lowerdir={installed},upperdir=/run/layer/upper,workdir=/run/layer/work {ROOT}
             mount --rbind /proc {ROOT}/proc
             mount --rbind /sys {ROOT}/sys
             mount --rbind /dev {ROOT}/dev"
        ));
        Self { host }
    }

    fn sh(&self, script: &str) -> String {
        self.host.exec(&["chroot", ROOT, "sh", "-ec", script])
    }

    fn install(&self, package: &str) {
        self.host.sh(&format!("cp {package} {ROOT}/package.deb"));
        self.sh("DEBIAN_FRONTEND=noninteractive dpkg --install /package.deb; rm /package.deb");
    }
}

/// A package of the set from the delivery.
fn set(dist: &Dist) -> String {
    dist.file("cni-plugins_", ".deb")
}

#[test]
fn package_debian_is_clean_for_lintian() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    let links = dist.file("cni-plugins-opt_", ".deb");
    let words = ["lintian", "--allow-root", "--display-info", "--tag-display-limit", "0"];
    let output = host.output(&[&words[..], &[&set(&dist), &links]].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    // Of what it says for information, only that an exception has lost its reason counts.
    let counts = |line: &&str| !line.starts_with("I:") || line.contains("override");
    let findings: Vec<_> =
        said.lines().filter(|line| !line.starts_with("N:")).filter(counts).collect();
    assert_eq!(findings, [""; 0]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The demonstration's network, with nothing but what the package has installed.
#[test]
fn package_debian_runs_a_network_where_it_is_installed() {
    let (Some(dist), Some(installed)) = (Dist::find(), debian_dir()) else { return };
    let host = Host::new();
    let debian = Debian::on(&host, &installed);
    debian.install(&set(&dist));
    debian.sh("mkdir -p /etc/cni/net.d
         cp /usr/share/doc/cni-plugins/examples/50-demo.conflist /etc/cni/net.d/");
    let [c1, c2] = ["c1", "c2"].map(|name| host.container(name));
    let outside = host.outside();
    let ports = r#"{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}"#;
    let cnitool = |verb: &str, container: &cni_testkit::Container, capabilities: &str| {
        let netns = container.netns_path();
        debian.sh(&format!(
            "CNI_PATH=/usr/lib/cni CAP_ARGS='{capabilities}' cnitool {verb} demo {netns}"
        ))
    };
    cnitool("add", &c1, "{}");
    cnitool("add", &c2, ports);
    cnitool("check", &c2, ports);
    c1.reaches(&c2, "10.88.0.3:80");
    outside.reaches_through(&c2, "192.0.2.1:8080", "10.88.0.3:80");
    cnitool("del", &c1, "{}");
    cnitool("del", &c2, ports);
    let left = debian.sh("find /var/lib/cni -type f -name '10.*' -o -path '*/results/*' -type f");
    assert_eq!(left, "", "reservations and results");
}

/// dpkg takes the reference's package away by itself, as it does with one that is replaced as a whole.
#[test]
fn package_debian_takes_the_place_of_the_reference() {
    let (Some(dist), Some(installed)) = (Dist::find(), debian_dir()) else { return };
    let host = Host::new();
    let debian = Debian::on(&host, &installed);
    debian.sh("mkdir -p /reference/DEBIAN /reference/usr/lib/cni
         cd /reference
         echo reference > usr/lib/cni/bridge
         printf '%s\n' 'Package: containernetworking-plugins' 'Version: 1.1.1' \
            'Architecture: all' 'Maintainer: nobody <nobody@localhost>' \
            'Description: the reference' > DEBIAN/control
         dpkg-deb --build . /reference.deb
         dpkg --install /reference.deb");
    debian.install(&set(&dist));
    let about = debian.sh("/usr/lib/cni/bridge 2>&1");
    assert!(about.starts_with("CNI bridge plugin"), "{about}");
    let status = "dpkg-query -W -f '${db:Status-Status}' containernetworking-plugins || true";
    assert_ne!(debian.sh(status), "installed");
}

#[test]
fn package_debian_goes_without_a_trace() {
    let (Some(dist), Some(installed)) = (Dist::find(), debian_dir()) else { return };
    let host = Host::new();
    let debian = Debian::on(&host, &installed);
    let before = debian.sh("find / -xdev -path /var -prune -o -print | sort");
    debian.install(&set(&dist));
    let fields = debian.sh("dpkg-query -W -f '${Provides}|${Conflicts}|${Depends}' cni-plugins");
    assert_eq!(
        fields,
        "container-network-stack (= 1), containernetworking-plugins|containernetworking-plugins|"
    );
    let unit = debian.sh("cat /usr/lib/systemd/system/cni-dhcp.service");
    assert!(unit.contains("ExecStart=/usr/lib/cni/dhcp daemon\n"), "{unit}");
    debian.sh("dpkg --verify cni-plugins; dpkg --purge cni-plugins");
    let after = debian.sh("find / -xdev -path /var -prune -o -print | sort");
    assert_eq!(after, before);
}

/// Those who want the plugins in /opt, which no distribution may use, install a second package.
#[test]
fn package_debian_links_the_plugins_on_request() {
    let (Some(dist), Some(installed)) = (Dist::find(), debian_dir()) else { return };
    let host = Host::new();
    let debian = Debian::on(&host, &installed);
    debian.install(&set(&dist));
    debian.install(&dist.file("cni-plugins-opt_", ".deb"));
    for name in plugins() {
        let about = debian.sh(&format!("/opt/cni/bin/{name} 2>&1"));
        assert!(about.starts_with(&format!("CNI {name} plugin")), "{about}");
    }
    debian.sh("dpkg --purge cni-plugins-opt; test ! -e /opt/cni");
}

/// Pages of the manual are there for every executable, and free of mistakes.
#[test]
fn package_debian_has_a_page_for_every_executable() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    host.sh(&format!("dpkg-deb -x {} /run/tree", set(&dist)));
    let mut pages: Vec<_> = plugins().iter().map(|name| format!("man8/cni-{name}.8")).collect();
    pages.push("man1/cnitool.1".to_owned());
    for page in pages {
        let page = format!("/run/tree/usr/share/man/{page}.gz");
        let said = host.sh(&format!("zcat {page} | groff -man -ww -z -Tutf8 2>&1"));
        assert_eq!(said, "", "{page}");
    }
}

/// A shell reads the completions without a complaint.
#[test]
fn package_debian_has_completions_that_bash_reads() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    host.sh(&format!("dpkg-deb -x {} /run/tree", set(&dist)));
    let share = "/run/tree/usr/share";
    for (file, command) in [
        (format!("{share}/bash-completion/completions/cnitool"), "cnitool"),
        (format!("{share}/cni-plugins/completions/bash/bridge"), "bridge"),
    ] {
        let script = format!(
            "source {file}
             COMP_WORDS=({command} ch) COMP_CWORD=1 COMP_LINE='{command} ch' COMP_POINT=${{#COMP_LINE}}
             _{command} {command} ch {command} && echo \"${{COMPREPLY[@]}}\""
        );
        assert_eq!(host.exec(&["bash", "-ec", &script]), "check\n", "{command}");
    }
}
