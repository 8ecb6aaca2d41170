//! The file in which flannel's daemon says what part of the cluster's network is the node's.

use std::fs;

use cni_core::spec::address::Cidr;
use cni_core::spec::error::io_cause;
use cni_core::{Error, Result, quote};

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Subnet {
    /// The cluster's networks, IPv4 first.
    pub(crate) networks: Vec<Cidr>,
    /// The node's part, at most one of each family, IPv4 first.
    pub(crate) subnets: Vec<Cidr>,
    /// Bytes.
    pub(crate) mtu: u32,
    /// Whether the daemon masquerades, so that the delegate need not.
    pub(crate) masquerades: bool,
}

impl Subnet {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// `failed to load flannel 'subnet.env' file: …`.
    pub(crate) fn load(path: &str) -> Result<Self> {
        let text = fs::read(path).map_err(|error| format!("open {path}: {}", io_cause(&error)));
        let subnet = text.and_then(|text| Self::parse(&String::from_utf8_lossy(&text), path));
        subnet.map_err(|why| {
            Error::internal(format!(
                "failed to load flannel 'subnet.env' file: {why}. \
                 Check the flannel pod log for this node."
            ))
        })
    }

    /// Reads the lines `key=value`; all others, and keys of other programs, are left out.
    fn parse(text: &str, path: &str) -> Result<Self, String> {
        let (mut networks, mut networks6) = (None, None);
        let (mut subnet, mut subnet6) = (None, None);
        let (mut mtu, mut masquerades) = (None, None);
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            match key {
                "FLANNEL_NETWORK" => networks = Some(parse_networks(value)?),
                "FLANNEL_IPV6_NETWORK" => networks6 = Some(parse_networks(value)?),
                "FLANNEL_SUBNET" => subnet = Some(parse_network(value)?),
                "FLANNEL_IPV6_SUBNET" => subnet6 = Some(parse_network(value)?),
                "FLANNEL_MTU" => mtu = Some(parse_mtu(value)?),
                "FLANNEL_IPMASQ" => masquerades = Some(value == "true"),
                _ => {}
            }
        }
        let missing: Vec<&str> = [
            (networks.is_none() && networks6.is_none(), "FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK"),
            (subnet.is_none() && subnet6.is_none(), "FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET"),
            (mtu.is_none(), "FLANNEL_MTU"),
            (masquerades.is_none(), "FLANNEL_IPMASQ"),
        ]
        .into_iter()
        .filter_map(|(is_missing, keys)| is_missing.then_some(keys))
        .collect();
        if !missing.is_empty() {
            return Err(format!("{path} is missing {}", missing.join(", ")));
        }
        Ok(Self {
            networks: networks.into_iter().chain(networks6).flatten().collect(),
            subnets: subnet.into_iter().chain(subnet6).collect(),
            mtu: mtu.unwrap_or_default(),
            masquerades: masquerades.unwrap_or_default(),
        })
    }
}

/// Reads networks separated by commas; each counts once.
fn parse_networks(text: &str) -> Result<Vec<Cidr>, String> {
    let mut networks = Vec::new();
    for network in text.split(',') {
        let network = parse_network(network)?;
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    Ok(networks)
}

/// Reads a network; host bits do not count.
fn parse_network(text: &str) -> Result<Cidr, String> {
    let cidr: Cidr = text.parse().map_err(|error| format!("{error}"))?;
    Ok(Cidr::new(cidr.network(), cidr.prefix()))
}

fn parse_mtu(text: &str) -> Result<u32, String> {
    let refuse = |why| Err(format!("strconv.ParseUint: parsing {}: {why}", quote(text)));
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return refuse("invalid syntax");
    }
    text.parse().or_else(|_| refuse("value out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\n\
                         FLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n";

    fn cidrs(texts: &[&str]) -> Vec<Cidr> {
        texts.iter().map(|text| text.parse().expect("a network")).collect()
    }

    fn parsed(text: &str) -> Subnet {
        Subnet::parse(text, "file").expect("a good file")
    }

    #[test]
    fn a_file_says_networks_subnet_mtu_and_whether_it_masquerades() {
        let usual = Subnet {
            networks: cidrs(&["10.1.0.0/16"]),
            subnets: cidrs(&["10.1.17.0/24"]),
            mtu: 1472,
            masquerades: true,
        };
        assert_eq!(parsed(USUAL), usual);
        assert_eq!(parsed(&USUAL.replace('\n', "\r\n")), usual);
        let around = format!("# comment\n\nfoo=bar\nFLANNEL_MTU\n FLANNEL_MTU=1\n{USUAL}x");
        assert_eq!(parsed(&around), usual);
    }

    #[test]
    fn both_families_are_kept_with_ipv4_first() {
        let subnet = parsed(
            "FLANNEL_IPV6_SUBNET=fc00:1::1/80\nFLANNEL_IPV6_NETWORK=fc00::/48\n\
             FLANNEL_NETWORK=10.9.0.0/16,10.1.2.3/16,10.9.8.0/16\nFLANNEL_SUBNET=10.1.17.1/24\n\
             FLANNEL_MTU=0\nFLANNEL_IPMASQ=True",
        );
        let networks = cidrs(&["10.9.0.0/16", "10.1.0.0/16", "fc00::/48"]);
        let subnets = cidrs(&["10.1.17.0/24", "fc00:1::/80"]);
        assert_eq!(subnet, Subnet { networks, subnets, mtu: 0, masquerades: false });
    }

    #[test]
    fn one_family_is_enough_and_the_last_of_a_key_counts() {
        let subnet = parsed(
            "FLANNEL_IPV6_NETWORK=fc00::/48\nFLANNEL_IPV6_SUBNET=fc00::1/64\nFLANNEL_MTU=1\n\
             FLANNEL_MTU=1500\nFLANNEL_IPMASQ=true\nFLANNEL_IPMASQ=\"true\"",
        );
        let (networks, subnets) = (cidrs(&["fc00::/48"]), cidrs(&["fc00::/64"]));
        assert_eq!(subnet, Subnet { networks, subnets, mtu: 1500, masquerades: false });
    }

    #[test]
    fn what_is_missing_or_wrong_is_told() {
        let all = "FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK, FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET, \
                   FLANNEL_MTU, FLANNEL_IPMASQ";
        let syntax = |text| format!("strconv.ParseUint: parsing \"{text}\": invalid syntax");
        for (text, why) in [
            ("foo=bar".to_owned(), format!("file is missing {all}")),
            (USUAL.replace("_MTU=1472", "_MTU"), "file is missing FLANNEL_MTU".to_owned()),
            (USUAL.replace("10.1.0.0/16", "x"), "invalid CIDR address: x".to_owned()),
            (USUAL.replace("/16", "/16, 10.2.0.0/16"), "invalid CIDR address:  10.2.0.0/16".into()),
            (USUAL.replace("10.1.17.1/24", "10.1.17.1"), "invalid CIDR address: 10.1.17.1".into()),
            (USUAL.replace("1472", "x"), syntax("x")),
            (USUAL.replace("1472", "+1"), syntax("+1")),
            (USUAL.replace("1472", ""), syntax("")),
            (
                USUAL.replace("1472", "4294967296"),
                "strconv.ParseUint: parsing \"4294967296\": value out of range".to_owned(),
            ),
        ] {
            assert_eq!(Subnet::parse(&text, "file"), Err(why));
        }
    }
}
