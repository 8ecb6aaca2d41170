//! firewalld and a message bus of the test's own.

use cni_testkit::{Daemon, Namespace};

/// A bus on which everybody may do everything, and nothing is started by itself.
const BUS: &str = r#"<busconfig>
    <type>system</type>
    <listen>unix:path=/run/dbus/system_bus_socket</listen>
    <auth>EXTERNAL</auth>
    <policy context="default">
        <allow user="*"/>
        <allow own="*"/>
        <allow send_destination="*" eavesdrop="false"/>
        <allow receive_sender="*"/>
    </policy>
</busconfig>"#;

/// firewalld and its bus, which end before their host does.
pub struct Firewalld<'h> {
    host: &'h Namespace,
    _daemons: [Daemon; 2],
}

impl<'h> Firewalld<'h> {
    /// Starts both, with a configuration of their own.
    #[track_caller]
    pub fn start(host: &'h Namespace) -> Self {
        host.sh(&format!(
            "mkdir /run/dbus /run/firewalld
             cat > /run/dbus/test.conf <<'END'\n{BUS}\nEND
             mount -t tmpfs none /etc/firewalld
             echo FirewallBackend=nftables > /etc/firewalld/firewalld.conf"
        ));
        let bus = host.daemon(&["dbus-daemon", "--config-file=/run/dbus/test.conf", "--nofork"]);
        host.wait_for(&["test", "-S", "/run/dbus/system_bus_socket"]);
        let log = "--log-file=/run/firewalld.log";
        let firewalld = host.daemon(&["firewalld", "--nofork", "--nopid", log]);
        host.wait_for(&["firewall-cmd", "--state"]);
        Self { host, _daemons: [firewalld, bus] }
    }

    /// The sources of a zone, separated by blanks.
    pub fn sources(&self, zone: &str) -> String {
        let zone = format!("--zone={zone}");
        self.host.exec(&["firewall-cmd", &zone, "--list-sources"]).trim().to_owned()
    }
}
