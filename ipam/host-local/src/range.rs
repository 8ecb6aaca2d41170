//! One range of addresses: a subnet, the part of it to hand out, and its gateway.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use cni_core::spec::address::{self, Cidr};
use cni_core::{Error, Result};

use crate::conf::RangeConf;

/// A range with every default applied; `start` is never above `end`, both are in the subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The network address and the prefix length that the addresses get.
    pub subnet: Cidr,
    /// The first address to hand out.
    pub start: IpAddr,
    /// The last address to hand out.
    pub end: IpAddr,
    /// Never handed out. May be outside the subnet, even of the other family.
    pub gateway: IpAddr,
}

impl Range {
    /// Applies the defaults and refuses contradictions.
    ///
    /// # Errors
    ///
    /// The reference's texts.
    pub fn new(conf: &RangeConf) -> Result<Self> {
        let refuse = |text: String| Err(Error::internal(text));
        let Some(subnet) = conf.subnet.0 else {
            return refuse("IP <nil> not v4 nor v6".to_owned());
        };
        if subnet.prefix() > longest_prefix(subnet) {
            return refuse(format!("Network {subnet} too small to allocate from"));
        }
        if matches!(subnet.ip(), IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
            return refuse("IPNet IP and Mask version mismatch".to_owned());
        }
        let network = subnet.network();
        if network != subnet.ip() {
            return refuse(format!(
                "Network has host bits set. For a subnet mask of length {} the network address is \
                 {network}",
                subnet.prefix()
            ));
        }
        let lowest = address::next(network).expect("the network has at least four addresses");
        let in_subnet = |ip: IpAddr| subnet.0.contains(ip);

        let start = conf.range_start.0.unwrap_or(lowest);
        let above_end = |start: IpAddr| conf.range_end.0.is_some_and(|end| start > end);
        if !in_subnet(start) || conf.range_start.0.is_some_and(above_end) {
            return refuse(format!("RangeStart {start} not in network {subnet}"));
        }
        // The default end lies below a start at the broadcast address. A range never runs out of
        // its subnet, so it is that one address then.
        let end = conf.range_end.0.unwrap_or_else(|| highest(subnet).max(start));
        if !in_subnet(end) || end < start {
            return refuse(format!("RangeEnd {end} not in network {subnet}"));
        }
        Ok(Self { subnet, start, end, gateway: conf.gateway.0.unwrap_or(lowest) })
    }

    /// Whether `ip` lies between the first and the last address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        // Of two families one sorts below the other, so no range spans both.
        (self.start..=self.end).contains(&ip)
    }

    /// Whether two ranges have an address in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// How many addresses can be handed out; one too few for the whole of IPv6.
    pub fn capacity(&self) -> u128 {
        let size = (to_bits(self.end) - to_bits(self.start)).saturating_add(1);
        size - u128::from(self.contains(self.gateway))
    }
}

/// As the reference's messages show it.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.end)
    }
}

/// The prefix length that leaves four addresses.
fn longest_prefix(subnet: Cidr) -> u8 {
    if subnet.ip().is_ipv4() { 30 } else { 126 }
}

/// The last address to hand out by default: IPv4 keeps the broadcast address back.
fn highest(subnet: Cidr) -> IpAddr {
    match subnet.0.broadcast() {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() - 1).into(),
        last @ IpAddr::V6(_) => last,
    }
}

