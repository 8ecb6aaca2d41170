//! Plugins that work on what another one has made: its result is theirs (specification section 3,
//! "Attachment parameters", and section 5).

use cni_testkit::{Host, Network, against_reference};
use serde_json::{Value, json};

use crate::support::{Plugin, chained, undoing};

/// The network of a plugin that makes the interface, of this version.
fn before<'h>(host: &'h Host, version: &str) -> Network<'h> {
    host.network(json!({
        "cniVersion": version, "name": "net1", "type": "ptp",
        "ipam": {
            "type": "host-local",
            "ranges": [[{ "subnet": "10.1.2.0/24" }], [{ "subnet": "fd00:1::/64" }]],
            "routes": [{ "dst": "0.0.0.0/0" }]
        },
        "dns": { "nameservers": ["10.1.2.1"], "search": ["example"] }
    }))
}

/// What a plugin with the least configuration makes of a result.
fn passed_on(plugin: &Plugin, version: &str) -> (Value, Value) {
    let host = Host::new();
    let c1 = host.container("c1");
    let before = before(&host, version);
    let result = before.add(&c1, "eth0").succeeds().result();
    let net = plugin.network(&host).with_config("cniVersion", version.into());
    let added = net.with_prev_result(result.clone()).add(&c1, "eth0").succeeds().result();
    // The reference's portmap looks for IPv6 rules of IPv4 addresses.
    if version >= "0.4.0" && !(against_reference() && plugin.name == "portmap") {
        net.check(&c1, "eth0").succeeds().silent();
    }
    for _ in 0..2 {
        net.del(&c1, "eth0").succeeds().silent();
    }
    before.del(&c1, "eth0").succeeds();
    net.without_prev_result().del_without_netns(&c1, "eth0").succeeds().silent();
    (result, added)
}

#[test]
fn the_result_of_the_plugin_before_is_passed_on() {
    for plugin in undoing(chained()) {
        for version in plugin.versions() {
            let (result, added) = passed_on(plugin, &version);
            assert_eq!(added, result, "{} {version}", plugin.name);
        }
    }
}
