//! A result as a person reads it.

use std::fmt::Write;

use super::{AddResult, Interface};

/// One line for each interface, address, route and DNS setting.
pub(super) fn lines(result: &AddResult) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: String| {
        writeln!(text, "{label:<10} {value}").expect("a String takes all that is written");
    };
    for interface in &result.interfaces {
        line("interface", describe(interface));
    }
    for ip in &result.ips {
        let address = ip.address.map_or_else(|| "unset".to_owned(), |address| address.to_string());
        let gateway = ip.gateway.map(|gateway| format!(" gateway {gateway}")).unwrap_or_default();
        let on = ip
            .interface
            .and_then(|index| result.interfaces.get(usize::try_from(index).ok()?))
            .map(|interface| format!(" on {}", interface.name))
            .unwrap_or_default();
        line("address", format!("{address}{gateway}{on}"));
    }
    for route in &result.routes {
        let dst = route.dst.map_or_else(|| "unset".to_owned(), |dst| dst.to_string());
        line("route", dst + &route.gw.map(|gw| format!(" via {gw}")).unwrap_or_default());
    }
    for nameserver in &result.dns.nameservers {
        line("nameserver", nameserver.clone());
    }
    if !result.dns.domain.is_empty() {
        line("domain", result.dns.domain.clone());
    }
    if !result.dns.search.is_empty() {
        line("search", result.dns.search.join(" "));
    }
    if !result.dns.options.is_empty() {
        line("options", result.dns.options.join(" "));
    }
    text
}

fn describe(interface: &Interface) -> String {
    let mac =
        if interface.mac.is_empty() { String::new() } else { format!(" mac {}", interface.mac) };
    let place = if interface.sandbox.is_empty() {
        " on the host".to_owned()
    } else {
        format!(" in {}", interface.sandbox)
    };
    format!("{}{mac}{place}", interface.name)
}
