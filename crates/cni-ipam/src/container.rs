//! The container's side of an attachment: how it is entered, and how it is left.

use std::thread::{self, JoinHandle};

use cni_core::{Attachment, Cleanup, Context, Owned, Request, Result, quote};
use linux_net::{IfName, Link, Netns, Place, Rtnl};

use crate::configure::Target;
use crate::lease;

/// A container, and the name of the interface that an attachment has there.
pub struct Container<'r> {
    /// The path of its namespace, in the words of the runtime.
    pub path: &'r str,
    /// Its namespace.
    pub netns: Netns,
    /// A socket in that namespace.
    pub rtnl: Rtnl,
    /// The name of the interface.
    pub ifname: IfName,
}

impl<'r> Container<'r> {
    /// Opens the container of an attachment.
    ///
    /// # Errors
    ///
    /// `failed to open netns …`; `invalid interface name …`.
    pub fn open(attachment: &'r Attachment) -> Result<Self> {
        let path = attachment.netns.as_str();
        let netns =
            Netns::open(path).context(|| format!("failed to open netns {}", quote(path)))?;
        let rtnl = Rtnl::open(&netns)?;
        let ifname = IfName::try_from(attachment.ifname.as_str())?;
        Ok(Self { path, netns, rtnl, ifname })
    }

    /// Returns where links are made in it.
    pub fn place(&self) -> Place<'_> {
        Place { netns: &self.netns, rtnl: &self.rtnl }
    }

    /// Returns its interface `link`, to be configured.
    pub fn target(&self, link: &Link) -> Target<'_> {
        let ifname = self.ifname.as_str();
        Target { netns: &self.netns, rtnl: &self.rtnl, index: link.index, ifname }
    }
}

/// Opens a socket in the container's namespace; `None` when none is given or it is gone, which
/// DEL takes for "already clean".
///
/// # Errors
///
/// When the path is something else than a namespace, or may not be entered.
pub fn open_if_present(netns: &str) -> Result<Option<Rtnl>> {
    find_netns(netns)?.map(|netns| Ok(Rtnl::open(&netns)?)).transpose()
}

/// Opens the container's namespace; `None` when none is given or it is gone.
///
/// # Errors
///
/// When the path is something else than a namespace, or may not be opened.
pub fn find_netns(path: &str) -> Result<Option<Netns>> {
    if path.is_empty() {
        return Ok(None);
    }
    Ok(Netns::find(path)?)
}

/// DEL: the interface goes, the lease is given back, what else the attachment owns is removed, and
/// none of it waits for another, unless the lease goes back through the interface. `find_rest` sees
/// the container while the interface is still there.
pub fn detach<C>(
    request: &Request<C>,
    cleanup: &mut Cleanup,
    find_rest: impl FnOnce(Option<&Rtnl>) -> Vec<Box<dyn Owned>>,
) {
    let container = open_if_present(&request.attachment.netns).unwrap_or_else(|error| {
        cleanup.record(Err(error));
        None
    });
    let rest = find_rest(container.as_ref());
    let removal = lease::start_return(request, cleanup);
    let departure =
        container.map(|container| Departure::start(container, &request.attachment.ifname));
    for thing in rest {
        cleanup.remove(&*thing);
    }
    if let Some(removal) = removal {
        cleanup.record(removal.and_then(|removal| removal.finish()));
    }
    if let Some(departure) = departure {
        cleanup.record(departure.finish());
    }
}

/// A link on its way out. The kernel takes some 15 ms to let go of one, nearly all of it waiting,
/// so the rest of a DEL is done meanwhile.
pub struct Departure(JoinHandle<Result<()>>);

impl Departure {
    /// Starts to remove a link; one that is not there is fine.
    pub fn start(container: Rtnl, ifname: &str) -> Self {
        let ifname = ifname.to_owned();
        Self(thread::spawn(move || match container.remove_link(ifname.as_str()) {
            Ok(_) => Ok(()),
            Err(error) => Err(error).context(|| format!("failed to delete {}", quote(&ifname))),
        }))
    }

    /// Waits for the end.
    ///
    /// # Errors
    ///
    /// `failed to delete …`.
    pub fn finish(self) -> Result<()> {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
