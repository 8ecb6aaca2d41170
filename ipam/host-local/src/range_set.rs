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

    /// The ranges, in the order in which they are used.
    pub fn ranges(&self) -> &[Range] {
        &self.0
    }

    /// Whether the addresses are IPv4.
    pub fn is_ipv4(&self) -> bool {
        self.0[0].start.is_ipv4()
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
