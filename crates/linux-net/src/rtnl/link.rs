//! Links: look up, change, remove.

use std::fmt;

use netlink_packet_core::DefaultNla;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkExtentMask};
use rtnetlink::{LinkMessageBuilder, LinkUnspec};

use super::request::{CHANGE, DUMP};
use super::wire::{Attributes, Message, number, read_text, read_u16, read_u32};
use crate::{IfName, IpvlanMode, Mac, MacvlanMode, Request, Result, Rtnl};

/// A network interface as the kernel describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Interface index, unique in the namespace.
    pub index: u32,
    /// Interface name.
    pub name: String,
    /// Free text about the link (`ifalias`).
    pub alias: Option<String>,
    /// Kind such as `bridge` or `veth`; none for physical devices and `lo`.
    pub kind: Option<String>,
    /// Hardware address; none when it is absent or all zero.
    pub mac: Option<Mac>,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// How many packets may wait to be sent.
    pub tx_queue_len: u32,
    /// `IFF_*` flags.
    pub flags: u32,
    /// Operational state (RFC 2863).
    pub operstate: OperState,
    /// How many users want the link to receive every packet.
    pub promiscuity: u32,
    /// Index of the bridge or other link this one is a port of (`IFLA_MASTER`).
    pub controller: Option<u32>,
    /// Index of the other veth end or of the lower device (`IFLA_LINK`).
    pub peer_index: Option<u32>,
    /// Id, in this namespace, of the namespace that `peer_index` counts in; none: this one.
    pub peer_netnsid: Option<i32>,
    /// Whether a bridge filters VLANs; none when the link is no bridge.
    pub vlan_filtering: Option<bool>,
    /// Mode of a macvlan; none when the link is none or the mode is unknown here.
    pub macvlan_mode: Option<MacvlanMode>,
    /// Mode of an ipvlan; none when the link is none or the mode is unknown here.
    pub ipvlan_mode: Option<IpvlanMode>,
    /// Id of a VLAN interface; none when the link is none.
    pub vlan_id: Option<u16>,
    /// Routing table of a VRF device; none when the link is none.
    pub vrf_table: Option<u32>,
}

/// Length of `struct ifinfomsg`.
pub(crate) const FIXED_LEN: usize = 16;

impl Link {
    /// Tells whether the link is administratively up.
    pub fn is_up(&self) -> bool {
        self.flags & libc::IFF_UP as u32 != 0
    }

    /// Tells whether neighbours on the link are found by ARP.
    pub fn has_arp(&self) -> bool {
        self.flags & libc::IFF_NOARP as u32 == 0
    }

    /// Tells whether the link was told to receive every multicast packet.
    pub fn is_all_multicast(&self) -> bool {
        self.flags & libc::IFF_ALLMULTI as u32 != 0
    }

    /// Reads `RTM_NEWLINK`; `None` when it is another message or too short.
    pub(crate) fn decode(message: &Message<'_>) -> Option<Self> {
        if message.kind != libc::RTM_NEWLINK {
            return None;
        }
        let mut link = Self {
            index: read_u32(message.body, 4)?,
            name: String::new(),
            alias: None,
            kind: None,
            mac: None,
            mtu: 0,
            tx_queue_len: 0,
            flags: read_u32(message.body, 8)?,
            operstate: OperState::Unknown,
            promiscuity: 0,
            controller: None,
            peer_index: None,
            peer_netnsid: None,
            vlan_filtering: None,
            macvlan_mode: None,
            ipvlan_mode: None,
            vlan_id: None,
            vrf_table: None,
        };
        for (number, value) in Attributes::after(message.body, FIXED_LEN) {
            match number {
                number::IFLA_IFNAME => link.name = read_text(value)?.to_owned(),
                number::IFLA_IFALIAS => link.alias = read_text(value).map(str::to_owned),
                number::IFLA_ADDRESS => {
                    link.mac = Mac::from_bytes(value).filter(|mac| !mac.is_zero())
                }
                number::IFLA_MTU => link.mtu = read_u32(value, 0)?,
                number::IFLA_TXQLEN => link.tx_queue_len = read_u32(value, 0)?,
                number::IFLA_LINK => {
                    link.peer_index = read_u32(value, 0).filter(|index| *index != 0)
                }
                number::IFLA_MASTER => link.controller = read_u32(value, 0),
                number::IFLA_OPERSTATE => link.operstate = OperState::from_number(*value.first()?),
                number::IFLA_PROMISCUITY => link.promiscuity = read_u32(value, 0)?,
                number::IFLA_LINK_NETNSID => {
                    link.peer_netnsid = read_u32(value, 0).map(|id| id as i32);
                }
                number::IFLA_LINKINFO => link.decode_info(value),
                _ => {}
            }
        }
        Some(link)
    }

