//! A device on its way: found on the host, moved into a container, moved back.

use std::fmt;

use cni_core::{Context, Error, Owned, Result, quote};
use cni_ipam::container;
use linux_net::{Arrival, IfName, Link, Mac, Netns, Place, Rtnl};

use crate::sysfs::{self, Sysfs};

/// What names the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The interface's name or an alternative one.
    Name(String),
    /// Its hardware address.
    HardwareAddress(String),
    /// The device's folder below `/sys/devices`.
    KernelPath(String),
    /// A PCI address.
    Pci(String),
    /// The id on the auxiliary bus.
    Auxiliary(String),
}

impl Source {
    /// Finds the device in the namespace of `host`.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn find(&self, host: &Rtnl) -> Result<Link> {
        let first = self.links(host)?.into_iter().next();
        first.ok_or_else(|| Error::internal("failed to find physical interface"))
    }

    /// Finds whatever the source may mean, by ascending index: several interfaces can have one
    /// hardware address.
    ///
    /// # Errors
    ///
    /// When an interface or a device of that name does not exist, or the name is none.
    pub(crate) fn links(&self, host: &Rtnl) -> Result<Vec<Link>> {
        let name = match self {
            Self::Name(name) => name.clone(),
            Self::HardwareAddress(text) => return links_with_mac(host, text),
            Self::KernelPath(path) => sysfs::interface_at(path)?,
            Self::Pci(address) => Sysfs::default().pci_interface(address)?,
            Self::Auxiliary(id) => Sysfs::default().auxiliary_interface(id)?,
        };
        Ok(vec![host.get_link(name.as_str())?])
    }
}

fn links_with_mac(host: &Rtnl, text: &str) -> Result<Vec<Link>> {
    let mac: Mac =
        text.parse().context(|| format!("failed to parse MAC address {}", quote(text)))?;
    // The kernel shows zeros where there is no address.
    if mac.is_zero() {
        return Ok(Vec::new());
    }
    host.list_links_with_mac(mac).context(|| "failed to list node links")
}

/// Moves a device of the host into a container, up and under the name `ifname`, and writes its
/// name into its alias, where DEL finds it.
///
/// # Errors
///
/// What the kernel refused; the device is then on the host as before, without addresses and routes
/// when it had left.
pub(crate) fn move_in(
    host: Place<'_>,
    device: &Link,
    container: Place<'_>,
    ifname: &IfName,
) -> Result<Link> {
    let arrival = Arrival { name: ifname, alias: &device.name, up: true };
    host.move_link(device, container, &arrival).map_err(|error| {
        let text = match error.is_present() {
            true => taken(device, ifname),
            false => format!(
                "failed to move link failed to move {} to tempNS: {error}",
                quote(&device.name)
            ),
        };
        Error::internal(text).with_details(format!("{error:#}"))
    })
}

/// The error for an interface name that the container already has.
pub(crate) fn taken(device: &Link, ifname: &IfName) -> String {
    format!(
        "failed to move link failed to move {} (host: {}) to container NS: file exists",
        quote(ifname.as_str()),
        quote(&device.name)
    )
}

/// Moves a device back to the host under the name in its alias, and takes the alias away. It
/// arrives down: nobody knows any more whether it was up before.
///
/// # Errors
///
/// What the kernel refused; the device is then in the container as before.
pub(crate) fn move_out(
    container: Place<'_>,
    inside: &Link,
    host: Place<'_>,
    original: &IfName,
) -> Result<()> {
    let arrival = Arrival { name: original, alias: "", up: false };
    let moved = container.move_link(inside, host, &arrival);
    moved.context(|| format!("failed to move {} to hostNS", quote(original.as_str()))).map(drop)
}

/// The name in the alias of a device that was moved; none when the alias is no name.
pub(crate) fn original_name(link: &Link) -> Option<IfName> {
    IfName::try_from(link.alias.as_deref()?).ok()
}

/// A device that this ADD moved into a container.
pub(crate) struct Moved {
    /// The path of the container's namespace.
    pub(crate) netns: String,
    /// The device there.
    pub(crate) ifname: IfName,
    /// The device as it was on the host.
    pub(crate) original: Link,
}

impl Owned for Moved {
    fn remove(&self) -> Result<()> {
        let Some(netns) = container::find_netns(&self.netns)? else {
            return Ok(());
        };
        let rtnl = Rtnl::open(&netns)?;
        let Some(inside) = rtnl.find_link(&self.ifname)? else {
            return Ok(());
        };
        let (home, host) = (Netns::current()?, Rtnl::open_current()?);
        let (from, to) =
            (Place { netns: &netns, rtnl: &rtnl }, Place { netns: &home, rtnl: &host });
        let arrival = Arrival {
            name: &IfName::try_from(self.original.name.as_str())?,
            alias: self.original.alias.as_deref().unwrap_or_default(),
            up: self.original.is_up(),
        };
        from.move_link(&inside, to, &arrival)?;
        Ok(())
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "move of device {:?} into {:?}", self.original.name, self.netns)
    }
}
