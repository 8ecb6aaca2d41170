//! `CNI_NETNS`: the plugin's own namespace is refused, unless that is what is asked for.

use cni_testkit::{Host, Network, difference, lacks_release};

use crate::support::{Plugin, attaching, plugins, undoing};

const REFUSED: &str = "plugin's netns and netns from CNI_NETNS should not be the same";

/// The plugin's network, with the host's own namespace for every container.
fn own_namespace<'h>(plugin: &Plugin, host: &'h Host) -> Network<'h> {
    plugin.network(host).with_env("CNI_NETNS", host.netns_path())
}

/// The reference looks at it when the work is done, and lets it stay.
#[test]
fn own_namespace_is_refused_before_anything_is_done() {
    difference("own-namespace-guard", || {
        for plugin in attaching() {
            let host = Host::new();
            let c1 = host.container("c1");
            let net = own_namespace(plugin, &host);
            let before = host.world();
            for allowance in ["", "0", "yes", "2", "truee"] {
                let net = net.with_env("CNI_NETNS_OVERRIDE", allowance);
                net.add(&c1, "eth0").fails(8, REFUSED);
                net.del(&c1, "eth0").fails(8, REFUSED);
            }
            assert_eq!(host.world(), before, "{}", plugin.name);
        }
    });
}

#[test]
fn own_namespace_is_served_when_asked_for() {
    if lacks_release("1.5.0") {
        return;
    }
    for plugin in attaching() {
        for allowance in ["1", "true", "TRUE", "True"] {
            let host = Host::new();
            let c1 = host.container("c1");
            let net = own_namespace(plugin, &host).with_env("CNI_NETNS_OVERRIDE", allowance);
            net.add(&c1, "eth0").succeeds();
            net.check(&c1, "eth0").succeeds().silent();
            net.del(&c1, "eth0").succeeds().silent();
            net.del(&c1, "eth0").succeeds().silent();
        }
    }
}

/// What is no namespace is left to the plugin: IPAM plugins do not even look at it.
#[test]
fn del_needs_no_namespace() {
    for plugin in undoing(attaching()) {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = plugin.network(&host);
        net.add(&c1, "eth0").succeeds();
        net.with_env("CNI_NETNS", "/run/netns/gone").del(&c1, "eth0").succeeds().silent();
        net.del_without_netns(&c1, "eth0").succeeds().silent();
    }
}

/// Docker leaves that for a minute, and whoever is interrupted between unmounting a namespace and
/// removing the file.
#[test]
fn del_takes_an_empty_file_for_a_namespace_that_has_gone() {
    difference("del-empty-mount-point", || {
        for plugin in plugins() {
            let host = Host::new();
            let c1 = host.container("c1");
            host.sh("touch /run/netns/left");
            let call = plugin.call(&host, &c1, "DEL");
            call.env("CNI_NETNS", "/run/netns/left").run().succeeds().silent();
        }
    });
}
