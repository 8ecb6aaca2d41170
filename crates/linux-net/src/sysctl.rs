//! Kernel settings under `/proc/sys`, of the calling thread's network namespace.
//!
//! Names are paths below `/proc/sys` with `/` as separator (`net/ipv4/conf/eth0.100/arp_notify`),
//! so interface names may contain dots.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

use crate::errno_text::errno_text;
use crate::{Error, Family, Netns, Result};

/// Reads a setting, without the final line feed.
///
/// # Errors
///
/// `is_missing()` when there is no such setting.
pub fn read(name: &str) -> Result<String> {
    let setting = Setting::new("read", name);
    let file = setting.open(OFlag::O_RDONLY)?;
    let mut text = Vec::new();
    let mut part = [0; 512];
    loop {
        match nix::unistd::read(&file, &mut part) {
            Ok(0) => break,
            Ok(len) => text.extend_from_slice(&part[..len]),
            Err(errno) => return Err(setting.refusal("read", errno)),
        }
    }
    if text.last() == Some(&b'\n') {
        text.pop();
    }
    String::from_utf8(text).map_err(|_| setting.refusal("read", Errno::EILSEQ))
}

/// Writes a setting, which must exist.
///
/// # Errors
///
/// When there is no such setting, `/proc/sys` is read-only or no procfs, or the kernel refuses
/// the value.
pub fn write(name: &str, value: &str) -> Result<()> {
    let setting = Setting::new("write", name);
    fault_point::effect("write sysctl").map_err(|_| setting.refusal("write", Errno::EIO))?;
    let file = setting.open(OFlag::O_WRONLY)?;
    // Where something else is mounted over /proc/sys, a file of that name is no setting.
    match fstatfs(&file) {
        Ok(file_system) if file_system.filesystem_type() == PROC_SUPER_MAGIC => {}
        Ok(_) => return Err(setting.refusal("write", Errno::EINVAL)),
        Err(errno) => return Err(setting.refusal("statfs", errno)),
    }
    match nix::unistd::write(&file, value.as_bytes()) {
        Ok(_) => Ok(()),
        Err(errno) => Err(setting.refusal("write", errno)),
    }
}

/// Writes several `(name, value)` inside `netns`; all are tried, each has its own result.
///
/// # Errors
///
/// When the namespace cannot be entered.
pub fn write_in<N: AsRef<str>>(netns: &Netns, settings: &[(N, &str)]) -> Result<Vec<Result<()>>> {
    let write_here = |(name, value): &(N, &str)| {
        write(name.as_ref(), value).map_err(|error| error.with_namespace(Some(netns.path())))
    };
    netns.run(|| settings.iter().map(write_here).collect())
}

/// Writes several `(name, value)` inside `netns`, in order, up to the first that is refused. What
/// was there before is added to `replaced`, where it can be read.
///
/// # Errors
///
/// The refusal; see [`write()`].
pub fn replace_in(
    netns: &Netns,
    settings: &[(&str, &str)],
    replaced: &mut Vec<(String, String)>,
) -> Result<()> {
    let mut replace = |(name, value): &(&str, &str)| {
        let before = read(name);
        write(name, value).map_err(|error| error.with_namespace(Some(netns.path())))?;
        replaced.extend(before.map(|before| ((*name).to_owned(), before)));
        Ok(())
    };
    netns.run(|| settings.iter().try_for_each(&mut replace))?
}

/// Makes the calling thread's namespace forward packets of `family`.
///
/// Writes only when it does not yet, so a read-only `/proc/sys` is no error then.
///
/// # Errors
///
/// When the setting can be neither found switched on nor switched on.
pub fn ensure_forwarding(family: Family) -> Result<()> {
    let name = match family {
        Family::V4 => "net/ipv4/ip_forward",
        Family::V6 => "net/ipv6/conf/all/forwarding",
    };
    if read(name)?.trim() == "1" { Ok(()) } else { write(name, "1") }
}

/// A setting, and what is done with it.
struct Setting<'a> {
    operation: &'static str,
    name: &'a str,
    path: String,
}

impl<'a> Setting<'a> {
    fn new(operation: &'static str, name: &'a str) -> Self {
        Self { operation, name, path: format!("/proc/sys/{name}") }
    }

    fn open(&self, access: OFlag) -> Result<OwnedFd> {
        // There are no links among the settings, only where something else is mounted over them.
        let flags = access | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        open(self.path.as_str(), flags, Mode::empty()).map_err(|errno| self.refusal("open", errno))
    }

    fn refusal(&self, call: &str, errno: Errno) -> Error {
        let short = format!("{call} {}: {}", self.path, errno_text(errno));
        let object = format!("sysctl {:?}", self.name);
        Error::new(self.operation, object, errno).with_short(short)
    }
}
