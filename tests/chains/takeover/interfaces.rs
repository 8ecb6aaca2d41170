//! The plugins that need a kernel with ipvlan, VLANs and VRFs: what either set has made the other
//! checks and takes away.

use std::path::Path;

use cni_testkit::{Container, Feature, Host, against_reference, lacks, lacks_file, plugin_dir};
use serde_json::json;

use crate::reference::PLUGINS;
use crate::tool::{Tool, configure_list_of};

/// The networks, each with the interface that a container has in it.
const NETWORKS: [(&str, &str); 3] = [("trunk", "eth0"), ("flat", "eth1"), ("apart", "eth2")];

const CONTAINERS: [&str; 2] = ["c1", "c2"];

fn configure(host: &Host) {
    let subnet = |subnet: &str| json!({ "type": "host-local", "subnet": subnet });
    let list = |name: &str, plugins| configure_list_of(host, "1.0.0", name, plugins);
    list(
        "trunk",
        json!([{ "type": "bridge", "bridge": "cni0", "vlan": 100, "ipam": subnet("10.1.1.0/24") }]),
    );
    for (id, container) in CONTAINERS.iter().enumerate() {
        let vlan = json!({ "type": "vlan", "master": "outside", "vlanId": 10 + id,
                           "ipam": subnet("10.1.2.0/24") });
        list(&format!("tagged-{container}"), json!([vlan]));
    }
    list("flat", json!([{ "type": "ipvlan", "master": "outside", "ipam": subnet("10.1.3.0/24") }]));
    list(
        "apart",
        json!([{ "type": "ptp", "ipam": subnet("10.1.4.0/24") },
               { "type": "vrf", "vrfname": "blue" }]),
    );
}

/// The networks of a container; it has a VLAN of its own, as there is one interface for each on a
/// master.
fn attachments(container: &Container) -> Vec<(String, &'static str)> {
    let shared = NETWORKS.map(|(network, ifname)| (network.to_owned(), ifname));
    shared.into_iter().chain([(format!("tagged-{}", container.id()), "eth3")]).collect()
}

/// The attachments of containers under one set of plugins.
struct Side<'h> {
    tool: Tool<'h>,
    is_ours: bool,
}

impl<'h> Side<'h> {
    fn new(host: &'h Host, plugins: &Path) -> Self {
        let is_ours = plugins != Path::new(PLUGINS);
        Self { tool: Tool::ours(host).with_plugins(plugins), is_ours }
    }

    #[track_caller]
    fn attach(&self, container: &Container) {
        for (network, ifname) in attachments(container) {
            self.tool.add(&network, container, ifname).succeeds();
        }
    }

    #[track_caller]
    fn check(&self, container: &Container) {
        for (network, ifname) in attachments(container) {
            // The reference does not find the routes that vrf has moved: the row check-moved-routes.
            if self.is_ours || network != "apart" {
                self.tool.check(&network, container, ifname).silent();
            }
        }
    }

    #[track_caller]
    fn detach(&self, container: &Container) {
        for (network, ifname) in attachments(container).into_iter().rev() {
            self.tool.del(&network, container, ifname).silent();
        }
    }
}

#[test]
fn uml_every_interface_is_taken_over_and_back() {
    let features = [Feature::BridgeVlanFiltering, Feature::Ipvlan, Feature::Vlan, Feature::Vrf];
    let plugins = ["bridge", "host-local", "ipvlan", "ptp", "vlan", "vrf"];
    if against_reference()
        || plugins.iter().any(|plugin| lacks_file(&format!("{PLUGINS}/{plugin}")))
        || features.into_iter().any(lacks)
    {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    // Without an address of its own it would have that of a port, and CHECK compares.
    host.sh("ip link add name cni0 address 02:00:00:00:00:01 up type bridge");
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let (ours, reference) = (Side::new(&host, &plugin_dir()), Side::new(&host, Path::new(PLUGINS)));
    configure(&host);
    let base = host.world();
    reference.attach(&c1);
    ours.attach(&c2);
    ours.check(&c1);
    reference.check(&c2);
    c1.reaches(&c2, "10.1.1.3:80");
    c1.reaches(&c2, "10.1.3.3:80");
    ours.detach(&c1);
    reference.detach(&c2);
    host.returns_to(&base);
    for container in [&c1, &c2] {
        assert!(!container.shown().contains("eth"), "{}", container.shown());
    }
}
