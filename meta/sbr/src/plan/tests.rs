//! Configurations, previous results and plans.

use cni_core::spec::json;
use cni_core::{Interface, IpConfig};
use serde_json::{Value, json};

use super::*;

fn conf(keys: &Value) -> Conf {
    json::from_slice(keys.to_string().as_bytes()).expect("a configuration")
}

fn ip(interface: Option<i64>, address: &str, gateway: &str) -> IpConfig {
    IpConfig { interface, address: address.parse().ok(), gateway: gateway.parse().ok() }
}

fn result(ips: Vec<IpConfig>) -> AddResult {
    let named = |name: &str| Interface { name: name.to_owned(), ..Interface::default() };
    AddResult { interfaces: vec![named("veth0"), named("net1")], ips, ..AddResult::default() }
}

fn plan(keys: &Value, ips: Vec<IpConfig>) -> std::result::Result<Plan, String> {
    Plan::new(&conf(keys), Some(&result(ips)), "net1").map_err(|error| error.msg)
}

fn shown(plan: &Plan) -> Vec<String> {
    let gateway = |address: &SourceAddress| {
        address.gateway.map_or_else(|| "none".to_owned(), |gateway| gateway.to_string())
    };
    plan.addresses.iter().map(|a| format!("{} via {}", a.address, gateway(a))).collect()
}

#[test]
fn addresses_are_the_interfaces_or_nobodys() {
    let ips = vec![
        ip(Some(1), "192.168.1.209/24", "192.168.1.1"),
        ip(Some(0), "192.168.2.209/24", "192.168.2.1"),
        ip(None, "fd00::10/64", ""),
        ip(Some(2), "192.168.3.209/24", ""),
        ip(Some(-1), "192.168.4.209/24", ""),
        ip(Some(1), "", ""),
    ];
    let plan = plan(&json!({}), ips).expect("a plan");
    assert_eq!(
        shown(&plan),
        [
            "192.168.1.209/24 via 192.168.1.1",
            "fd00::10/64 via none",
            "192.168.3.209/24 via none",
            "192.168.4.209/24 via none"
        ]
    );
    assert_eq!(plan.families(), [Family::V4, Family::V6]);
    assert_eq!(plan.tables, Tables::Own { gateways: [None, None], source_hints: false });
}

#[test]
fn without_an_address_or_a_result_there_is_nothing_to_do() {
    let refused = "No IP addresses supplied on interface: net1".to_owned();
    assert_eq!(plan(&json!({}), vec![]), Err(refused.clone()));
    assert_eq!(plan(&json!({}), vec![ip(Some(0), "192.168.2.209/24", "")]), Err(refused));
    let error = Plan::new(&conf(&json!({})), None, "net1").expect_err("no result");
    assert_eq!(error.msg, "This plugin must be called as chained plugin");
}

#[test]
fn configured_gateways_replace_those_of_their_family() {
    let ips =
        || vec![ip(None, "192.168.1.209/24", "192.168.1.1"), ip(None, "fd00::10/64", "fd00::1")];
    for (gateways, found) in [
        (json!([]), ["192.168.1.1", "fd00::1"]),
        (json!(["192.168.1.254"]), ["192.168.1.254", "fd00::1"]),
        (json!(["::ffff:192.168.1.254"]), ["192.168.1.254", "fd00::1"]),
        (json!(["fd00::FE", "192.168.1.254"]), ["192.168.1.254", "fd00::fe"]),
    ] {
        let plan = plan(&json!({ "Gateways": gateways, "addSourceHints": true }), ips());
        let plan = plan.expect("a plan");
        let found = found.map(|gateway| gateway.parse::<IpAddr>().ok());
        assert_eq!([plan.addresses[0].gateway, plan.addresses[1].gateway], found);
    }
    for (gateways, text) in [
        (
            json!(["1.1.1.1", "::1", "x"]),
            "gateways list cannot contain more than 2 entries (one IPv4, one IPv6)",
        ),
        (json!(["01.1.1.1"]), "invalid static gateway IP address: 01.1.1.1"),
        (json!([""]), "invalid static gateway IP address: "),
        (
            json!(["1.1.1.1", "::ffff:1.1.1.2"]),
            "gateways list contains multiple IPv4 addresses: 1.1.1.1 and ::ffff:1.1.1.2",
        ),
        (
            json!(["FD00::1", "fd00::2"]),
            "gateways list contains multiple IPv6 addresses: fd00::1 and fd00::2",
        ),
    ] {
        assert_eq!(plan(&json!({ "gateways": gateways }), ips()), Err(text.to_owned()));
        let given = plan(&json!({ "table": 5000, "gateways": gateways }), ips()).expect("a plan");
        assert_eq!(given.tables, Tables::Given(5000), "gateways do not matter");
    }
}

#[test]
fn a_table_has_a_number() {
    let tables = |table: i64| Tables::new(&conf(&json!({ "table": table })));
    assert_eq!(tables(1), Ok(Tables::Given(1)));
    assert_eq!(tables(4_294_967_295), Ok(Tables::Given(u32::MAX)));
    for table in [0, -1, 4_294_967_296] {
        let text = format!("table {table} is no number of a routing table");
        assert_eq!(tables(table), Err(Error::internal(text)));
    }
}
