//! The administrative state of a namespace, in the words of `ip`.

use std::sync::PoisonError;

use expect_test::Expect;
use serde_json::Value;

use crate::{Namespace, placeholders::Placeholders};

impl Namespace {
    /// Compares links, addresses, routes and policy rules with what is expected.
    ///
    /// One line each, sorted: `link eth0 up`, `addr 10.1.2.2/24 dev eth0`,
    /// `route default via 10.1.2.1 dev eth0`, `rule 100 from 10.1.2.2 lookup 100`.
    /// Left out: what was there at birth, link-local addresses, the tables the kernel fills by
    /// itself, what an interface's carrier adds and takes away. Random veth names are numbered.
    #[track_caller]
    pub fn shows(&self, expected: Expect) {
        expected.assert_eq(&self.shown());
    }

    /// The text [`shows`](Self::shows) compares.
    #[track_caller]
    pub fn shown(&self) -> String {
        let base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        self.state().into_iter().filter(|line| !base.contains(line)).collect()
    }

    /// Takes the present state as the one that needs no mention.
    ///
    /// For a test that first builds a network card, a route or an address of its own.
    #[track_caller]
    pub fn rebase(&self) {
        let state = self.state();
        *self.base.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Every line, the ones of birth included.
    #[track_caller]
    pub(crate) fn state(&self) -> Vec<String> {
        // One process to start: in user-mode Linux each costs 34 ms.
        let dump = self.sh("ip -j addr; echo; ip -j route show table all; echo
            ip -j -6 route show table all; echo
            ip rule | sed 's/^/4/'; ip -6 rule | sed 's/^/6/'");
        let (documents, rules): (Vec<&str>, Vec<&str>) =
            dump.lines().filter(|line| !line.is_empty()).partition(|line| line.starts_with('['));
        let mut documents = documents.into_iter().map(|text| -> Vec<Value> {
            serde_json::from_str(text).expect("ip -j prints a JSON list")
        });
        let links = documents.next().unwrap_or_default();

        let mut names = Placeholders::default();
        let mut lines: Vec<String> = Vec::new();
        // In the order of their creation, so that the first veth is <veth:1>.
        for link in &links {
            names.word(text(link, "ifname"));
        }
        lines.extend(links.iter().map(link_line));
        lines.extend(links.iter().flat_map(address_lines));
        lines.extend(documents.flatten().filter_map(|route| route_line(&route, &links)));
        lines.extend(rules.into_iter().filter_map(rule_line));

        let mut lines: Vec<String> = lines
            .iter()
            .map(|line| line.split(' ').map(|word| names.word(word)).collect::<Vec<_>>().join(" "))
            .map(|line| line.trim_end().to_owned() + "\n")
            .collect();
        lines.sort_by_cached_key(|line| (order(line), line.clone()));
        // A rule for both families is one line.
        lines.dedup();
        lines
    }
}

/// Links first, then addresses, default routes, other routes, rules.
fn order(line: &str) -> usize {
    let kinds = ["link ", "addr ", "route default ", "route ", "rule "];
    kinds.iter().position(|kind| line.starts_with(kind)).unwrap_or(kinds.len())
}

fn link_line(link: &Value) -> String {
    let state = if has(link, "flags", "UP") { "up" } else { "down" };
    let mut line = format!("link {} {state}", text(link, "ifname"));
    if let Some(mtu) = link["mtu"].as_u64()
        && mtu != 1500
    {
        line += &format!(" mtu {mtu}");
    }
    if let Some(controller) = link["master"].as_str() {
        line += &format!(" controller {controller}");
    }
    line
}

fn address_lines(link: &Value) -> Vec<String> {
    let addresses = link["addr_info"].as_array().cloned().unwrap_or_default();
    addresses
        .iter()
        .filter(|address| !text(address, "local").starts_with("fe80:"))
        .map(|address| {
            let own = text(address, "local");
            let shown = match address["address"].as_str() {
                Some(peer) => format!("{own} peer {peer}"),
                None => own.to_owned(),
            };
            format!("addr {shown}/{} dev {}", address["prefixlen"], text(link, "ifname"))
        })
        .collect()
}

/// The line of a route somebody asked for, directly or by an address.
fn route_line(route: &Value, links: &[Value]) -> Option<String> {
    let destination = text(route, "dst");
    let kind = route["type"].as_str().unwrap_or("unicast");
    let is_own_doing = matches!(kind, "local" | "broadcast" | "anycast" | "multicast")
        || text(route, "table") == "local"
        || destination.starts_with("fe80:")
        || destination.starts_with("ff00:");
    // The kernel marks these dead some time after the carrier is lost, so they say nothing.
    let has_carrier =
        links.iter().any(|link| link["ifname"] == route["dev"] && has(link, "flags", "LOWER_UP"));
    if is_own_doing || text(route, "protocol") == "kernel" && !has_carrier {
        return None;
    }

    let mut line = String::from("route ");
    if kind != "unicast" {
        line += &format!("{kind} ");
    }
    line += destination;
    line += &next_hop(route);
    for hop in route["nexthops"].as_array().into_iter().flatten() {
        line += &format!(" nexthop{}", next_hop(hop));
    }
    for key in ["table", "scope"] {
        if let Some(value) = route[key].as_str() {
            line += &format!(" {key} {value}");
        }
    }
    // What `ip -6` shows where nobody chose a metric, and `ip -4` does not show at all.
    let is_default_metric =
        |metric: u64| destination_is_ipv6(route) && [256, 1024].contains(&metric);
    if let Some(metric) = route["metric"].as_u64()
        && metric != 0
        && !is_default_metric(metric)
    {
        line += &format!(" metric {metric}");
    }
    if text(route, "protocol") != "kernel"
        && let Some(source) = route["prefsrc"].as_str()
    {
        line += &format!(" src {source}");
    }
    for metrics in route["metrics"].as_array().into_iter().flatten() {
        for (name, value) in metrics.as_object().into_iter().flatten() {
            line += &format!(" {name} {value}");
        }
    }
    if has(route, "flags", "onlink") {
        line += " onlink";
    }
    Some(line)
}

fn next_hop(hop: &Value) -> String {
    let via = hop["gateway"].as_str().or(hop["via"]["host"].as_str());
    let via = via.map(|gateway| format!(" via {gateway}"));
    let device = hop["dev"].as_str().map(|device| format!(" dev {device}"));
    via.into_iter().chain(device).collect()
}

/// Only IPv6 routes carry a router preference.
fn destination_is_ipv6(route: &Value) -> bool {
    route.get("pref").is_some() || text(route, "dst").contains(':')
}

/// Reads `4100:<TAB>from 10.1.2.2 lookup 100`; the kernel's own three rules are left out.
fn rule_line(rule: &str) -> Option<String> {
    let (priority, selector) = rule.get(1..)?.split_once(":\t")?;
    let own = ["from all lookup local", "from all lookup main", "from all lookup default"];
    (!own.contains(&selector.trim())).then(|| format!("rule {priority} {selector}"))
}

fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object[key].as_str().unwrap_or_default()
}

fn has(object: &Value, key: &str, word: &str) -> bool {
    object[key].as_array().is_some_and(|words| words.iter().any(|known| known == word))
}