    fn decode_info(&mut self, info: &[u8]) {
        for (number, value) in Attributes::within(info) {
            match number {
                number::IFLA_INFO_KIND => self.kind = read_text(value).map(str::to_owned),
                // The kind comes first, and says whose attributes these are.
                number::IFLA_INFO_DATA => self.decode_info_data(value),
                _ => {}
            }
        }
    }

    fn decode_info_data(&mut self, data: &[u8]) {
        let find = |wanted| Attributes::within(data).find(|(number, _)| *number == wanted);
        match self.kind.as_deref() {
            Some("bridge") => {
                let filtering = find(number::IFLA_BR_VLAN_FILTERING);
                self.vlan_filtering = filtering.and_then(|(_, on)| on.first()).map(|on| *on != 0);
            }
            Some("macvlan") => {
                let mode = find(number::IFLA_MACVLAN_MODE).and_then(|(_, mode)| read_u32(mode, 0));
                self.macvlan_mode = mode.and_then(MacvlanMode::from_number);
            }
            Some("ipvlan") => {
                let mode = find(number::IFLA_IPVLAN_MODE).and_then(|(_, mode)| read_u16(mode, 0));
                self.ipvlan_mode = mode.and_then(IpvlanMode::from_number);
            }
            Some("vlan") => {
                self.vlan_id = find(number::IFLA_VLAN_ID).and_then(|(_, id)| read_u16(id, 0));
            }
            Some("vrf") => {
                let table = find(number::IFLA_VRF_TABLE);
                self.vrf_table = table.and_then(|(_, table)| read_u32(table, 0));
            }
            _ => {}
        }
    }
}

/// Operational state of a link (`IF_OPER_*` of `linux/if.h`); prints as `lower-layer-down`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperState {
    /// `unknown`
    Unknown,
    /// `not-present`
    NotPresent,
    /// `down`
    Down,
    /// `lower-layer-down`
    LowerLayerDown,
    /// `testing`
    Testing,
    /// `dormant`
    Dormant,
    /// `up`
    Up,
}

impl OperState {
    fn from_number(number: u8) -> Self {
        match number {
            1 => Self::NotPresent,
            2 => Self::Down,
            3 => Self::LowerLayerDown,
            4 => Self::Testing,
            5 => Self::Dormant,
            6 => Self::Up,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for OperState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::NotPresent => "not-present",
            Self::Down => "down",
            Self::LowerLayerDown => "lower-layer-down",
            Self::Testing => "testing",
            Self::Dormant => "dormant",
            Self::Up => "up",
        })
    }
}

/// Says which link is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRef<'a> {
    /// By its index.
    Index(u32),
    /// By its name or an alternative name.
    Name(&'a str),
}

impl fmt::Display for LinkRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "link with index {index}"),
            Self::Name(name) => write!(f, "link {name:?}"),
        }
    }
}

impl From<u32> for LinkRef<'_> {
    fn from(index: u32) -> Self {
        Self::Index(index)
    }
}

impl<'a> From<&'a str> for LinkRef<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl<'a> From<&'a IfName> for LinkRef<'a> {
    fn from(name: &'a IfName) -> Self {
        Self::Name(name.as_str())
    }
}

impl From<&Link> for LinkRef<'_> {
    fn from(link: &Link) -> Self {
        Self::Index(link.index)
    }
}

