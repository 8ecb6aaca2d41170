//! The container's kernel settings.

use std::fmt;
use std::rc::Rc;

use cni_core::{Owned, Result, Undo};
use linux_net::{Netns, sysctl};

use crate::plan::Sysctl;

/// Writes settings in their order. Those before a refused one are taken back with the ADD.
///
/// # Errors
///
/// The first refusal.
pub(crate) fn write(netns: &Rc<Netns>, sysctls: &[Sysctl], undo: &mut Undo) -> Result<()> {
    if sysctls.is_empty() {
        return Ok(());
    }
    let settings: Vec<_> =
        sysctls.iter().map(|sysctl| (sysctl.name.as_str(), sysctl.value.as_str())).collect();
    let mut replaced = Vec::new();
    let outcome = sysctl::replace_in(netns, &settings, &mut replaced);
    undo.own(Replaced { netns: Rc::clone(netns), before: replaced });
    Ok(outcome?)
}

/// Settings that a running ADD has written. When it is done they are the container's, and end with
/// its namespace.
struct Replaced {
    netns: Rc<Netns>,
    /// Name and value.
    before: Vec<(String, String)>,
}

impl Owned for Replaced {
    fn remove(&self) -> Result<()> {
        // A write without any byte is none, and some settings can be empty.
        let lines: Vec<_> =
            self.before.iter().rev().map(|(name, value)| (name, format!("{value}\n"))).collect();
        let settings: Vec<_> = lines.iter().map(|(name, line)| (name, line.as_str())).collect();
        let outcomes = sysctl::write_in(&self.netns, &settings)?;
        Ok(outcomes.into_iter().collect::<linux_net::Result<()>>()?)
    }
}

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.before.iter().map(|(name, _)| name.as_str()).collect();
        write!(f, "changed sysctls {}", names.join(", "))
    }
}
