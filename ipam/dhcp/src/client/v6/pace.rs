//! How long to wait for an answer before asking again (RFC 8415 sections 7.6 and 15).

use std::time::Duration;

use crate::client::{Moment, Random, vary};

/// The pace of one kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// IRT: the first wait.
    first: Duration,
    /// MRT: the longest wait.
    longest: Duration,
    /// MRC: how often it is sent; none: for as long as there is time.
    times: Option<u32>,
}

const fn pace(first: u64, longest: u64, times: Option<u32>) -> Pace {
    Pace { first: Duration::from_secs(first), longest: Duration::from_secs(longest), times }
}

pub(super) const SOLICIT: Pace = pace(1, 3600, None);
pub(super) const REQUEST: Pace = pace(1, 30, Some(10));
pub(super) const RENEW: Pace = pace(10, 600, None);
pub(super) const REBIND: Pace = pace(10, 600, None);
pub(super) const INFORMATION: Pace = pace(1, 3600, None);

impl Pace {
    /// The same with no longer waits than this.
    pub(super) fn at_most(self, longest: Duration) -> Self {
        Self { longest: self.longest.min(longest).max(self.first), ..self }
    }
}

/// The waits of one message, each about twice as long as the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waits {
    pace: Pace,
    latest: Option<Duration>,
    sent: u32,
}

impl Waits {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, latest: None, sent: 0 }
    }

    /// Whether the message has been sent once.
    pub(super) fn is_first(&self) -> bool {
        self.sent == 1
    }

    /// Whether the message has been sent as often as it may be.
    pub(super) fn are_over(&self) -> bool {
        self.pace.times.is_some_and(|times| self.sent >= times)
    }

    /// When to ask again; counts a message as sent.
    pub(super) fn next(&mut self, now: Moment, random: Random) -> Moment {
        let Pace { first, longest, .. } = self.pace;
        let wait = match self.latest {
            None => vary(first, first / 10, random),
            // Twice as long, and a tenth of it up or down.
            Some(latest) => latest + vary(latest, latest / 10, random),
        };
        let wait = if wait > longest { vary(longest, longest / 10, random) } else { wait };
        self.latest = Some(wait);
        self.sent += 1;
        now + wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds at which a message is sent, within a minute.
    fn sends(pace: Pace, random: Random) -> Vec<u64> {
        let mut waits = Waits::new(pace);
        let mut now = Moment::ZERO;
        let mut at = Vec::new();
        while now < Duration::from_secs(60) && !waits.are_over() {
            at.push(now.as_millis() as u64 / 100);
            now = waits.next(now, random);
        }
        at
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        // All as short as they can be.
        assert_eq!(sends(REQUEST, || 0), [0, 9, 26, 58, 120, 237, 460]);
        assert_eq!(sends(REQUEST.at_most(Duration::from_secs(2)), || 0).len(), 10);
        assert_eq!(sends(SOLICIT.at_most(Duration::from_secs(4)), || 0)[..5], [0, 9, 26, 58, 94]);
    }
}
