//! The interface that an attachment's own one is made on: finding it, and making that one.

use cni_core::{Code, Context, Error, Result, quote};
use linux_net::{Link, LinkKind, NewLink, NewLinkError, Place, Rtnl};

/// The namespace a master is in: the one this process was started in, or the container's.
pub struct MasterSide<'a> {
    /// None: the container's.
    host: Option<Rtnl>,
    container: Place<'a>,
}

impl<'a> MasterSide<'a> {
    /// Opens the side where the master is; with `linkInContainer` it is `in_container`.
    ///
    /// # Errors
    ///
    /// When no socket can be opened.
    pub fn open(in_container: bool, container: Place<'a>) -> Result<Self> {
        let host = if in_container { None } else { Some(Rtnl::open_current()?) };
        Ok(Self { host, container })
    }

    fn rtnl(&self) -> &Rtnl {
        self.host.as_ref().unwrap_or(self.container.rtnl)
    }

    /// Looks up the master by its name.
    ///
    /// # Errors
    ///
    /// `Link not found`.
    pub fn get(&self, name: &str) -> Result<Link> {
        Ok(self.rtnl().get_link(name)?)
    }

    /// Looks up the interface of the default route, IPv4's before IPv6's.
    ///
    /// # Errors
    ///
    /// `no default route interface found`.
    pub fn get_default(&self) -> Result<Link> {
        self.rtnl()
            .find_default_link()?
            .ok_or_else(|| Error::internal("no default route interface found"))
    }

    /// Makes a link on a master of this side, born in the container under its final name.
    ///
    /// # Errors
    ///
    /// `failed to create …`, `failed to rename … to …` when the container has an interface of that
    /// name, `failed to refetch …`. No link is left.
    pub fn create(&self, link: &NewLink<'_>) -> Result<Link> {
        let created = match &self.host {
            Some(host) => host.create_link_at(self.container, link),
            None => {
                self.container.rtnl.create_link(link).map_err(|error| self.told_apart(error, link))
            }
        };
        let kind = kind_name(link.kind);
        let name = quote(link.name.as_str());
        let step = match &created {
            Err(NewLinkError::Name(_)) => format!("failed to rename {kind} to {name}"),
            Err(NewLinkError::LookUp(_)) => format!("failed to refetch {kind} {name}"),
            _ => format!("failed to create {kind}"),
        };
        created.context(|| step)
    }

    /// Within one namespace "exists" may also mean the link on the master, such as its VLAN.
    fn told_apart(&self, error: NewLinkError, link: &NewLink<'_>) -> NewLinkError {
        match error {
            NewLinkError::Create(error)
                if error.is_present() && self.container.rtnl.get_link(link.name).is_ok() =>
            {
                NewLinkError::Name(error)
            }
            error => error,
        }
    }
}

/// The kind as the reference's messages call it.
fn kind_name(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Dummy => "dummy",
        LinkKind::Ipvlan(_) => "ipvlan",
        LinkKind::Macvlan(_) => "macvlan",
        LinkKind::Vlan(_) => "vlan",
        LinkKind::Vrf(_) => "vrf",
    }
}

/// Types the key `mtu`, in bytes, of an interface on `master`; 0 leaves the choice to the kernel.
///
/// # Errors
///
/// `invalid MTU …, must be [0, master MTU(…)]`.
pub fn mtu(wanted: i64, master: &Link) -> Result<Option<u32>> {
    match u32::try_from(wanted) {
        Ok(mtu) if mtu <= master.mtu => Ok(Some(mtu).filter(|mtu| *mtu > 0)),
        _ => Err(Error::internal(format!(
            "invalid MTU {wanted}, must be [0, master MTU({})]",
            master.mtu
        ))),
    }
}

/// CHECK: whether `link` is on `master`, as far as both are known.
///
/// # Errors
///
/// `interface … is not on master …`.
pub fn expect_on(link: &Link, master: Option<&Link>) -> Result<()> {
    let (Some(index), Some(master)) = (link.peer_index, master) else {
        return Ok(());
    };
    // The kernel puts a macvlan on a macvlan beside that one, and likewise an ipvlan.
    if index == master.index || link.kind == master.kind {
        return Ok(());
    }
    let (link, master) = (quote(&link.name), quote(&master.name));
    Err(Error::internal(format!("interface {link} is not on master {master}")))
}

/// The name of the host's default route's interface, to be proposed to people.
pub fn find_default() -> Option<String> {
    let link = Rtnl::open_current().and_then(|rtnl| rtnl.find_default_link());
    link.ok().flatten().map(|link| link.name)
}

/// STATUS: whether the configured master exists. One in the container cannot be known of, and
/// without a name there is none to miss.
///
/// # Errors
///
/// Code 50, `failed to lookup master …`.
pub fn status(name: &str, in_container: bool) -> Result<()> {
    if name.is_empty() || in_container {
        return Ok(());
    }
    let found = Rtnl::open_current()?.get_link(name);
    found
        .context(|| format!("failed to lookup master {}", quote(name)))
        .map_err(|error| Error { code: Code::NOT_AVAILABLE, ..error })?;
    Ok(())
}
