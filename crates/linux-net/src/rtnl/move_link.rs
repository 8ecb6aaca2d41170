//! Taking a link to another namespace.

use std::os::fd::{AsFd, AsRawFd};

use netlink_packet_route::RouteNetlinkMessage;
use nix::errno::Errno;
use rtnetlink::LinkUnspec;

use super::link::alias_attribute;
use super::request::CHANGE;
use crate::{Error, IfName, Link, LinkRef, Netns, Place, Request, Result};

/// What a link is to be where it is taken.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Its name there; the old one is not needed to be free there.
    pub name: &'a IfName,
    /// Its alias (`ifalias`), at most 255 bytes; empty: none.
    pub alias: &'a str,
    /// Whether it is set up there; the journey sets every link down.
    pub up: bool,
}

impl Place<'_> {
    /// Takes `link`, which is here, to `target` and returns it as it is there.
    ///
    /// One message moves, renames and sets it up, so nobody sees it halfway. It loses its
    /// addresses and routes, but not its alternative names. The kernel takes 15 ms and more.
    ///
    /// # Errors
    ///
    /// `is_present()` when the name is taken there. The link is then here as before, without
    /// addresses and routes when it had left.
    pub fn move_link(self, link: &Link, target: Place<'_>, arrival: &Arrival<'_>) -> Result<Link> {
        // Asked before, as after a failure it is too late to tell the link from its namesakes.
        let names = [LinkRef::from(arrival.name), LinkRef::Name(&link.name)];
        let [holder, namesake] = names.map(|name| target.rtnl.find_link(name));
        let has_namesake = namesake?.is_some();
        if holder?.is_some() {
            let error = Error::new(OPERATION, object(link, arrival.name), Errno::EEXIST);
            return Err(error.with_namespace(Some(target.netns.path())));
        }
        let Err(error) = self.rtnl.apply(Request::move_link(link, target.netns, arrival)) else {
            return target.rtnl.get_link(arrival.name);
        };
        if self.rtnl.find_link(link.index)?.is_some_and(|found| found.name == link.name) {
            return Err(error);
        }
        // It has left, and either could not be renamed or could not be set up.
        let stranded = match target.rtnl.find_link(arrival.name)? {
            None if !has_namesake => target.rtnl.get_link(link.name.as_str())?,
            None => return Err(error),
            Some(stranded) => stranded,
        };
        if let Ok(name) = IfName::try_from(link.name.as_str()) {
            let alias = link.alias.as_deref().unwrap_or_default();
            let home = Arrival { name: &name, alias, up: link.is_up() };
            target.rtnl.apply(Request::move_link(&stranded, self.netns, &home))?;
        }
        Err(error)
    }
}

const OPERATION: &str = "move";

fn object(link: &Link, name: &IfName) -> String {
    format!("link {:?} to be link {:?}", link.name, name.as_str())
}

impl<'a> Request<'a> {
    fn move_link(link: &Link, netns: &'a Netns, arrival: &Arrival<'_>) -> Self {
        let mut message = LinkUnspec::new_with_index(link.index)
            .setns_by_fd(netns.as_fd().as_raw_fd())
            .name(arrival.name.as_str())
            .append_extra_attribute(alias_attribute(arrival.alias));
        if arrival.up {
            message = message.up();
        }
        let message = RouteNetlinkMessage::SetLink(message.build());
        Self::new(&message, CHANGE, OPERATION, object(link, arrival.name))
    }
}
