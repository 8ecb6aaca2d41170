//! How long to wait for an answer before asking again, and before starting over.

use std::time::Duration;

use super::Moment;

/// What the daemon's flags say about waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    /// `-timeout`: an exchange is given up after seven times this.
    pub(crate) timeout: Duration,
    /// `-resendmax`: the pause between attempts grows up to about this.
    pub(crate) resend_max: Duration,
    /// `-resendtimeout`: the time for all attempts.
    pub(crate) resend_timeout: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            resend_max: Duration::from_secs(62),
            resend_timeout: Duration::from_secs(208),
        }
    }
}

/// The first wait for an answer. A packet is lost most often because a link has just come up and the
/// bridge behind it does not forward yet, and then the next one gets through.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// So many pauses are short.
const QUICK_PAUSES: u32 = 4;
const QUICK_PAUSE: Duration = Duration::from_secs(2);

/// A pause is varied by so much, to keep clients from asking in step.
const PAUSE_JITTER: Duration = Duration::from_secs(1);

/// Draws a number; the machine is pure, so it is told where from.
pub(crate) type Random = fn() -> u64;

/// Varies a time by up to `by` in either direction.
pub(crate) fn vary(time: Duration, by: Duration, random: Random) -> Duration {
    let width = u64::try_from(by.as_millis()).unwrap_or(u64::MAX).saturating_mul(2).max(1);
    (time + Duration::from_millis((random() & 0xffff_ffff) % width)).saturating_sub(by)
}

/// The waits of one exchange: each twice as long as the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waits {
    next: Duration,
    longest: Duration,
    /// When the exchange is given up.
    pub(super) end: Moment,
}

impl Waits {
    pub(super) fn start(timing: &Timing, now: Moment) -> Self {
        Self {
            next: timing.timeout.min(FIRST_WAIT),
            longest: timing.timeout * 4,
            end: now + timing.timeout * 7,
        }
    }

    /// When to ask again.
    pub(super) fn next(&mut self, now: Moment, random: Random) -> Moment {
        let wait = vary(self.next, self.next / 10, random);
        self.next = (self.next * 2).min(self.longest);
        (now + wait).min(self.end)
    }
}

/// The pauses between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pauses {
    quick: u32,
    slow: Duration,
}

impl Pauses {
    pub(super) fn new() -> Self {
        Self { quick: QUICK_PAUSES, slow: Duration::from_secs(4) }
    }

    /// The next pause.
    pub(super) fn next(&mut self, timing: &Timing, random: Random) -> Duration {
        let pause = if self.quick > 0 {
            self.quick -= 1;
            QUICK_PAUSE
        } else {
            if self.slow < timing.resend_max {
                self.slow *= 2;
            }
            self.slow
        };
        vary(pause, PAUSE_JITTER, random)
    }
}

/// When to ask for an extension again: after half of what is left until `end` (RFC 2131 section
/// 4.4.5), but at the end at the latest, and not too often for the length of the lease.
pub(super) fn extension_wait(now: Moment, end: Moment, lifetime: Duration) -> Moment {
    let least = (lifetime / 20).clamp(Duration::from_secs(1), Duration::from_secs(60));
    (now + (end.saturating_sub(now) / 2).max(least)).min(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn middle() -> u64 {
        0
    }

    /// The seconds at which an exchange sends, without jitter downwards.
    fn sends(timeout: u64) -> Vec<u64> {
        let timing = Timing { timeout: SECOND * timeout as u32, ..Timing::default() };
        let mut waits = Waits::start(&timing, Moment::ZERO);
        let mut at = vec![0];
        let mut now = Moment::ZERO;
        while now < waits.end {
            now = waits.next(now, || 400);
            at.push(now.as_secs());
        }
        at
    }

    #[test]
    fn an_exchange_takes_seven_timeouts_whatever_its_pace() {
        assert_eq!(sends(1).last(), Some(&7));
        assert_eq!(sends(2).last(), Some(&14));
        assert_eq!(sends(10).last(), Some(&70));
        assert_eq!(sends(10)[1], 0, "the first repetition does not wait for the timeout");
    }

    #[test]
    fn pauses_are_quick_first_and_then_double_up_to_the_limit() {
        let pauses = |resend_max| {
            let timing = Timing { resend_max: SECOND * resend_max, ..Timing::default() };
            let mut pauses = Pauses::new();
            let next = |_| (pauses.next(&timing, middle) + PAUSE_JITTER).as_secs();
            (0..9).map(next).collect::<Vec<_>>()
        };
        assert_eq!(pauses(62), [2, 2, 2, 2, 8, 16, 32, 64, 64]);
        assert_eq!(pauses(4), [2, 2, 2, 2, 4, 4, 4, 4, 4]);
    }

    #[test]
    fn extensions_are_asked_for_more_often_towards_the_end() {
        let hour = SECOND * 3600;
        let next = |now: u64, end: u64, lifetime| {
            extension_wait(SECOND * now as u32, SECOND * end as u32, lifetime).as_secs()
        };
        assert_eq!(next(0, 1800, hour), 900);
        assert_eq!(next(1700, 1800, hour), 1760, "not sooner than after a minute");
        assert_eq!(next(1790, 1800, hour), 1800, "but not after the end");
        assert_eq!(next(5, 9, SECOND * 10), 7);
    }
}
