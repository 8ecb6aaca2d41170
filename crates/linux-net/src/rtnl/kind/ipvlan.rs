//! ipvlan: several interfaces with one hardware address on one device.

use std::fmt;

use netlink_packet_route::link::{InfoData, InfoIpVlan, IpVlanFlags, IpVlanMode};

/// An ipvlan to make; those on one device reach each other directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipvlan {
    /// Index of the device it is on, in the namespace of the socket that makes it.
    pub lower: u32,
    /// The layer that tells the ipvlans apart.
    pub mode: IpvlanMode,
}

impl Ipvlan {
    pub(crate) fn info(self) -> InfoData {
        // Mode and flags are the device's: left out, the flags would be those of its first ipvlan.
        let flags = InfoIpVlan::Flags(IpVlanFlags::empty());
        InfoData::IpVlan(vec![InfoIpVlan::Mode(self.mode.encoded()), flags])
    }
}

/// The layer that tells the ipvlans of one device apart; prints as `l3s`.
///
/// All on one device have one mode, that of the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpvlanMode {
    /// Ethernet: broadcasts are delivered.
    L2,
    /// IP: the namespace of the device routes.
    L3,
    /// IP, and what comes in passes that namespace's netfilter.
    L3s,
}

impl IpvlanMode {
    /// Reads an `IPVLAN_MODE_*` of `linux/if_link.h`; `None` for one added since.
    pub(crate) fn from_number(number: u16) -> Option<Self> {
        [Self::L2, Self::L3, Self::L3s].into_iter().find(|mode| u16::from(mode.encoded()) == number)
    }

    fn encoded(self) -> IpVlanMode {
        match self {
            Self::L2 => IpVlanMode::L2,
            Self::L3 => IpVlanMode::L3,
            Self::L3s => IpVlanMode::L3S,
        }
    }
}

impl fmt::Display for IpvlanMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::L2 => "l2",
            Self::L3 => "l3",
            Self::L3s => "l3s",
        })
    }
}
