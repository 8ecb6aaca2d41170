//! A limit in the kernel's numbers.

use linux_net::TokenBucket;

/// How long a packet may wait, in microseconds.
const LATENCY: f64 = 25_000.0;
/// Microseconds of a second.
const SECOND: f64 = 1_000_000.0;
/// The kernel counts in 64 ns (`PSCHED_SHIFT` of `net/pkt_sched.h`, since 2.6.31).
const TICKS_PER_MICROSECOND: f64 = 1000.0 / 64.0;

/// What may pass in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Bytes per second, at least 1.
    pub(crate) rate: u64,
    /// Bytes, at least 1.
    pub(crate) burst: u32,
}

impl Limit {
    /// The bucket; what is too much for the kernel's 32 bits is as much as they hold.
    pub(crate) fn bucket(self) -> TokenBucket {
        self.bucket_with(|number| number as u32)
    }

    /// Tells whether this is the bucket, or the reference's.
    pub(crate) fn find_mismatch(self, found: TokenBucket) -> Option<&'static str> {
        // Reference: what is too much loses its upper bits, on x86 at least.
        let [own, other] = [self.bucket(), self.bucket_with(|number| number as u64 as u32)];
        if found.rate != self.rate {
            Some("Rate doesn't match")
        } else if ![own.limit, other.limit].contains(&found.limit) {
            Some("Limit doesn't match")
        } else if ![own.buffer, other.buffer].contains(&found.buffer) {
            Some("Buffer doesn't match")
        } else {
            None
        }
    }

    /// The bucket in numbers made to `fit`. The steps are the reference's, as they round.
    fn bucket_with(self, fit: fn(f64) -> u32) -> TokenBucket {
        let (rate, burst) = (self.rate as f64, f64::from(self.burst));
        let waiting = fit(rate * LATENCY / SECOND);
        let duration = fit(burst * SECOND / rate);
        TokenBucket {
            rate: self.rate,
            limit: fit(f64::from(waiting) + burst),
            buffer: fit(f64::from(duration) * TICKS_PER_MICROSECOND),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(rate: u64, burst: u32) -> TokenBucket {
        Limit { rate, burst }.bucket()
    }

    #[test]
    fn buckets_are_the_reference_ones() {
        for (rate, burst, buffer, limit) in [
            (1, 1, 15_625_000, 1),
            (2, 1, 7_812_500, 1),
            (1000, 10, 156_250, 35),
            (125_000, 100_000, 12_500_000, 103_125),
            (125_000_000, 125_000_000, 15_625_000, 128_125_000),
        ] {
            assert_eq!(bucket(rate, burst), TokenBucket { rate, limit, buffer });
        }
    }

    #[test]
    fn too_much_is_as_much_as_there_is_room_for() {
        assert_eq!(bucket(1_000_000_000, u32::MAX - 1).limit, u32::MAX);
        assert_eq!(bucket(u64::MAX, 1).limit, u32::MAX);
        // What Kubernetes asks for where it means no limit of the burst.
        assert_eq!(bucket(125_000, 268_435_455).buffer, u32::MAX);
    }

    #[test]
    fn every_difference_is_told() {
        let limit = Limit { rate: 125_000, burst: 268_435_455 };
        let bucket = limit.bucket();
        assert_eq!(limit.find_mismatch(bucket), None);
        for (found, mismatch) in [
            (TokenBucket { rate: 1, limit: 1, buffer: 1 }, "Rate doesn't match"),
            (TokenBucket { limit: 1, buffer: 1, ..bucket }, "Limit doesn't match"),
            (TokenBucket { buffer: 1, ..bucket }, "Buffer doesn't match"),
        ] {
            assert_eq!(limit.find_mismatch(found), Some(mismatch));
        }
    }

    /// As the reference writes them on x86.
    #[test]
    fn buckets_of_the_reference_match() {
        let limit = Limit { rate: 125_000, burst: 268_435_455 };
        let found = TokenBucket { buffer: 3_489_660_803, ..limit.bucket() };
        assert_eq!(limit.find_mismatch(found), None);
        let limit = Limit { rate: 1_000_000_000, burst: u32::MAX - 1 };
        let found = TokenBucket { limit: 24_999_998, ..limit.bucket() };
        assert_eq!(limit.find_mismatch(found), None);
    }
}
