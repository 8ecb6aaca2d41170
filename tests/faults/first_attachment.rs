//! The first attachment of a host is killed while it makes what all of them share.

use cni_testkit::{Host, Mode, for_each_fault};
use serde_json::json;

use crate::networks::{bridge, dual_stack};

/// Half a bridge and half a table are no obstacle for the next one.
#[test]
fn the_next_add_completes_what_the_first_began() {
    for backend in ["iptables", "nftables"] {
        for_each_fault(Mode::Kill, "bridge", |fault, _| {
            let host = Host::new();
            let (c1, c2) = (host.container("c1"), host.container("c2"));
            let keys = json!({ "isDefaultGateway": true, "ipMasq": true, "ipMasqBackend": backend,
                               "macspoofchk": true, "ipam": dual_stack() });
            let net = bridge(&host, keys);
            let outcome = net.with_fault(fault).add(&c1, "eth0");
            println!("{backend}: after a fault at {:?}", fault.hit());
            assert_ne!(outcome.is_success(), fault.hit().is_some());
            net.del(&c1, "eth0").succeeds();
            net.add(&c2, "eth0").succeeds();
            net.check(&c2, "eth0").succeeds();
            let outside = host.outside();
            assert_eq!(outside.sees_source(&c2, "192.0.2.2:80"), "192.0.2.1");
            assert_eq!(outside.sees_source(&c2, "[2001:db8::2]:80"), "2001:db8::1");
        });
    }
}
