//! The host's end of the container's veth pair: it sends what the container receives, and receives
//! what the container sends.

use std::fmt;

use cni_core::{AddResult, Attachment, Context, Error, Owned, Result, Undo, quote};
use linux_net::{Link, Netns, Qdisc, Request, Rtnl};

use crate::ifb::Ensured;
use crate::limit::Limit;

/// The host's end.
pub(crate) struct HostEnd<'a> {
    host: &'a Rtnl,
    pub(crate) link: Link,
}

impl<'a> HostEnd<'a> {
    /// Finds it by the container's end and in the previous result.
    ///
    /// # Errors
    ///
    /// The reference's texts.
    pub(crate) fn get(
        host: &'a Rtnl,
        attachment: &Attachment,
        previous: &AddResult,
    ) -> Result<Self> {
        let netns = Netns::open(&attachment.netns)
            .context(|| format!("failed to open netns {}", quote(&attachment.netns)))?;
        if previous.interfaces.is_empty() {
            return Err(Error::internal("no interfaces provided"));
        }
        let ifname = attachment.ifname.as_str();
        let no_peer = || format!("container interface {ifname} has no veth peer");
        let inside = Rtnl::open(&netns)
            .and_then(|container| container.get_link(ifname))
            .context(|| format!("could not look up {}", quote(ifname)))
            .context(no_peer)?;
        let (Some("veth"), Some(index)) = (inside.kind.as_deref(), inside.peer_index) else {
            let cause = format!("interface {} was not a veth interface", quote(ifname));
            return Err(Error::internal(cause)).context(no_peer);
        };
        let end = Self::of(host, &inside)?.ok_or_else(|| {
            Error::internal(format!("veth peer with index {index} is not in host ns"))
        })?;
        let listed = &mut previous.interfaces.iter().filter(|listed| listed.sandbox.is_empty());
        if !listed.any(|listed| listed.name == end.link.name) {
            return Err(Error::internal("no veth peer of container interface found in host ns"));
        }
        Ok(end)
    }

    /// Finds it by the container's end alone; `None` when the pair has gone.
    pub(crate) fn find(host: &'a Rtnl, container: &Rtnl, ifname: &str) -> Result<Option<Self>> {
        match container.find_link(ifname)? {
            Some(inside) => Self::of(host, &inside),
            None => Ok(None),
        }
    }

    fn of(host: &'a Rtnl, inside: &Link) -> Result<Option<Self>> {
        let Some(index) = inside.peer_index else { return Ok(None) };
        let link = host.find_link(index)?;
        // The index may be that of an end in a third namespace, and mean another link here.
        let link = link.filter(|link| {
            link.kind.as_deref() == Some("veth") && link.peer_index == Some(inside.index)
        });
        Ok(link.map(|link| Self { host, link }))
    }

    /// Makes what the container receives wait in a bucket.
    pub(crate) fn limit(&self, limit: Limit, undo: &mut Undo) -> Result<()> {
        let set = self.host.apply(Request::set_token_bucket(self.link.index, &limit.bucket()));
        set.context(|| "create qdisc")?;
        undo.own(self.qdisc(Qdisc::TokenBucket));
        Ok(())
    }

    /// Makes what the container sends go through the ifb, and wait in a bucket there.
    pub(crate) fn redirect(&self, ifb: &Ensured, limit: Limit, undo: &mut Undo) -> Result<()> {
        let (host, index) = (self.host, self.link.index);
        match host.apply(Request::create_ingress(index)) {
            Ok(()) => undo.own(self.qdisc(Qdisc::Ingress)),
            // An earlier ADD's, whose ifb is there still or has gone; else somebody else's.
            Err(error) if error.is_present() && ifb.is_old => (),
            Err(error) if error.is_present() && host.find_redirect(index)? == Some(0) => (),
            Err(error) => return Err(error).context(|| "create ingress qdisc"),
        }
        let requests = [
            Request::set_redirect(index, ifb.link.index),
            Request::set_token_bucket(ifb.link.index, &limit.bucket()),
        ];
        let words = ["add filter", "create ifb qdisc: create qdisc"];
        for (outcome, words) in host.run(&requests).into_iter().zip(words) {
            outcome.context(|| words)?;
        }
        Ok(())
    }

    /// Names what [`HostEnd::limit`] or [`HostEnd::redirect`] sets.
    pub(crate) fn qdisc(&self, qdisc: Qdisc) -> HostQdisc {
        HostQdisc { link: self.link.index, qdisc }
    }
}

/// A queueing discipline of a link on the host.
pub(crate) struct HostQdisc {
    /// The link's index.
    link: u32,
    qdisc: Qdisc,
}

impl Owned for HostQdisc {
    fn remove(&self) -> Result<()> {
        Rtnl::open_current()?.remove_qdisc(self.link, self.qdisc)?;
        Ok(())
    }
}

impl fmt::Display for HostQdisc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of host link with index {}", self.qdisc, self.link)
    }
}
