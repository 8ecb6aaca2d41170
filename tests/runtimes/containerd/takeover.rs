//! The plugins of a running node are replaced by the other set, and back.

use cni_testkit::{Namespace, against_reference, lacks_file};
use serde_json::json;

use super::kubelet::{Kubelet, Pod, pod};

/// GC, which this containerd does not know yet.
const COLLECT: &str = r#"
config='{ "cniVersion": "1.1.0", "name": "net1", "type": "firewall",
          "cni.dev/valid-attachments": [] }'
echo "$config" | CNI_COMMAND=GC CNI_PATH=/opt/cni/bin /opt/cni/bin/firewall"#;

impl Kubelet {
    /// Puts the distribution's plugins, which ours cover, where containerd looks for them.
    fn use_reference(&self) {
        self.sh("umount /usr/lib/cni 2>&- || true; mount --bind /usr/lib/cni /opt/cni/bin");
    }

    fn use_ours(&self) {
        self.sh("umount /opt/cni/bin");
    }

    /// Runs a pod whose port 80 is the host's port of this number.
    #[track_caller]
    fn run_one(&self, name: &str, port: u16) -> Pod<'_> {
        self.run(&[pod(name, json!([["tcp", port, 80]]))]).remove(0)
    }
}

#[test]
fn pods_of_either_set_are_ended_by_the_other() {
    if against_reference() || lacks_file("/usr/lib/cni/bridge") {
        return;
    }
    let Some(kubelet) = Kubelet::boot() else { return };
    let outside = kubelet.outside();
    let is_connected = |pod: &Pod<'_>, port: u16| {
        let network: Namespace = pod.network();
        outside.reaches_through(&network, &format!("192.0.2.1:{port}"), "[::]:80");
        assert_eq!(outside.sees_source(&network, "192.0.2.2:80"), "192.0.2.1");
    };
    kubelet.use_reference();
    let before = kubelet.warmed_up();
    let (a, b) = (kubelet.run_one("a", 8001), kubelet.run_one("b", 8002));

    assert!(!kubelet.world().contains("/run/cni/firewall"), "these are the reference's");

    kubelet.use_ours();
    kubelet.end(vec![a]);
    let (c, d) = (kubelet.run_one("c", 8003), kubelet.run_one("d", 8004));
    let addresses = [&b, &c, &d].map(|pod| pod.addresses()[0].to_owned());
    assert_eq!(addresses, ["10.1.2.4", "10.1.2.5", "10.1.2.6"]);
    is_connected(&b, 8002);
    is_connected(&c, 8003);

    kubelet.use_reference();
    kubelet.end(vec![b, c]);
    let e = kubelet.run_one("e", 8005);
    assert_eq!(e.addresses()[0], "10.1.2.7");
    is_connected(&d, 8004);
    is_connected(&e, 8005);

    kubelet.use_ours();
    kubelet.end(vec![d, e]);
    // Of what ours keeps about an address, the reference's DEL knows nothing.
    assert!(kubelet.exec(&["ls", "/run/cni/firewall"]).contains("10.1.2.5"));
    kubelet.sh(COLLECT);
    kubelet.returns_to(&before);
}