fn to_bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::{Address, Subnet};

    fn conf(text: &str) -> RangeConf {
        let mut words = text.split(' ');
        let mut ip = || {
            let word = words.next().filter(|word| *word != "-");
            word.map(|word| word.to_owned())
        };
        let subnet = ip().map(|word| word.parse().expect("a subnet"));
        let mut address = || Address(ip().map(|word| word.parse().expect("an address")));
        RangeConf {
            subnet: Subnet(subnet),
            range_start: address(),
            range_end: address(),
            gateway: address(),
        }
    }

    #[test]
    fn defaults_leave_out_network_and_broadcast() {
        for (text, range, gateway) in [
            ("192.0.2.0/24", "192.0.2.1-192.0.2.254", "192.0.2.1"),
            ("192.0.2.0/25", "192.0.2.1-192.0.2.126", "192.0.2.1"),
            ("10.0.0.0/30", "10.0.0.1-10.0.0.2", "10.0.0.1"),
            ("2001:db8:1::/64", "2001:db8:1::1-2001:db8:1:0:ffff:ffff:ffff:ffff", "2001:db8:1::1"),
            ("192.0.2.0/24 192.0.2.50", "192.0.2.50-192.0.2.254", "192.0.2.1"),
            ("192.0.2.0/24 192.0.2.0 192.0.2.255", "192.0.2.0-192.0.2.255", "192.0.2.1"),
            ("192.0.2.0/24 - 192.0.2.50", "192.0.2.1-192.0.2.50", "192.0.2.1"),
            ("192.0.2.0/24 - - 2001:db8::1", "192.0.2.1-192.0.2.254", "2001:db8::1"),
            // The reference leaves the subnet here.
            ("192.0.2.0/24 192.0.2.255", "192.0.2.255-192.0.2.255", "192.0.2.1"),
        ] {
            let made = Range::new(&conf(text)).expect(text);
            assert_eq!(
                (made.to_string().as_str(), made.gateway.to_string().as_str()),
                (range, gateway)
            );
        }
    }

    #[test]
    fn contradictions_are_refused() {
        for (text, refusal) in [
            ("-", "IP <nil> not v4 nor v6"),
            ("192.0.2.0/31", "Network 192.0.2.0/31 too small to allocate from"),
            ("192.0.2.1/31", "Network 192.0.2.1/31 too small to allocate from"),
            ("2001:db8::/127", "Network 2001:db8::/127 too small to allocate from"),
            ("::ffff:192.0.2.0/120", "IPNet IP and Mask version mismatch"),
            (
                "192.0.2.12/24",
                "Network has host bits set. For a subnet mask of length 24 the network address is \
                 192.0.2.0",
            ),
            ("192.0.2.0/24 192.0.3.0", "RangeStart 192.0.3.0 not in network 192.0.2.0/24"),
            ("192.0.2.0/24 2001:db8::1", "RangeStart 2001:db8::1 not in network 192.0.2.0/24"),
            ("192.0.2.0/24 - 192.0.4.0", "RangeEnd 192.0.4.0 not in network 192.0.2.0/24"),
            ("192.0.2.0/24 - 192.0.2.0", "RangeEnd 192.0.2.0 not in network 192.0.2.0/24"),
            (
                "192.0.2.0/24 192.0.2.50 192.0.2.40",
                "RangeStart 192.0.2.50 not in network 192.0.2.0/24",
            ),
        ] {
            assert_eq!(Range::new(&conf(text)).expect_err(text).msg, refusal);
        }
    }

    #[test]
    fn ranges_contain_their_borders_and_overlap_by_one_address() {
        let range = |text| Range::new(&conf(text)).expect(text);
        let ip = |text: &str| text.parse::<IpAddr>().expect(text);
        let part = range("192.0.2.0/24 192.0.2.40 192.0.2.50");
        for (text, contained) in [("39", false), ("40", true), ("50", true), ("51", false)] {
            assert_eq!(part.contains(ip(&format!("192.0.2.{text}"))), contained, "{text}");
        }
        for (one, other, overlap) in [
            ("10.0.0.0/24", "10.0.0.0/16", true),
            ("10.0.0.0/24", "10.0.1.0/24", false),
            ("10.0.0.0/24 10.0.0.0 10.0.0.127", "10.0.0.0/24 10.0.0.128", false),
            ("10.0.0.0/24 10.0.0.0 10.0.0.127", "10.0.0.0/24 10.0.0.127", true),
            ("10.0.0.0/24", "a00::/24", false),
        ] {
            assert_eq!(range(one).overlaps(&range(other)), overlap, "{one} {other}");
            assert_eq!(range(other).overlaps(&range(one)), overlap, "{other} {one}");
        }
        assert_eq!(range("10.0.0.0/30").capacity(), 1);
        assert_eq!(range("::/0").capacity(), u128::MAX - 1);
    }
}
