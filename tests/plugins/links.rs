//! Links in all detail.

use cni_testkit::Namespace;
use serde_json::Value;

/// What `ip -d` says about a link.
pub fn link(place: &Namespace, name: &str) -> Value {
    let links = place.exec(&["ip", "-d", "-j", "link", "show", name]);
    let mut links: Value = serde_json::from_str(&links).expect("ip -j prints JSON");
    links[0].take()
}