impl Rtnl {
    /// Looks up a link; `None` when there is none.
    ///
    /// # Errors
    ///
    /// What the kernel refused, absence apart.
    pub fn find_link<'a>(&self, link: impl Into<LinkRef<'a>>) -> Result<Option<Link>> {
        match self.get_link(link) {
            Ok(link) => Ok(Some(link)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Looks up a link.
    ///
    /// # Errors
    ///
    /// `is_missing()`, printed as `Link not found`, when there is none.
    pub fn get_link<'a>(&self, link: impl Into<LinkRef<'a>>) -> Result<Link> {
        let lookup = lookup(link.into());
        let answer = self.exchange(&[&lookup]).remove(0);
        self.expect_link(answer, &lookup)
    }

    /// Looks up several links with one system call.
    pub fn get_links(&self, links: &[LinkRef<'_>]) -> Vec<Result<Link>> {
        self.run_and_get(&[], links).1
    }

    /// Lists the links with a hardware address, by ascending index.
    ///
    /// Reads all links, as the kernel does not look for addresses.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn list_links_with_mac(&self, mac: Mac) -> Result<Vec<Link>> {
        self.list_links(Builder::new(), &format!("links with address {mac}"), |number, value| {
            number == number::IFLA_ADDRESS && value == mac.as_bytes()
        })
    }

    /// Lists the links with an alias (`ifalias`), by ascending index.
    ///
    /// Reads all links, as the kernel does not look for aliases.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn list_links_with_alias(&self, alias: &str) -> Result<Vec<Link>> {
        self.list_links(Builder::new(), &format!("links with alias {alias:?}"), |number, value| {
            number == number::IFLA_IFALIAS && read_text(value) == Some(alias)
        })
    }

    /// Lists the ifb links, by ascending index.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn list_ifbs(&self) -> Result<Vec<Link>> {
        // A kernel that has not loaded the module does not know the kind, and lists everything.
        let ifbs = Builder::new_with_info_kind(InfoKind::Ifb);
        let mut links = self.list_links(ifbs, "ifb links", |_, _| true)?;
        links.retain(|link| link.kind.as_deref() == Some("ifb"));
        Ok(links)
    }

    /// Lists the VRF devices, by ascending index.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn list_vrfs(&self) -> Result<Vec<Link>> {
        let vrfs = Builder::new_with_info_kind(InfoKind::Vrf);
        let mut links = self.list_links(vrfs, "vrf links", |_, _| true)?;
        links.retain(|link| link.kind.as_deref() == Some("vrf"));
        Ok(links)
    }

    /// Lists the ports of the link with index `controller`, by ascending index.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn list_ports(&self, controller: u32) -> Result<Vec<Link>> {
        let ports = Builder::new().controller(controller);
        let object = format!("ports of link with index {controller}");
        self.list_links(ports, &object, |number, value| {
            number == number::IFLA_MASTER && read_u32(value, 0) == Some(controller)
        })
    }

    /// Lists the links that `selected` stands for and that have an attribute that is `wanted`.
    fn list_links(
        &self,
        selected: Builder,
        object: &str,
        wanted: impl Fn(u16, &[u8]) -> bool,
    ) -> Result<Vec<Link>> {
        let message = RouteNetlinkMessage::GetLink(without_counters(selected).build());
        let request = Request::new(&message, DUMP, "list", object.to_owned());
        let mut links = self.dump(&request, |list, message| {
            let mut attributes = Attributes::after(message.body, FIXED_LEN);
            // Most links are not wanted, so they are not described.
            if attributes.any(|(number, value)| wanted(number, value)) {
                list.extend(Link::decode(message));
            }
        })?;
        links.sort_by_key(|link| link.index);
        Ok(links)
    }

    /// Removes a link and tells whether there was one.
    ///
    /// The kernel takes 15 ms and more, but the link and its veth peer are invisible after one.
    ///
    /// # Errors
    ///
    /// What the kernel refused, absence apart.
    pub fn remove_link<'a>(&self, link: impl Into<LinkRef<'a>>) -> Result<bool> {
        let link = link.into();
        let message = RouteNetlinkMessage::DelLink(select(link).build());
        match self.apply(Request::new(&message, CHANGE, "remove", link.to_string())) {
            Ok(()) => Ok(true),
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Request<'_> {
    /// Sets a link administratively up.
    pub fn set_up<'a>(link: impl Into<LinkRef<'a>>) -> Self {
        set(link.into(), "set up", LinkMessageBuilder::up)
    }

    /// Sets a link administratively down.
    pub fn set_down<'a>(link: impl Into<LinkRef<'a>>) -> Self {
        set(link.into(), "set down", LinkMessageBuilder::down)
    }

    /// Makes a link receive every packet, or not.
    pub fn set_promiscuous<'a>(link: impl Into<LinkRef<'a>>, on: bool) -> Self {
        set(link.into(), "set promiscuous mode of", |message| message.promiscuous(on))
    }

    /// Makes a link receive every multicast packet, or not.
    pub fn set_all_multicast<'a>(link: impl Into<LinkRef<'a>>, on: bool) -> Self {
        set(link.into(), "set all-multicast mode of", |message| message.allmulticast(on))
    }

    /// Sets the hardware address.
    pub fn set_mac<'a>(link: impl Into<LinkRef<'a>>, mac: Mac) -> Self {
        let address = mac.as_bytes().to_vec();
        set(link.into(), "set hardware address of", |message| message.address(address))
    }

    /// Sets the largest packet size in bytes.
    pub fn set_mtu<'a>(link: impl Into<LinkRef<'a>>, mtu: u32) -> Self {
        set(link.into(), "set mtu of", |message| message.mtu(mtu))
    }

    /// Sets how many packets may wait to be sent.
    pub fn set_tx_queue_len<'a>(link: impl Into<LinkRef<'a>>, len: u32) -> Self {
        set(link.into(), "set queue length of", |message| message.txqueuelen(len))
    }

    /// Makes a link a port of the link with index `controller`, or of none.
    pub fn set_controller<'a>(link: impl Into<LinkRef<'a>>, controller: Option<u32>) -> Self {
        let controller = controller.unwrap_or(0);
        set(link.into(), "set controller of", |message| message.controller(controller))
    }

    /// Gives the link with index `index` another name.
    pub fn rename(index: u32, name: &IfName) -> Self {
        set(index.into(), "rename", |message| message.name(name.as_str()))
    }

    /// Sets the alias (`ifalias`; empty: none).
    pub fn set_alias<'a>(link: impl Into<LinkRef<'a>>, alias: &str) -> Self {
        set(link.into(), "set alias of", |message| {
            message.append_extra_attribute(alias_attribute(alias))
        })
    }

    /// Gives the link with index `index` another name and another alias (`ifalias`; empty: none).
    /// The kernel does both or nothing.
    pub fn set_name_and_alias(index: u32, name: &IfName, alias: &str) -> Self {
        set(index.into(), "rename", |message| {
            message.name(name.as_str()).append_extra_attribute(alias_attribute(alias))
        })
    }
}

