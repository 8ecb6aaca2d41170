//! ADD: the link, and what the IPAM plugin wants on it.

use cni_core::{AddResult, Context, Request, Result, Undo, quote};
use cni_ipam::configure::{Announcement, Detection};
use cni_ipam::container::Container;
use cni_ipam::lease::Lease;
use cni_ipam::link::ContainerLink;
use cni_ipam::sole;
use linux_net::{LinkKind, NewLink, NewLinkError};

use crate::conf::{Conf, require_ipam};

pub(crate) fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    require_ipam(request)?;
    let lease = Lease::get(request)?;
    let container = Container::open(&request.attachment)?;

    let name = &container.ifname;
    let dummy = NewLink { name, mac: None, mtu: None, kind: LinkKind::Dummy };
    let made = container.rtnl.create_link(&dummy);
    let step = match &made {
        Err(NewLinkError::LookUp(_)) => format!("failed to fetch dummy{}", quote(name.as_str())),
        _ => "failed to create dummy".to_owned(),
    };
    let link = made.context(|| step)?;
    undo.own(ContainerLink::new(container.path, &link));

    let leased = lease.request(undo)?.obtain()?;
    // There are no neighbours to ask or to tell.
    let announcement = Announcement { detection: Detection::LeftOut, arp: false, ndisc: false };
    sole::configure(&container, &link, leased, &announcement)
}
