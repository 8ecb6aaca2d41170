//! containerd 1.6 with the plugins in its network: containers of `ctr`, and pods.

mod ctr;
mod kubelet;
mod pods;
mod takeover;

use std::ops::Deref;

use cni_testkit::Machine;
use serde_json::{Value, json};

/// Small machines refuse to lower `oom_score_adj`. Copies instead of a union file system.
const CONFIGURATION: &str = r#"
version = 2

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "localhost/pause:test"
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/opt/cni/bin"
conf_dir = "/etc/cni/net.d"
"#;

/// A machine with containerd on it, and its network.
pub struct Containerd(Machine);

impl Containerd {
    /// Without real root there is none, and the test is recorded as skipped.
    #[track_caller]
    pub fn boot() -> Option<Self> {
        let machine = Machine::boot()?;
        machine.write("/etc/containerd/config.toml", CONFIGURATION);
        machine.write("/etc/cni/net.d/10-net1.conflist", &network().to_string());
        machine.start(&["containerd"]);
        machine.wait_for(&["ctr", "version"]);
        Some(Self(machine))
    }
}

impl Deref for Containerd {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.0
    }
}

fn network() -> Value {
    json!({
        "cniVersion": "1.0.0",
        "name": "net1",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isDefaultGateway": true,
                "ipMasq": true,
                "hairpinMode": true,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{ "subnet": "10.1.2.0/24" }], [{ "subnet": "fd00:1::/64" }]]
                }
            },
            { "type": "portmap", "capabilities": { "portMappings": true } },
            { "type": "firewall" },
            { "type": "bandwidth", "capabilities": { "bandwidth": true } }
        ]
    })
}
