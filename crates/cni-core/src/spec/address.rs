//! Addresses as the documents write them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An address with a prefix length, host bits kept: `10.2.3.1/24` stays `10.2.3.1/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr(pub IpNetwork);

/// Text that is no `address/length`.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidCidr(String);

impl fmt::Display for InvalidCidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid CIDR address: {}", self.0)
    }
}

impl std::error::Error for InvalidCidr {}

impl Cidr {
    /// Makes an address with a prefix length.
    ///
    /// # Panics
    ///
    /// When `prefix` is longer than the address.
    pub fn new(address: IpAddr, prefix: u8) -> Self {
        Self(IpNetwork::new(address, prefix).expect("the prefix is not longer than the address"))
    }

    /// The address, host bits included.
    pub fn ip(self) -> IpAddr {
        self.0.ip()
    }

    /// The prefix length in bits.
    pub fn prefix(self) -> u8 {
        self.0.prefix()
    }

    /// The network address, host bits cleared.
    pub fn network(self) -> IpAddr {
        self.0.network()
    }

    /// Whether this is `0.0.0.0/0` or `::/0`.
    pub fn is_default_route(self) -> bool {
        self.prefix() == 0 && self.ip().is_unspecified()
    }
}

impl std::str::FromStr for Cidr {
    type Err = InvalidCidr;

    /// Takes decimal digits after one slash, leading zeros allowed, no sign, no zone.
    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let invalid = || InvalidCidr(text.to_owned());
        let (address, length) = text.split_once('/').ok_or_else(invalid)?;
        if length.is_empty() || !length.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        let length: u8 = length
            .trim_start_matches('0')
            .parse()
            .or_else(|error| if length.bytes().all(|b| b == b'0') { Ok(0) } else { Err(error) })
            .map_err(|_: std::num::ParseIntError| invalid())?;
        let address = address.parse().map_err(|_| invalid())?;
        IpNetwork::new(address, length).map(Self).map_err(|_| invalid())
    }
}

/// An IPv4-mapped address prints as IPv4 with the length less 96, as the reference does.
impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip() {
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => write!(f, "{v4}/{}", self.prefix().saturating_sub(96)),
                None => write!(f, "{v6}/{}", self.prefix()),
            },
            IpAddr::V4(v4) => write!(f, "{v4}/{}", self.prefix()),
        }
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Parses an address; the reference's text is `invalid IP address: <text>`.
///
/// # Errors
///
/// That text.
pub fn parse_ip(text: &str) -> Result<IpAddr, String> {
    text.parse::<IpAddr>().map(canonical).map_err(|_| format!("invalid IP address: {text}"))
}

/// Turns an IPv4-mapped address into IPv4; the reference makes no difference between them.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Reads and writes an optional address: `null` and the empty text mean unset.
pub mod optional_ip {
    use super::*;

    /// Reads an address; see the module.
    ///
    /// # Errors
    ///
    /// `invalid IP address: <text>`.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<IpAddr>, D::Error> {
        match Option::<String>::deserialize(deserializer)? {
            Some(text) if !text.is_empty() => parse_ip(&text).map(Some).map_err(de::Error::custom),
            _ => Ok(None),
        }
    }

    /// Writes an address; unset is the empty text (callers omit it).
    ///
    /// # Errors
    ///
    /// The serializer's.
    pub fn serialize<S: Serializer>(ip: &Option<IpAddr>, serializer: S) -> Result<S::Ok, S::Error> {
        match ip {
            Some(ip) => serializer.collect_str(ip),
            None => serializer.serialize_str(""),
        }
    }
}

/// Writes an optional CIDR; unset prints as the reference's `<nil>`.
///
/// # Errors
///
/// The serializer's.
pub fn serialize_cidr<S: Serializer>(
    cidr: &Option<Cidr>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match cidr {
        Some(cidr) => cidr.serialize(serializer),
        None => serializer.serialize_str("<nil>"),
    }
}

/// Reads a CIDR that may be absent as a key but not be `null`.
///
/// # Errors
///
/// `invalid CIDR address: <text>`, for `null` with an empty text.
pub fn deserialize_cidr<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cidr>, D::Error> {
    Cidr::deserialize(deserializer).map(Some)
}

/// The address after `address`; `None` after the highest of its family.
pub fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => v4.to_bits().checked_add(1).map(|n| Ipv4Addr::from_bits(n).into()),
        IpAddr::V6(v6) => v6.to_bits().checked_add(1).map(|n| Ipv6Addr::from_bits(n).into()),
    }
}

/// The address before `address`; `None` before the lowest of its family.
pub fn previous(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => v4.to_bits().checked_sub(1).map(|n| Ipv4Addr::from_bits(n).into()),
        IpAddr::V6(v6) => v6.to_bits().checked_sub(1).map(|n| Ipv6Addr::from_bits(n).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cidr_text_keeps_host_bits_and_refuses_the_rest() {
        for (text, printed) in [
            ("10.2.3.1/24", "10.2.3.1/24"),
            ("10.2.3.1/024", "10.2.3.1/24"),
            ("0.0.0.0/00", "0.0.0.0/0"),
            ("2001:DB8:0::1/64", "2001:db8::1/64"),
            ("::ffff:10.1.0.5/120", "10.1.0.5/24"),
            ("::ffff:10.1.0.5/64", "10.1.0.5/0"),
        ] {
            assert_eq!(text.parse::<Cidr>().map(|c| c.to_string()).as_deref(), Ok(printed));
        }
        for text in [
            "",
            "10.1.2.3",
            "1.2.3/45",
            "1.2.3.4/99",
            "1.2.3.4/+4",
            "1.2.3.4/ 4",
            "01.2.3.4/8",
            "fe80::1%eth0/64",
            "1.2.3.4/256",
            "1.2.3.4/",
        ] {
            assert_eq!(
                text.parse::<Cidr>().expect_err(text).to_string(),
                format!("invalid CIDR address: {text}")
            );
        }
    }

    #[test]
    fn neighbours_cross_octets_and_stop_at_the_ends() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(next(ip("10.0.255.255")), Some(ip("10.1.0.0")));
        assert_eq!(previous(ip("10.1.0.0")), Some(ip("10.0.255.255")));
        assert_eq!(next(ip("::ff:ffff")), Some(ip("::100:0")));
        assert_eq!(next(ip("255.255.255.255")), None);
        assert_eq!(previous(ip("::")), None);
    }
}
