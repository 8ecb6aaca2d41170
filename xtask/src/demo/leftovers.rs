//! What an attachment must not leave behind, and what the host keeps on purpose.

use std::net::IpAddr;

use anyhow::{Result, bail};

use super::stage::Stage;
use crate::process;

/// The links that were there before the first attachment.
const STAGE_LINKS: &[&str] = &["lo", "outside"];

/// The link that attachments share, so that it outlives them.
const BRIDGE: &str = "cni0";

/// Looks for links, rules and files of the two attachments; returns what is kept on purpose.
///
/// # Errors
///
/// When something is left; it is named.
pub fn find(stage: &Stage) -> Result<Vec<String>> {
    let mut left = Vec::new();
    for container in &stage.containers {
        let links = links(&container.exec(&["ip", "-brief", "link"]));
        let links = links.into_iter().filter(|link| link != "lo");
        left.extend(links.map(|link| format!("link {link} in {}", container.name())));
    }
    let mut links = links(&stage.host.exec(&["ip", "-brief", "link"]));
    links.retain(|link| !STAGE_LINKS.contains(&link.as_str()));
    let (mut kept, owned): (Vec<_>, Vec<_>) = links.into_iter().partition(|link| link == BRIDGE);
    left.extend(owned.into_iter().map(|link| format!("link {link}")));
    left.extend(rules(stage));
    let (owned, shared) = files(stage);
    left.extend(owned.into_iter().map(|file| format!("file {file}")));
    if !left.is_empty() {
        bail!("left: {}", left.join("; "));
    }
    kept.extend(shared);
    Ok(vec![
        "no link, rule, reservation or cached result".to_owned(),
        format!("kept on purpose: {}", kept.join(", ")),
    ])
}

/// The names in a brief listing of links, without the peer of a veth.
fn links(listing: &str) -> Vec<String> {
    let names = listing.lines().filter_map(|line| line.split_whitespace().next());
    names.map(|name| name.split('@').next().unwrap_or(name).to_owned()).collect()
}

/// The firewall rules that are about one attachment, as the installed programs list them.
fn rules(stage: &Stage) -> Vec<String> {
    let listings: [&[&str]; 3] =
        [&["iptables-save"], &["ip6tables-save"], &["nft", "list", "ruleset"]];
    let installed = listings.iter().filter(|words| process::is_installed(words[0]));
    let text: Vec<_> = installed
        .map(|words| String::from_utf8_lossy(&stage.host.output(words).stdout).into_owned())
        .collect();
    let lines = text.iter().flat_map(|text| text.lines());
    lines.filter(|line| is_owned(line)).map(|line| format!("rule {}", line.trim())).collect()
}

/// Whether a line is about one attachment: by its container, its addresses, or a chain named by a
/// hash. Chains with names in capitals are shared.
fn is_owned(line: &str) -> bool {
    let is_hash = |rest: &str| rest.starts_with("DN-") || rest.starts_with(is_hex_digit);
    ["cnitool-", "10.88.", "fd88:"].iter().any(|sign| line.contains(sign))
        || line.split("CNI-").skip(1).any(is_hash)
}

fn is_hex_digit(character: char) -> bool {
    matches!(character, '0'..='9' | 'a'..='f')
}

/// The files plugins keep: those of one attachment, and those of the network.
fn files(stage: &Stage) -> (Vec<String>, Vec<String>) {
    let listing = stage.host.sh("find /var/lib/cni /run/cni -type f");
    let is_owned = |file: &String| {
        let name = file.rsplit('/').next().unwrap_or(file);
        file.starts_with("/run/") || file.contains("/results/") || name.parse::<IpAddr>().is_ok()
    };
    listing.lines().map(str::to_owned).partition(is_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_veth_is_listed_without_its_peer() {
        let listing = "lo UP 00:00\nveth1@if2 UP 02:00\n";
        assert_eq!(links(listing), ["lo", "veth1"]);
    }

    #[test]
    fn shared_chains_are_not_of_one_attachment() {
        for line in [":CNI-DN-0a1b", "-A CNI-0a1b -j ACCEPT", "-A CNI-FORWARD -s 10.88.0.2/32"] {
            assert!(is_owned(line), "{line}");
        }
        for line in [":CNI-HOSTPORT-DNAT", "-A FORWARD -j CNI-FORWARD", ":CNI-ADMIN"] {
            assert!(!is_owned(line), "{line}");
        }
    }
}
