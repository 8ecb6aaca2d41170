//! macvlan: several hardware addresses on one device.

use std::fmt;

use netlink_packet_route::link::{InfoData, InfoMacVlan, MacVlanMode};

/// A macvlan to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Macvlan {
    /// Index of the device it is on, in the namespace of the socket that makes it.
    pub lower: u32,
    /// How those on one device see each other.
    pub mode: MacvlanMode,
    /// How many broadcast packets may wait for delivery; none: the kernel's choice (1000).
    pub broadcast_queue_len: Option<u32>,
}

impl Macvlan {
    pub(crate) fn info(self) -> InfoData {
        let mut info = vec![InfoMacVlan::Mode(self.mode.encoded())];
        info.extend(self.broadcast_queue_len.map(InfoMacVlan::BcQueueLen));
        InfoData::MacVlan(info)
    }
}

/// How macvlans on one device see each other; prints as `bridge`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacvlanMode {
    /// Not at all.
    Private,
    /// Through the switch outside.
    Vepa,
    /// Directly.
    Bridge,
    /// There is only one, which has the device and its address for itself.
    Passthru,
    /// Each takes what comes from the hardware addresses it lists.
    Source,
}

impl MacvlanMode {
    /// Reads a `MACVLAN_MODE_*` of `linux/if_link.h`; `None` for one added since.
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        [Self::Private, Self::Vepa, Self::Bridge, Self::Passthru, Self::Source]
            .into_iter()
            .find(|mode| u32::from(mode.encoded()) == number)
    }

    fn encoded(self) -> MacVlanMode {
        match self {
            Self::Private => MacVlanMode::Private,
            Self::Vepa => MacVlanMode::Vepa,
            Self::Bridge => MacVlanMode::Bridge,
            Self::Passthru => MacVlanMode::Passthrough,
            Self::Source => MacVlanMode::Source,
        }
    }
}

impl fmt::Display for MacvlanMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "private",
            Self::Vepa => "vepa",
            Self::Bridge => "bridge",
            Self::Passthru => "passthru",
            Self::Source => "source",
        })
    }
}
