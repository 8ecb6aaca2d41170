//! The masquerade rules of an attachment (`ipMasq`), over the plugin's whole life.

use std::fmt;
use std::net::IpAddr;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{AddResult, Attachment, Cleanup, Code, Error, Owned, Request, Result, Undo};
use linux_net::{Address, Family, Rtnl};
use netfilter::masquerade::{self, Backend, Known, Masquerade, choose_backend};

/// The masquerade rules of one attachment.
pub struct MasqueradeRules {
    masquerade: Masquerade,
    sources: Sources,
}

/// Which addresses the rules of an attachment are for.
enum Sources {
    /// These.
    Are(Vec<IpAddr>),
    /// Unknown, but not these, which the container's other interfaces have.
    AreNot(Vec<IpAddr>),
}

impl MasqueradeRules {
    /// Masquerades what the result's addresses send to other networks than their own.
    ///
    /// # Errors
    ///
    /// The backend's.
    pub fn install<C>(
        request: &Request<C>,
        backend: Backend,
        result: &AddResult,
        undo: &mut Undo,
    ) -> Result<()> {
        let addresses: Vec<_> = result.ips.iter().filter_map(|ip| ip.address).collect();
        let sources = addresses.iter().map(|address| address.ip()).collect();
        let rules = Self::of(request, Sources::Are(sources));
        let masquerade = rules.masquerade.clone();
        undo.own(rules);
        let networks: Vec<_> = addresses.iter().map(|address| address.0).collect();
        masquerade.install(backend, &networks)?;
        Ok(())
    }

    /// Finds out which rules a DEL has to remove; `container` is a socket in the container's
    /// namespace, if that is still there. To be called before the interface goes.
    ///
    /// The chain is shared by all interfaces of the container in this network, so what the others
    /// have is kept.
    pub fn find<C>(request: &Request<C>, container: Option<&Rtnl>) -> Self {
        Self::of(request, sources(request, container))
    }

    fn of<C>(request: &Request<C>, sources: Sources) -> Self {
        let Attachment { container_id, ifname, .. } = &request.attachment;
        Self {
            masquerade: Masquerade {
                network: request.network.name.clone(),
                container_id: container_id.clone(),
                ifname: ifname.clone(),
            },
            sources,
        }
    }
}

impl Owned for MasqueradeRules {
    fn remove(&self) -> Result<()> {
        self.masquerade.remove(match &self.sources {
            Sources::Are(addresses) => Known::Addresses(addresses),
            Sources::AreNot(addresses) => Known::KeepAddresses(addresses),
        })?;
        Ok(())
    }
}

impl fmt::Display for MasqueradeRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("masquerade rules")
    }
}

fn sources<C>(request: &Request<C>, container: Option<&Rtnl>) -> Sources {
    let previous = request.network.prev_result().ok().flatten().unwrap_or_default();
    let mut addresses: Vec<IpAddr> =
        previous.ips.iter().filter_map(|ip| Some(ip.address?.ip())).collect();
    let Some(container) = container else {
        return match addresses.is_empty() {
            true => Sources::AreNot(Vec::new()),
            false => Sources::Are(addresses),
        };
    };
    let listed = |list: &dyn Fn(Family) -> linux_net::Result<Vec<Address>>| {
        let families = [Family::V4, Family::V6].into_iter();
        let addresses = families.filter_map(|family| list(family).ok()).flatten();
        addresses.map(|address| address.network.ip()).collect::<Vec<_>>()
    };
    match container.find_link(request.attachment.ifname.as_str()) {
        Ok(Some(link)) => {
            addresses.extend(listed(&|family| container.list_addresses(link.index, family)));
        }
        // The interface is gone, and only the others can tell which addresses were not its own.
        _ if addresses.is_empty() => {
            return Sources::AreNot(listed(&|family| container.list_all_addresses(family)));
        }
        _ => (),
    }
    Sources::Are(addresses)
}

/// Removes the rules of this network's attachments that are not valid any more.
pub fn collect_garbage<C>(request: &Request<C>, valid: &[ValidAttachment], cleanup: &mut Cleanup) {
    let valid: Vec<_> = valid
        .iter()
        .map(|attachment| (attachment.container_id.as_str(), attachment.ifname.as_str()))
        .collect();
    let collected = masquerade::collect_garbage(&request.network.name, &valid);
    cleanup.record(collected.map_err(Into::into));
}

/// Says whether rules could be installed now; `configured` is the key `ipMasqBackend`.
///
/// # Errors
///
/// Code 50 when they could not; `unknown ipmasq backend …`.
pub fn status(configured: Option<&str>) -> Result<()> {
    if choose_backend(configured)?.is_usable() {
        return Ok(());
    }
    Err(Error::new(
        Code::NOT_AVAILABLE,
        "ipMasq is set, but neither iptables nor nf_tables can be used here as configured",
    )
    .with_details(format!("ipMasqBackend is {configured:?}")))
}
