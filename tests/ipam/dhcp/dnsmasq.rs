//! Everything that one server is enough for.

use serde_json::json;

use super::stage::{RANGE, Stage};

#[test]
fn a_lease_is_got_and_given_back() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    let added = net.add(&c1, "eth0").succeeds();
    println!("{:?} {}", added.elapsed(), added.result());
    assert_eq!(stage.records(), 1);
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    stage.wait_for_log("DHCPRELEASE(eth0) 192.168.1");
    assert_eq!(stage.records(), 0);
    println!("{}", stage.log());
}
