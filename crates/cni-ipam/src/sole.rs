//! What the plugins have in common whose attachment is one interface, and nothing on the host.

use cni_core::{AddResult, Cleanup, Context, Error, Interface, Request, Result, quote};
use linux_net::Link;

use crate::configure::Announcement;
use crate::container::{self, Container};
use crate::lease::Lease;
use crate::verify;

/// The interface as a result lists it.
pub fn listed(link: &Link, sandbox: &str) -> Interface {
    Interface {
        name: link.name.clone(),
        mac: link.mac.map(|mac| mac.to_string()).unwrap_or_default(),
        sandbox: sandbox.to_owned(),
        ..Interface::default()
    }
}

/// Puts a lease's addresses and routes onto the interface and makes it the result's only one.
///
/// # Errors
///
/// Those of [`Target::configure`](crate::configure::Target::configure).
pub fn configure(
    container: &Container<'_>,
    link: &Link,
    leased: AddResult,
    announcement: &Announcement,
) -> Result<AddResult> {
    let mut result = AddResult { interfaces: vec![listed(link, container.path)], ..leased };
    for ip in &mut result.ips {
        ip.interface = Some(0);
    }
    container.target(link).configure(&result, announcement)?;
    Ok(result)
}

/// Does the same, or without a lease only sets the interface up.
///
/// # Errors
///
/// The same; `failed to set … UP`.
pub fn configure_or_set_up(
    container: &Container<'_>,
    link: &Link,
    leased: Option<AddResult>,
    announcement: &Announcement,
) -> Result<AddResult> {
    if let Some(leased) = leased {
        return configure(container, link, leased, announcement);
    }
    container
        .rtnl
        .apply(linux_net::Request::set_up(link.index))
        .context(|| format!("failed to set {} UP", quote(container.ifname.as_str())))?;
    Ok(AddResult { interfaces: vec![listed(link, container.path)], ..AddResult::default() })
}

/// DEL: the interface goes and the lease is given back, neither waiting for the other.
pub fn del<C>(request: &Request<C>, cleanup: &mut Cleanup) {
    container::detach(request, cleanup, |_| Vec::new());
}

/// Texts of CHECK in which the reference's plugins differ.
pub struct Words<'a> {
    /// Says that there is no previous result.
    pub missing: &'a str,
    /// Begins what is said about a result of another namespace: `Sandbox`.
    pub sandbox: &'a str,
}

/// [`check_in_words`] of most plugins; `missing` says that there is no previous result.
///
/// # Errors
///
/// The first difference, in the reference's words.
pub fn check<C>(
    request: &Request<C>,
    container: &Container<'_>,
    missing: &str,
    check_link: impl FnOnce(&Interface) -> Result<()>,
) -> Result<()> {
    check_in_words(request, container, &Words { missing, sandbox: "Sandbox" }, check_link)
}

/// The part of CHECK that is the same for all: lease, previous result, own interface, addresses
/// and routes. `check_link` looks at the interface itself.
///
/// # Errors
///
/// The first difference, in the reference's words.
pub fn check_in_words<C>(
    request: &Request<C>,
    container: &Container<'_>,
    words: &Words<'_>,
    check_link: impl FnOnce(&Interface) -> Result<()>,
) -> Result<()> {
    let attachment = &request.attachment;
    if let Some(lease) = Lease::find(request)? {
        lease.check()?;
    }
    let previous = request.network.prev_result()?.ok_or_else(|| Error::internal(words.missing))?;
    let own = previous
        .interfaces
        .iter()
        .rfind(|i| i.name == attachment.ifname && i.sandbox == attachment.netns);
    let Some(own) = own else {
        return Err(Error::internal(format!(
            "{} in prevResult  doesn't match configured netns: {}",
            words.sandbox, attachment.netns
        )));
    };
    check_link(own)?;
    verify::addresses(&container.rtnl, &attachment.ifname, &previous)?;
    verify::routes(&container.rtnl, &attachment.ifname, &previous)
}
