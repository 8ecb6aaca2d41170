//! loopback: its one effect.

use cni_testkit::{Host, Mode, for_each_fault};
use serde_json::json;

#[test]
fn a_broken_add_or_del_leaves_lo_as_it_was() {
    let host = Host::new();
    let net = host.network(json!({ "cniVersion": "1.1.0", "name": "lo", "type": "loopback" }));
    for mode in [Mode::Fail, Mode::Kill] {
        for_each_fault(mode, "loopback", |fault, number| {
            let container = host.container(&format!("add{number}"));
            let outcome = net.with_fault(fault).add(&container, "lo");
            assert_ne!(outcome.is_success(), fault.hit().is_some());
            assert_ne!(container.shown().contains("link lo up"), fault.hit().is_some());
        });
        for_each_fault(mode, "loopback", |fault, number| {
            let container = host.container(&format!("del{number}"));
            net.add(&container, "lo").succeeds();
            let outcome = net.with_fault(fault).del(&container, "lo");
            assert_ne!(outcome.is_success(), fault.hit().is_some());
            net.del(&container, "lo").succeeds();
            assert!(!container.shown().contains("link lo up"));
        });
    }
}
