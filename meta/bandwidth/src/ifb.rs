//! The device through which all goes that a container sends: only what leaves a device can be made
//! to wait, and what the container sends arrives at the host's end.

use std::fmt::Write;

use cni_core::{Attachment, Context, Error, Result, Undo};
use cni_ipam::link::HostLink;
use linux_net::{IfName, InvalidName, Link, LinkRef, Request, Rtnl};
use sha2::{Digest, Sha512};

/// Words of an alias are at most this long, for the kernel ends it at 255 bytes.
const LONGEST_WORD: usize = 100;

/// The device of an attachment, made or not.
pub(crate) struct Ifb {
    /// The name of the only one that a container has in a network, and then the name where
    /// another interface of the container has the first.
    names: [IfName; 2],
    /// What the device says about itself.
    alias: String,
    /// How the aliases of all the container's devices in the network begin.
    container_prefix: String,
}

/// A device that is there.
pub(crate) struct Ensured {
    pub(crate) link: Link,
    /// Whether an earlier ADD of this attachment has made it.
    pub(crate) is_old: bool,
}

/// A name that is not of the container's other interfaces.
enum Slot<'a> {
    Free(&'a IfName),
    Taken(Link),
}

impl Ifb {
    pub(crate) fn of(network: &str, attachment: &Attachment) -> Result<Self, InvalidName> {
        let Attachment { container_id, ifname, .. } = attachment;
        Ok(Self {
            names: [
                hashed_name(&format!("{network}{container_id}"))?,
                hashed_name(&format!("{network}{container_id}{ifname}"))?,
            ],
            alias: alias(network, container_id, ifname),
            container_prefix: alias(network, container_id, ""),
        })
    }

    /// Makes the device, or takes the one that an earlier ADD of this attachment has made.
    pub(crate) fn ensure(&self, host: &Rtnl, mtu: u32, undo: &mut Undo) -> Result<Ensured> {
        let slots = self.slots(host)?;
        let own = slots.iter().position(|slot| matches!(slot, Slot::Taken(link) if self.is(link)));
        match slots.into_iter().nth(own.unwrap_or(0)) {
            Some(Slot::Free(name)) => {
                Ok(Ensured { link: self.create(name, host, mtu, undo)?, is_old: false })
            }
            Some(Slot::Taken(link)) if self.is(&link) => {
                let repairs = [Request::set_mtu(link.index, mtu), Request::set_up(link.index)];
                host.run(&repairs).into_iter().collect::<linux_net::Result<()>>()?;
                Ok(Ensured { link, is_old: true })
            }
            _ => {
                let details = format!("no link {:?} has the alias {:?}", self.names, self.alias);
                Err(Error::internal("adding link: file exists").with_details(details))
            }
        }
    }

    fn create(&self, name: &IfName, host: &Rtnl, mtu: u32, undo: &mut Undo) -> Result<Link> {
        // With one system call, so that a kill leaves no device that GC does not know.
        let requests = [Request::create_ifb(name, mtu), Request::set_alias(name, &self.alias)];
        let (outcomes, mut found) = host.run_and_get(&requests, &[LinkRef::from(name)]);
        for (step, outcome) in outcomes.into_iter().enumerate() {
            outcome.context(|| "adding link")?;
            if step == 0 {
                undo.own(HostLink(name.as_str().to_owned()));
            }
        }
        found.remove(0).context(|| "get ifb device")
    }

    /// Finds what ADD has made, also where the reference did, which gives no aliases.
    pub(crate) fn find(&self, host: &Rtnl) -> Result<Option<Link>> {
        let taken = self.slots(host)?.into_iter().filter_map(|slot| match slot {
            Slot::Taken(link) => Some(link),
            Slot::Free(_) => None,
        });
        Ok(taken.max_by_key(|link| self.is(link)))
    }

    fn slots(&self, host: &Rtnl) -> Result<Vec<Slot<'_>>> {
        let mut slots = Vec::new();
        let found = host.get_links(&self.names.each_ref().map(LinkRef::from));
        for (name, found) in self.names.iter().zip(found) {
            match found {
                Ok(link) if self.is_anothers(&link) => (),
                Ok(link) => slots.push(Slot::Taken(link)),
                Err(error) if error.is_missing() => slots.push(Slot::Free(name)),
                Err(error) => {
                    return Err(error).context(|| format!("failed to lookup {:?}", name.as_str()));
                }
            }
        }
        Ok(slots)
    }

    fn is(&self, link: &Link) -> bool {
        link.alias.as_ref() == Some(&self.alias)
    }

    /// Tells whether a link is that of another interface of the container in this network.
    fn is_anothers(&self, link: &Link) -> bool {
        let alias = link.alias.as_deref().unwrap_or_default();
        alias.starts_with(&self.container_prefix) && !self.is(link)
    }
}

/// Writes the alias of an attachment's device.
pub(crate) fn alias(network: &str, container_id: &str, ifname: &str) -> String {
    format!("{}{}/{ifname}", network_prefix(network), shortened(container_id))
}

/// How the aliases of all of a network's devices begin.
pub(crate) fn network_prefix(network: &str) -> String {
    format!("cni-bandwidth:{}/", shortened(network))
}

/// A name, or its hash where the name is too long.
fn shortened(name: &str) -> String {
    match name.len() {
        ..=LONGEST_WORD => name.to_owned(),
        _ => hash(name, LONGEST_WORD),
    }
}

fn hashed_name(text: &str) -> Result<IfName, InvalidName> {
    let prefix = "bwp";
    IfName::try_from(format!("{prefix}{}", hash(text, IfName::MAX_LEN - prefix.len())))
}

/// The first digits of a hash.
fn hash(text: &str, length: usize) -> String {
    let mut digits = String::with_capacity(128);
    for byte in Sha512::digest(text) {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits.truncate(length);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ifb(network: &str, container_id: &str) -> Ifb {
        let attachment = Attachment {
            container_id: container_id.to_owned(),
            ifname: "eth0".to_owned(),
            ..Attachment::default()
        };
        Ifb::of(network, &attachment).expect("valid names")
    }

    #[test]
    fn the_first_name_is_the_reference_one() {
        for (network, container_id, name) in [
            ("cni-plugin-bandwidth-test", "dummy", "bwpa8eda89404b7"),
            ("test", "ctr1", "bwp3a53437c165f"),
        ] {
            let ifb = ifb(network, container_id);
            assert_eq!(ifb.names[0].as_str(), name);
            assert_ne!(ifb.names[1].as_str(), name);
        }
    }

    #[test]
    fn an_alias_tells_network_container_and_interface() {
        assert_eq!(ifb("net1", "c1").alias, "cni-bandwidth:net1/c1/eth0");
        let (long, longer) = ("n".repeat(101), "n".repeat(102));
        let aliases =
            [ifb(&long, &long).alias, ifb(&long, &longer).alias, ifb(&longer, &long).alias];
        for (number, alias) in aliases.iter().enumerate() {
            assert!(alias.len() <= 255, "{alias}");
            assert!(!aliases[..number].contains(alias));
        }
        assert!(aliases[0].starts_with(&network_prefix(&long)));
    }
}
