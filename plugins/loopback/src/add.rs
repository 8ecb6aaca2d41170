//! ADD: sets `lo` up and reports its addresses, which the kernel adds by itself.

use std::fmt;

use cni_core::spec::address::Cidr;
use cni_core::{
    AddResult, Context, Error, Interface, IpConfig, Owned, Request, Result, Undo, quote,
};
use linux_net::{Family, Netns, Rtnl};

use crate::{Conf, LO};

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let previous = request.network.prev_result().context(|| "failed to parse prevResult")?;
    let netns = Netns::open(&request.attachment.netns)?;
    let rtnl = Rtnl::open(&netns)?;
    let lo = rtnl.get_link(LO)?;
    if !lo.is_up() {
        undo.own(Raised(Rtnl::open(&netns)?));
    }
    rtnl.apply(linux_net::Request::set_up(lo.index))?;

    let mut ips = Vec::new();
    for family in [Family::V4, Family::V6] {
        let addresses = rtnl.list_addresses(lo.index, family)?;
        if let Some(stranger) = addresses.iter().find(|a| !a.network.ip().is_loopback()) {
            return Err(Error::internal(format!(
                "loopback interface found with non-loopback address {}",
                quote(&stranger.network.ip().to_string())
            )));
        }
        ips.extend(addresses.first().map(|address| IpConfig {
            interface: Some(0),
            address: Some(Cidr(address.network)),
            gateway: None,
        }));
    }
    Ok(previous.unwrap_or_else(|| AddResult {
        interfaces: vec![Interface {
            name: LO.to_owned(),
            mac: "00:00:00:00:00:00".to_owned(),
            sandbox: request.attachment.netns.clone(),
            ..Interface::default()
        }],
        ips,
        ..AddResult::default()
    }))
}

/// A loopback interface that was down before; the socket is in its namespace.
struct Raised(Rtnl);

impl Owned for Raised {
    fn remove(&self) -> Result<()> {
        self.0.apply(linux_net::Request::set_down(LO))?;
        Ok(())
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interface {LO} being up")
    }
}
