//! Attributes of a link: those that are wanted, and those that it had before.

use cni_core::{AddResult, Result};
use linux_net::{Link, Mac, Request, Rtnl};

/// Some of a link's attributes; what is `None` is left alone.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) mac: Option<Mac>,
    /// Whether the link receives every packet.
    pub(crate) promisc: Option<bool>,
    /// Bytes.
    pub(crate) mtu: Option<u32>,
    /// Whether the link receives every multicast packet.
    pub(crate) allmulti: Option<bool>,
    /// Packets.
    pub(crate) tx_queue_len: Option<u32>,
}

impl Attributes {
    /// Whether everything is left alone.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a link has now of the attributes that are set here.
    pub(crate) fn found_on(&self, link: &Link) -> Self {
        Self {
            mac: self.mac.and(link.mac),
            promisc: self.promisc.and(Some(link.promiscuity > 0)),
            mtu: self.mtu.and(Some(link.mtu)),
            allmulti: self.allmulti.and(Some(link.is_all_multicast())),
            tx_queue_len: self.tx_queue_len.and(Some(link.tx_queue_len)),
        }
    }

    /// These, and of the others those that are missing here.
    pub(crate) fn or(&self, others: &Self) -> Self {
        Self {
            mac: self.mac.or(others.mac),
            promisc: self.promisc.or(others.promisc),
            mtu: self.mtu.or(others.mtu),
            allmulti: self.allmulti.or(others.allmulti),
            tx_queue_len: self.tx_queue_len.or(others.tx_queue_len),
        }
    }

    /// Sets all of them with one system call. A refused one does not keep the others back.
    ///
    /// # Errors
    ///
    /// The first refusal.
    pub(crate) fn set(&self, rtnl: &Rtnl, index: u32) -> Result<()> {
        let requests: Vec<_> = [
            self.mac.map(|mac| Request::set_mac(index, mac)),
            self.promisc.map(|on| Request::set_promiscuous(index, on)),
            self.mtu.map(|mtu| Request::set_mtu(index, mtu)),
            self.allmulti.map(|on| Request::set_all_multicast(index, on)),
            self.tx_queue_len.map(|len| Request::set_tx_queue_len(index, len)),
        ]
        .into_iter()
        .flatten()
        .collect();
        Ok(rtnl.run(&requests).into_iter().collect::<linux_net::Result<()>>()?)
    }

    /// Brings a result up to date about the container's interface of this name.
    pub(crate) fn report(&self, result: &mut AddResult, ifname: &str) {
        let in_container = |interface: &&mut cni_core::Interface| {
            interface.name == ifname && !interface.sandbox.is_empty()
        };
        for interface in result.interfaces.iter_mut().filter(in_container) {
            if let Some(mac) = self.mac {
                interface.mac = mac.to_string();
            }
            if let Some(mtu) = self.mtu {
                interface.mtu = mtu.into();
            }
        }
    }
}
