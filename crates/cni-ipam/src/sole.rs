//! What the plugins have in common whose attachment is one interface, and nothing on the host.

use cni_core::{AddResult, Cleanup, Error, Interface, Request, Result};
use linux_net::{Link, Netns, Rtnl};

use crate::configure::{Announcement, Target};
use crate::container::{self, Departure};
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
/// Those of [`Target::configure`].
pub fn configure(
    target: &Target<'_>,
    interface: Interface,
    leased: AddResult,
    announcement: &Announcement,
) -> Result<AddResult> {
    let mut result = AddResult { interfaces: vec![interface], ..leased };
    for ip in &mut result.ips {
        ip.interface = Some(0);
    }
    target.configure(&result, announcement)?;
    Ok(result)
}

/// DEL: the interface goes and the lease is given back, neither waiting for the other.
pub fn del<C>(request: &Request<C>, cleanup: &mut Cleanup) {
    let departure = match container::open_if_present(&request.attachment.netns) {
        Ok(container) => {
            container.map(|container| Departure::start(container, &request.attachment.ifname))
        }
        Err(error) => {
            cleanup.record(Err(error));
            None
        }
    };
    if !request.network.ipam.plugin_type.is_empty() {
        let removal = Lease::find(request).and_then(|lease| lease.start_removal());
        cleanup.record(removal.and_then(|removal| removal.finish()));
    }
    if let Some(departure) = departure {
        cleanup.record(departure.finish());
    }
}

/// The part of CHECK that is the same for all: lease, previous result, own interface, addresses
/// and routes. `check_link` looks at the interface itself, with a socket in its namespace.
///
/// # Errors
///
/// The first difference, in the reference's words. `missing` is the text for a missing previous
/// result.
pub fn check<C>(
    request: &Request<C>,
    netns: &Netns,
    missing: &str,
    check_link: impl FnOnce(&Rtnl, &Interface) -> Result<()>,
) -> Result<()> {
    let attachment = &request.attachment;
    if !request.network.ipam.plugin_type.is_empty() {
        Lease::find(request)?.check()?;
    }
    let previous =
        request.network.prev_result()?.ok_or_else(|| Error::internal(missing.to_owned()))?;
    let own = previous
        .interfaces
        .iter()
        .rfind(|i| i.name == attachment.ifname && i.sandbox == attachment.netns);
    let Some(own) = own else {
        return Err(Error::internal(format!(
            "Sandbox in prevResult  doesn't match configured netns: {}",
            attachment.netns
        )));
    };
    let rtnl = Rtnl::open(netns)?;
    check_link(&rtnl, own)?;
    verify::addresses(&rtnl, &attachment.ifname, &previous)?;
    verify::routes(&rtnl, &previous)
}