type Builder = LinkMessageBuilder<LinkUnspec>;

/// Starts a message about an existing link.
pub(crate) fn select(link: LinkRef<'_>) -> Builder {
    match link {
        LinkRef::Index(index) => LinkUnspec::new_with_index(index),
        LinkRef::Name(name) if name.len() <= IfName::MAX_LEN => LinkUnspec::new_with_name(name),
        LinkRef::Name(name) => {
            let alternative = [name.as_bytes(), &[0]].concat();
            let attribute = DefaultNla::new(number::IFLA_ALT_IFNAME, alternative);
            Builder::new().append_extra_attribute(LinkAttribute::Other(attribute))
        }
    }
}

/// The attribute that sets an alias; one without bytes takes it away.
pub(crate) fn alias_attribute(alias: &str) -> LinkAttribute {
    // Without a final NUL, for the length counts: no bytes are no alias.
    LinkAttribute::Other(DefaultNla::new(number::IFLA_IFALIAS, alias.as_bytes().to_vec()))
}

fn set<'r>(
    link: LinkRef<'_>,
    operation: &'static str,
    change: impl FnOnce(Builder) -> Builder,
) -> Request<'r> {
    let message = RouteNetlinkMessage::SetLink(change(select(link)).build());
    Request::new(&message, CHANGE, operation, link.to_string())
}

/// Asks for a link.
pub(crate) fn lookup(link: LinkRef<'_>) -> Request<'static> {
    let message = RouteNetlinkMessage::GetLink(without_counters(select(link)).build());
    Request::new(&message, CHANGE, "look up", link.to_string()).lookup()
}

/// Leaves the counters, which are most of a description, out of the answer.
fn without_counters(message: Builder) -> Builder {
    message.append_extra_attribute(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]))
}
