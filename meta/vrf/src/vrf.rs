//! The VRF device and its ports, both in the container.

use std::fmt;
use std::time::Duration;

use cni_core::{Context, Error, Owned, Result};
use cni_ipam::container;
use linux_net::{IfName, Link, LinkKind, LinkRef, NewLink, Request, Rtnl, Vrf};

use crate::plan::Plan;
use crate::table;

/// How long another change of the same namespace's VRFs may take; it is done in milliseconds.
pub(crate) const LOCK_LIMIT: Duration = Duration::from_secs(10);

/// Looks up the interface and the VRF.
///
/// # Errors
///
/// What the kernel refused, absence apart.
pub(crate) fn find(rtnl: &Rtnl, ifname: &str, vrf: &IfName) -> Result<[Option<Link>; 2]> {
    let mut found =
        rtnl.get_links(&[LinkRef::from(ifname), vrf.into()]).into_iter().map(|link| match link {
            Ok(link) => Ok(Some(link)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        });
    Ok([found.next().transpose()?.flatten(), found.next().transpose()?.flatten()])
}

/// Whether a link is a VRF.
pub(crate) fn is_vrf(link: &Link) -> bool {
    link.kind.as_deref() == Some("vrf")
}

/// Refuses a link that is no VRF, or one with another table than the wanted one.
///
/// # Errors
///
/// `Netlink … is not a VRF`, `VRF … already exist with different routing table …`.
pub(crate) fn expect(link: &Link, plan: &Plan) -> Result<()> {
    if !is_vrf(link) {
        return Err(Error::internal(format!("Netlink {} is not a VRF", link.name)));
    }
    match (plan.table, link.vrf_table) {
        (Some(wanted), Some(actual)) if wanted != actual => Err(Error::internal(format!(
            "VRF {} already exist with different routing table {actual}",
            link.name
        ))),
        _ => Ok(()),
    }
}

/// Creates the VRF, which is down at first.
///
/// # Errors
///
/// `could not add VRF …`.
pub(crate) fn create(rtnl: &Rtnl, plan: &Plan) -> Result<Link> {
    let table = match plan.table {
        Some(table) => table,
        None => table::choose(rtnl).map_err(|error| {
            Error::internal(format!("createVRF: Failed to find links {error}"))
                .with_details(format!("{error:#}"))
        })?,
    };
    let kind = LinkKind::Vrf(Vrf { table });
    rtnl.create_link(&NewLink { name: &plan.vrf, mac: None, mtu: None, kind })
        .context(|| format!("could not add VRF {}", plan.vrf))
}

/// The place of an interface in a VRF.
pub(crate) struct Membership {
    /// The path of the container's namespace.
    pub(crate) netns: String,
    /// The interface.
    pub(crate) ifname: String,
    /// The VRF.
    pub(crate) vrf: IfName,
    /// Whether the VRF stays when it has no other port.
    pub(crate) keeps_vrf: bool,
}

impl Owned for Membership {
    fn remove(&self) -> Result<()> {
        let Some(netns) = container::find_netns(&self.netns)? else {
            return Ok(());
        };
        let _lock = netns.lock(LOCK_LIMIT)?;
        let rtnl = Rtnl::open(&netns)?;
        let [link, vrf] = find(&rtnl, &self.ifname, &self.vrf)?;
        let Some(vrf) = vrf.filter(is_vrf) else {
            return Ok(());
        };
        let port = link.filter(|link| link.controller == Some(vrf.index));
        let port = port.map(|link| link.index);
        let is_needed = self.keeps_vrf
            || rtnl.list_ports(vrf.index)?.iter().any(|other| Some(other.index) != port);
        match port {
            // With the VRF its last port is let go of.
            _ if !is_needed => drop(rtnl.remove_link(vrf.index)?),
            Some(port) => rtnl
                .apply(Request::set_controller(port, None))
                .context(|| format!("resetMaster: could reset master to {}", self.ifname))?,
            None => {}
        }
        Ok(())
    }
}

impl fmt::Display for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in VRF {}", self.ifname, self.vrf)
    }
}
