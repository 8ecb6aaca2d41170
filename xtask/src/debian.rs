//! The programs that tests and the demonstration need, and the Debian packages that bring them.

mod daemons;

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// A file whose presence proves a package, and the package.
#[derive(Clone, Copy)]
pub struct Need {
    /// The name of a program, or the absolute path of a file.
    proof: &'static str,
    package: &'static str,
}

/// What the demonstration needs: links are cabled, and rules listed, by the usual programs.
pub const DEMO: &[Need] = &[
    Need { proof: "ip", package: "iproute2" },
    Need { proof: "iptables", package: "iptables" },
    Need { proof: "nft", package: "nftables" },
];

/// What the whole test suite needs.
pub const TESTS: &[Need] = &[
    Need { proof: "ip", package: "iproute2" },
    Need { proof: "iptables", package: "iptables" },
    Need { proof: "nft", package: "nftables" },
    Need { proof: "linux.uml", package: "user-mode-linux" },
    Need { proof: "modprobe", package: "kmod" },
    Need { proof: "unshare", package: "util-linux" },
    Need { proof: "/usr/sbin/firewalld", package: "firewalld" },
    Need { proof: "dbus-daemon", package: "dbus-daemon" },
    // Counts the files that a plugin opens.
    Need { proof: "/usr/bin/strace", package: "strace" },
    Need { proof: "/bin/busybox", package: "busybox-static" },
    // Routers, and a service manager, for dhcp.
    Need { proof: "/usr/bin/python3", package: "python3" },
    // Servers for dhcp; busybox has another one.
    Need { proof: "/usr/sbin/dnsmasq", package: "dnsmasq-base" },
    Need { proof: "/usr/sbin/kea-dhcp4", package: "kea-dhcp4-server" },
    Need { proof: "/usr/sbin/kea-dhcp6", package: "kea-dhcp6-server" },
    Need { proof: "/usr/sbin/dhcpd", package: "isc-dhcp-server" },
    // Runtimes, for the tests with real ones.
    Need { proof: "podman", package: "podman" },
    Need { proof: "runc", package: "runc" },
    Need { proof: "conmon", package: "conmon" },
    Need {
        proof: "/usr/share/containers/containers.conf",
        package: "golang-github-containers-common",
    },
    Need { proof: "containerd", package: "containerd" },
    // The client of its CRI socket is in Python.
    Need { proof: "/usr/lib/python3/dist-packages/grpc/__init__.py", package: "python3-grpcio" },
    Need { proof: "/usr/sbin/dockerd", package: "docker.io" },
    // A page of the documentation asks with it.
    Need { proof: "curl", package: "curl" },
    // What packages are installed in, and those who judge them.
    Need { proof: "/usr/sbin/debootstrap", package: "debootstrap" },
    Need { proof: "/usr/bin/lintian", package: "lintian" },
    Need { proof: "/usr/bin/man", package: "man-db" },
    Need { proof: "/usr/bin/groff", package: "groff-base" },
    Need { proof: "/usr/bin/rpm", package: "rpm" },
    // The other side of the tests of compatibility: its plugins, and what builds its runtime.
    Need { proof: "/usr/lib/cni/bridge", package: "containernetworking-plugins" },
    Need { proof: "/usr/bin/go", package: "golang-go" },
    Need {
        proof: "/usr/share/gocode/src/github.com/containernetworking/cni/libcni/api.go",
        package: "golang-github-appc-cni-dev",
    },
];

/// What a comparison with the reference needs: Debian's build of it.
pub const REFERENCE: &[Need] =
    &[Need { proof: "/usr/lib/cni/bridge", package: "containernetworking-plugins" }];

/// What gives leases in the comparison of dhcp.
pub const SERVER: &[Need] = &[Need { proof: "/usr/sbin/kea-dhcp4", package: "kea-dhcp4-server" }];

/// Installs what is missing where it may (root, Debian) and says so; elsewhere names it. No daemon
/// is started because of it, now or with the machine.
///
/// # Errors
///
/// When something is missing and may not or cannot be installed.
pub fn ensure(needs: &[Need], may_install: bool) -> Result<()> {
    let mut packages: Vec<_> = needs.iter().filter(|need| !need.is_met()).collect();
    packages.dedup_by_key(|need| need.package);
    if packages.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = packages.iter().map(|need| need.package).collect();
    let is_root = nix::unistd::geteuid().is_root();
    if !(may_install && is_root && Path::new("/etc/debian_version").exists()) {
        bail!("please install: {} (names of the Debian packages)", names.join(" "));
    }
    println!("installing: {}", names.join(" "));
    process::run(&mut apt_get(&["update", "-qq"]))?;
    let mut install = apt_get(&["install", "-qq", "-y", "--no-install-recommends"]);
    let held = daemons::Held::hold()?;
    process::run(install.args(&names))?;
    drop(held);
    daemons::disable(&names)
}

impl Need {
    fn is_met(self) -> bool {
        Path::new(self.proof).is_absolute() && Path::new(self.proof).exists()
            || process::is_installed(self.proof)
    }
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
    command
}
