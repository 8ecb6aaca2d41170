//! A pool: ranges of one family, of which an attachment gets one address.

use std::fmt;
use std::net::IpAddr;

use cni_core::spec::address;
use cni_core::{Error, Result};

use crate::conf::RangeConf;
use crate::range::Range;

/// At least one range, all of one family, no two with an address in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeSet(Vec<Range>);

impl RangeSet {
    /// Applies the defaults of every range and refuses contradictions.
    ///
    /// # Errors
    ///
    /// The reference's texts.
    pub fn new(confs: &[RangeConf]) -> Result<Self> {
        let mut ranges: Vec<Range> = Vec::with_capacity(confs.len());
        for conf in confs {
            let range = Range::new(conf)?;
            if ranges.first().is_some_and(|first| first.start.is_ipv4() != range.start.is_ipv4()) {
                return Err(Error::internal("mixed address families"));
            }
            ranges.push(range);
        }
        if ranges.is_empty() {
            return Err(Error::internal("empty range set"));
        }
        for (i, one) in ranges.iter().enumerate() {
            if let Some(other) = ranges[i + 1..].iter().find(|other| one.overlaps(other)) {
                return Err(Error::internal(format!("subnets {one} and {other} overlap")));
            }
        }
        Ok(Self(ranges))
    }

    /// Whether the addresses are IPv4.
    pub fn is_ipv4(&self) -> bool {
        self.0[0].start.is_ipv4()
    }

    /// The ranges, in the order of the configuration.
    pub fn ranges(&self) -> &[Range] {
        &self.0
    }

    /// Finds the range that `ip` lies in.
    pub fn find_range(&self, ip: IpAddr) -> Option<&Range> {
        self.0.iter().find(|range| range.contains(ip))
    }

    /// Whether two sets have an address in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.iter().any(|range| other.0.iter().any(|theirs| range.overlaps(theirs)))
    }

    /// How many addresses can be handed out.
    pub fn capacity(&self) -> u128 {
        self.0.iter().fold(0, |sum, range| sum.saturating_add(range.capacity()))
    }

    /// Every address that can be handed out, once, with its range: upwards from the one after
    /// `last`, around the end, to `last` itself. Without a `last` in the set, from the beginning.
    pub fn walk(&self, last: Option<IpAddr>) -> impl Iterator<Item = (IpAddr, &Range)> {
        let position = last.and_then(|last| {
            let range = self.0.iter().position(|range| range.contains(last))?;
            Some(self.following((range, last)))
        });
        let first = position.unwrap_or((0, self.0[0].start));
        std::iter::successors(Some(first), move |at| {
            Some(self.following(*at)).filter(|next| *next != first)
        })
        .map(|(range, ip)| (ip, &self.0[range]))
        .filter(|(ip, range)| *ip != range.gateway)
    }

    /// The address after one of a range, and its range; the last is followed by the first.
    fn following(&self, (range, ip): (usize, IpAddr)) -> (usize, IpAddr) {
        match address::next(ip).filter(|_| ip != self.0[range].end) {
            Some(next) => (range, next),
            None => {
                let range = (range + 1) % self.0.len();
                (range, self.0[range].start)
            }
        }
    }
}

/// As the reference's messages show it.
impl fmt::Display for RangeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.0.iter().enumerate() {
            write!(f, "{}{range}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use cni_core::spec::json;

    use super::*;

    fn set(text: &str) -> Result<RangeSet> {
        let confs: Vec<RangeConf> = json::from_slice(text.as_bytes())?;
        RangeSet::new(&confs)
    }

    /// The set of whole subnets.
    fn subnets(subnets: &[&str]) -> RangeSet {
        let confs: Vec<_> =
            subnets.iter().map(|subnet| serde_json::json!({"subnet": subnet})).collect();
        set(&serde_json::Value::from(confs).to_string()).expect("a good set")
    }

    fn walked(set: &RangeSet, last: Option<&str>) -> Vec<String> {
        let last = last.map(|last| last.parse().expect("an address"));
        set.walk(last).map(|(ip, _)| ip.to_string()).collect()
    }

    #[test]
    fn contradictions_are_refused() {
        for (text, refusal) in [
            ("[]", "empty range set"),
            ("[{}]", "IP <nil> not v4 nor v6"),
            (r#"[{"subnet":"10.1.0.0/16"},{"subnet":"fd00::/64"}]"#, "mixed address families"),
            (
                r#"[{"subnet":"10.1.0.0/22"},{"subnet":"10.1.2.0/24"}]"#,
                "subnets 10.1.0.1-10.1.3.254 and 10.1.2.1-10.1.2.254 overlap",
            ),
        ] {
            assert_eq!(set(text).expect_err(text).msg, refusal);
        }
        let halves = r#"[{"subnet":"10.1.0.0/24","rangeEnd":"10.1.0.99"},
                         {"subnet":"10.1.0.0/24","rangeStart":"10.1.0.100"}]"#;
        assert_eq!(
            set(halves).expect("disjoint").to_string(),
            "10.1.0.1-10.1.0.99,10.1.0.100-10.1.0.254"
        );
    }

    #[test]
    fn the_walk_goes_once_around_and_skips_the_gateway() {
        let whole = subnets(&["10.0.0.0/29"]);
        let all = ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"];
        assert_eq!(walked(&whole, None), all);
        assert_eq!(walked(&whole, Some("10.0.0.6")), all);
        assert_eq!(walked(&whole, Some("10.0.0.128")), all);
        assert_eq!(
            walked(&whole, Some("10.0.0.3")),
            ["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.2", "10.0.0.3"]
        );
        assert_eq!(whole.capacity(), 5);
    }

    #[test]
    fn the_walk_goes_through_all_ranges() {
        let three = subnets(&["10.0.0.0/30", "10.0.1.0/30", "10.0.2.0/30"]);
        assert_eq!(walked(&three, Some("10.0.0.2")), ["10.0.1.2", "10.0.2.2", "10.0.0.2"]);
        assert_eq!(walked(&three, Some("10.0.2.2")), ["10.0.0.2", "10.0.1.2", "10.0.2.2"]);
        let explicit = r#"[{"subnet":"10.0.0.0/29","rangeStart":"10.0.0.0","rangeEnd":"10.0.0.1","gateway":"10.0.0.6"},
                           {"subnet":"10.0.1.0/29","rangeStart":"10.0.1.0","rangeEnd":"10.0.1.1","gateway":"10.0.1.6"}]"#;
        let explicit = set(explicit).expect("a good set");
        assert_eq!(
            walked(&explicit, Some("10.0.0.1")),
            ["10.0.1.0", "10.0.1.1", "10.0.0.0", "10.0.0.1"]
        );
    }

    #[test]
    fn the_walk_stays_ipv6_and_in_the_range() {
        // The reference turns the address after ::ff:ffff into 1.0.0.0.
        let low = set(r#"[{"subnet":"::/96","rangeStart":"::ff:fffe","rangeEnd":"::100:1"}]"#)
            .expect("a good set");
        assert_eq!(walked(&low, None), ["::ff:fffe", "::ff:ffff", "::100:0", "::100:1"]);
        let highest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc/126";
        assert_eq!(walked(&subnets(&[highest]), None).len(), 2);
    }
}
