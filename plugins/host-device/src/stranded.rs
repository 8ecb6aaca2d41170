//! A device whose container died with it inside: the kernel puts it back onto the host, under the
//! container's name for it or as `dev<number>`, and leaves the alias.

use cni_core::{Context, Result, quote};
use linux_net::{Link, Request, Rtnl};

use crate::device::{Source, original_name};

/// Gives a stranded device its name back; there may be none.
///
/// # Errors
///
/// When the name has been taken meanwhile.
pub(crate) fn restore(host: &Rtnl, source: &Source, ifname: &str) -> Result<()> {
    let candidates = match source {
        Source::Name(name) => match host.find_link(name.as_str())? {
            Some(link) => vec![link],
            None => host.list_links_with_alias(name)?,
        },
        // A device that is not there has not come back.
        other => other.links(host).unwrap_or_default(),
    };
    let Some(link) = candidates.into_iter().find(|link| is_stranded(link, source, ifname)) else {
        return Ok(());
    };
    let Some(original) = original_name(&link) else {
        return Ok(());
    };
    if link.is_up() && link.name != original.as_str() {
        // Older kernels rename only what is down.
        host.apply(Request::set_down(link.index))?;
    }
    host.apply(Request::set_name_and_alias(link.index, &original, "")).context(|| {
        format!("failed to rename device {} to {}", quote(&link.name), quote(original.as_str()))
    })
}

/// Tells a stranded device from one that only has an alias of its own: it has one of the names that
/// such devices get, and its alias is the configured name, or else it is still down.
fn is_stranded(link: &Link, source: &Source, ifname: &str) -> bool {
    let Some(original) = original_name(link) else {
        return false;
    };
    let is_fallback = |name: &str| {
        let number = name.strip_prefix("dev").unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    let has_such_a_name =
        link.name == ifname || link.name == original.as_str() || is_fallback(&link.name);
    let is_configured = matches!(source, Source::Name(name) if name == original.as_str());
    has_such_a_name && (is_configured || !link.is_up())
}
