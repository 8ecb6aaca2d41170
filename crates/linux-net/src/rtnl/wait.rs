//! Waiting for the kernel: operational state, duplicate address detection.

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use crate::{Family, LinkRef, OperState, Result, Rtnl};

/// How waiting for duplicate address detection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// No address is tentative any more.
    Yes,
    /// Another host has this address.
    Duplicate(IpAddr),
    /// Time ran out and some address is still tentative.
    TimedOut,
}

/// Pauses between looks, the last one again and again: usually the first look suffices, and a
/// port that carries spanning tree takes seconds.
const PAUSES_MICROSECONDS: [u64; 6] = [200, 1_000, 2_000, 5_000, 10_000, 20_000];

impl Rtnl {
    /// Waits until a link is operationally up, at most `limit`, and returns the last state.
    ///
    /// # Errors
    ///
    /// When the link cannot be looked up.
    pub fn wait_operstate_up<'a>(
        &self,
        link: impl Into<LinkRef<'a>>,
        limit: Duration,
    ) -> Result<OperState> {
        let link = link.into();
        look_until(limit, || {
            let state = self.get_link(link)?.operstate;
            Ok((state == OperState::Up, state))
        })
    }

    /// Waits until no IPv6 address of the link with index `index` is tentative.
    ///
    /// # Errors
    ///
    /// When the addresses cannot be listed.
    pub fn wait_addresses_settled(&self, index: u32, limit: Duration) -> Result<Settled> {
        look_until(limit, || {
            // The first address that is not clean decides, in the kernel's order.
            let addresses = self.list_addresses(index, Family::V6)?;
            let unclean = addresses.iter().find(|a| a.is_duplicate() || a.is_tentative());
            Ok(match unclean {
                None => (true, Settled::Yes),
                Some(address) if address.is_duplicate() => {
                    (true, Settled::Duplicate(address.network.ip()))
                }
                Some(_) => (false, Settled::TimedOut),
            })
        })
    }
}

/// Looks until a look is final or `limit` has passed, and returns what the last look saw.
fn look_until<T>(limit: Duration, mut look: impl FnMut() -> Result<(bool, T)>) -> Result<T> {
    let deadline = Instant::now() + limit;
    let mut pauses = PAUSES_MICROSECONDS.iter();
    let mut pause = Duration::ZERO;
    loop {
        let (is_final, seen) = look()?;
        let left = deadline.saturating_duration_since(Instant::now());
        if is_final || left.is_zero() {
            return Ok(seen);
        }
        pause = pauses.next().map_or(pause, |pause| Duration::from_micros(*pause));
        thread::sleep(pause.min(left));
    }
}
