//! What is allowed, and yet hardly what was meant.

use std::net::IpAddr;

use cni_core::quote;
use cni_core::spec::address::Cidr;
use cni_core::spec::json::Shape;
use serde_json::Value;

use super::catalogue::Known;
use super::document::{Node, offset_of, text};
use super::page;
use super::report::Report;

/// The least that IPv4 asks of a link, in bytes (RFC 791).
const LEAST_MTU: i64 = 68;
/// The greatest of Ethernet devices in Linux, in bytes.
const GREATEST_MTU: i64 = 65535;

/// Looks at a plugin's configuration.
pub fn check(known: &Known, shape: &Shape, node: &Node<'_>, report: &mut Report<'_>) {
    mtu(shape, node, report);
    choices(known, node, report);
    capabilities(known, shape, node, report);
    // What every configuration may have, only some plugins use.
    let rows = page::rows(known.page);
    for key in ["ipam", "dns"] {
        let is_unused = !rows.iter().any(|row| row.path.split('.').next() == Some(key));
        if let Some(place) = node.get(key).filter(|_| is_unused) {
            let text = format!("{} has no use for {}", known.name, quote(key));
            report.warning(place.offset, "unused-key", text);
        }
    }
    if let Some(ipam) = node.get("ipam") {
        if text(ipam, "type").is_none()
            && !ipam.entries().is_empty()
            && !known.has_key_below("ipam")
        {
            let text = "without \"type\" no addresses are handed out";
            report.warning(ipam.offset, "no-ipam-type", text);
        }
        gateways(ipam, report);
    }
}

/// Looks at the size of packets.
pub fn mtu(shape: &Shape, node: &Node<'_>, report: &mut Report<'_>) {
    let Some(place) = node.get("mtu").filter(|_| shape.get("mtu").is_some()) else { return };
    let Some(mtu) = place.value().as_i64() else { return };
    if mtu != 0
        && !(LEAST_MTU..=GREATEST_MTU).contains(&mtu)
        && !report.has_finding_at(place.offset)
    {
        let text =
            format!("an MTU is {LEAST_MTU} to {GREATEST_MTU} bytes, or 0 for the kernel's choice");
        report.warning(place.offset, "mtu", text);
    }
}

fn choices(known: &Known, node: &Node<'_>, report: &mut Report<'_>) {
    for (path, words) in known.choices {
        let Some(place) = path.split('.').try_fold(node, |node, key| node.get(key)) else {
            continue;
        };
        let value = place.value();
        let Some(word) = value.as_str() else { continue };
        if !words.contains(&word) && !report.has_finding_at(place.offset) {
            let text =
                format!("{} is none of {}", quote(word), words.join(", ").trim_end_matches(", "));
            report.warning(place.offset, "unknown-word", text);
        }
    }
}

/// What the runtime may put in, and what the plugin makes of it.
fn capabilities(known: &Known, shape: &Shape, node: &Node<'_>, report: &mut Report<'_>) {
    let used = shape.get("runtimeConfig").unwrap_or(&Shape::Anything);
    let takes_all = matches!(known.shape().get("runtimeConfig"), Some(Shape::Map(_)));
    let declared = node.get("capabilities");
    for entry in declared.map(Node::entries).into_iter().flatten() {
        if used.get(&entry.key).is_none() && !takes_all && entry.value.raw == "true" {
            let text = format!("{} makes nothing of capability {}", known.name, quote(&entry.key));
            report.warning(entry.key_offset, "unused-capability", text);
        }
    }
    let is_given = |capability: &str| {
        let is_true = |node: &Node<'_>| node.value() == Value::Bool(true);
        declared.and_then(|all| all.get(capability)).is_some_and(is_true)
            || node.get("runtimeConfig").is_some_and(|given| given.get(capability).is_some())
    };
    let rates = ["ingressRate", "ingressBurst", "egressRate", "egressBurst"];
    let needed = match known.name {
        "portmap" => Some("portMappings"),
        "bandwidth" if rates.iter().all(|key| node.get(key).is_none()) => Some("bandwidth"),
        _ => None,
    };
    if let Some(capability) = needed.filter(|capability| !is_given(capability)) {
        let text = format!(
            "without \"capabilities\": {{\"{capability}\": true}} the runtime tells {} nothing, \
             and it does nothing",
            known.name
        );
        report.warning(offset_of(node, "type"), "missing-capability", text);
    }
}

/// Gateways that cannot be reached directly, which is right on few networks.
fn gateways(node: &Node<'_>, report: &mut Report<'_>) {
    let network = node.get("subnet").or_else(|| node.get("address"));
    if let (Some(network), Some(place)) = (network, node.get("gateway")) {
        let network: Option<Cidr> = network.value().as_str().and_then(|text| text.parse().ok());
        let gateway: Option<IpAddr> = place.value().as_str().and_then(|text| text.parse().ok());
        if let (Some(network), Some(gateway)) = (network, gateway)
            && !network.0.contains(gateway)
            && !report.has_finding_at(place.offset)
        {
            let text = format!("gateway {gateway} is outside of {network}");
            report.warning(place.offset, "gateway", text);
        }
    }
    for inner in node.nodes() {
        gateways(inner, report);
    }
}
