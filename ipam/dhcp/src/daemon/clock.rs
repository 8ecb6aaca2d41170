//! Time as leases count it.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{self, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId, clock_gettime};

use crate::client::Moment;

/// How long the machine has been running, suspension included. No clock step changes it, and no
/// other life of the machine has the same.
pub(crate) fn now() -> Moment {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from);
    time.expect("every kernel has this clock")
}

/// What wakes the loop. A wait of `poll` would stand still while the machine is suspended.
pub(super) struct Alarm(TimerFd);

impl Alarm {
    pub(super) fn new() -> nix::Result<Self> {
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        TimerFd::new(timerfd::ClockId::CLOCK_BOOTTIME, flags).map(Self)
    }

    /// Rings at this moment, or not at all.
    pub(super) fn set(&self, at: Option<Moment>) -> nix::Result<()> {
        // A time of 0 would stop the timer.
        let at = at.map(|at| Expiration::OneShot(TimeSpec::from(at.max(Moment::from_nanos(1)))));
        match at {
            Some(at) => self.0.set(at, TimerSetTimeFlags::TFD_TIMER_ABSTIME),
            None => self.0.unset(),
        }
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The time of day for the log, in UTC: `2006/01/02 15:04:05`.
pub(crate) fn stamp() -> String {
    let since_epoch = clock_gettime(ClockId::CLOCK_REALTIME).map(Duration::from);
    written(since_epoch.unwrap_or_default().as_secs())
}

fn written(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// The date of a day counted from 1 January 1970. Years begin in March here, so that the day a leap
/// year has more is the last one.
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let leap_days = day_of_era / 1_460 + day_of_era / 146_096 - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let january_first = month >= 10;
    let month = if january_first { month - 9 } else { month + 3 };
    (year_of_era + era * 400 + u64::from(january_first), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970/01/01 00:00:00"),
            (951_782_399, "2000/02/28 23:59:59"),
            (951_782_400, "2000/02/29 00:00:00"),
            (1_136_214_245, "2006/01/02 15:04:05"),
            (4_107_542_400, "2100/03/01 00:00:00"),
        ] {
            assert_eq!(written(seconds), text);
        }
    }
}
