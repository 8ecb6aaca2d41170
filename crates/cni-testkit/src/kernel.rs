//! What the running kernel can do.

use crate::{Namespace, host::enter_network, skip, uml};

/// A kernel feature a plugin needs and small kernels lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// VLAN filtering in bridges (`CONFIG_BRIDGE_VLAN_FILTERING`).
    BridgeVlanFiltering,
    /// Dummy interfaces.
    Dummy,
    /// Intermediate functional blocks, which shape incoming traffic.
    Ifb,
    /// ipvlan interfaces.
    Ipvlan,
    /// macvlan interfaces.
    Macvlan,
    /// nf_tables for IP, which iptables-nft needs, too.
    Nftables,
    /// The token bucket filter.
    TokenBucket,
    /// tap interfaces.
    Tap,
    /// 802.1Q VLAN interfaces.
    Vlan,
    /// Virtual routing and forwarding.
    Vrf,
}

impl Feature {
    /// The script that works only where the feature exists.
    fn probe(self) -> &'static str {
        match self {
            Self::BridgeVlanFiltering => {
                "ip link add name base type bridge vlan_filtering 1
                 bridge vlan add dev base vid 10 self"
            }
            Self::Dummy => "ip link add name probe type dummy",
            Self::Ifb => "ip link add name probe type ifb",
            Self::Ipvlan => {
                "ip link add name base type bridge
                 ip link add link base name probe type ipvlan"
            }
            Self::Macvlan => {
                "ip link add name base type bridge
                 ip link add link base name probe type macvlan"
            }
            Self::Nftables => "nft add table ip probe; nft add table ip6 probe",
            Self::TokenBucket => {
                "ip link add name base type bridge
                 tc qdisc add dev base root tbf rate 1mbit burst 32k latency 20ms"
            }
            Self::Tap => "ip tuntap add name probe mode tap",
            Self::Vlan => {
                "ip link add name base type bridge
                 ip link add link base name probe type vlan id 10"
            }
            Self::Vrf => "ip link add name probe type vrf table 10",
        }
    }
}

/// Whether the kernel has a feature, for tests that have something else to do without it.
#[track_caller]
pub fn has(feature: Feature) -> bool {
    let place = Namespace::start("probe", enter_network)
        .unwrap_or_else(|error| panic!("make a namespace to probe the kernel: {error:#}"));
    place.output(&["sh", "-ec", feature.probe()]).status.success()
}

/// Whether the kernel lacks a feature; the test is then recorded as skipped.
///
/// In user-mode Linux, where such tests are run for the second time, a lack is a failure: nobody
/// else would run them.
#[must_use = "a test that is skipped has to return"]
#[track_caller]
pub fn lacks(feature: Feature) -> bool {
    let lacks = !has(feature);
    if lacks {
        assert!(!uml::is_inside(), "user-mode Linux lacks {feature:?}");
        skip::record(&format!("the kernel lacks {feature:?}"));
    }
    lacks
}
