//! Kernel settings under `/proc/sys`, of the calling thread's network namespace.
//!
//! Names are paths below `/proc/sys` with `/` as separator (`net/ipv4/conf/eth0.100/arp_notify`),
//! so interface names may contain dots.

use crate::{Family, Netns, Result};

/// Reads a setting, without the final line feed.
///
/// # Errors
///
/// `is_missing()` when there is no such setting.
pub fn read(name: &str) -> Result<String> {
    todo!("{name}")
}

/// Writes a setting, which must exist.
///
/// # Errors
///
/// When there is no such setting, `/proc/sys` is read-only or no procfs, or the kernel refuses
/// the value.
pub fn write(name: &str, value: &str) -> Result<()> {
    todo!("{name} {value}")
}

/// Writes several `(name, value)` inside `netns`; all are tried, each has its own result.
///
/// # Errors
///
/// When the namespace cannot be entered.
pub fn write_in<N: AsRef<str>>(netns: &Netns, settings: &[(N, &str)]) -> Result<Vec<Result<()>>> {
    netns.run(|| settings.iter().map(|(name, value)| write(name.as_ref(), value)).collect())
}

/// Makes the calling thread's namespace forward packets of `family`.
///
/// Writes only when it does not yet, so a read-only `/proc/sys` is no error then.
///
/// # Errors
///
/// When the setting can be neither found switched on nor switched on.
pub fn ensure_forwarding(family: Family) -> Result<()> {
    todo!("{family:?}")
}
