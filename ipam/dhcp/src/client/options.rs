//! The options of a message, taken apart and put together around dhcproto (RFC 2132, RFC 3396).
//!
//! dhcproto knows what an option means. What it does not do is done here: parts of an option that
//! are not next to each other are joined, and one that is malformed is missing without those behind
//! it being missed as well. So dhcproto gets each option to read on its own.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use dhcproto::Name;
use dhcproto::v4::borrowed::DhcpOptionIterator;
use dhcproto::v4::{
    DhcpOption, Encodable, EncodeResult, Encoder, MessageType, OptionCode, UnknownOption,
};
use serde::{Deserialize, Serialize};

/// Classless routes by Microsoft's number, from before they had one.
pub(crate) const CLASSLESS_ROUTES_MICROSOFT: OptionCode = OptionCode::Unknown(249);

const PAD: u8 = 0;
const END: u8 = 255;

/// Options by number, in the order of numbers. Each is here once and whole, however often it came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Options(BTreeMap<u8, Vec<u8>>);

impl Options {
    /// Puts an option in, in the place of another one of its number.
    pub(crate) fn set(&mut self, option: &DhcpOption) {
        self.0.remove(&OptionCode::from(option).into());
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes);
        // Only domain names cannot be written at times, and then there are none.
        let _ = option.encode(&mut encoder).and_then(|()| DhcpOption::End.encode(&mut encoder));
        let _ = self.collect(&bytes);
    }

    /// Puts an option in whose value nobody looks at.
    pub(crate) fn set_bytes(&mut self, number: u8, value: Vec<u8>) {
        // These two are no options, but what is between them.
        if number != PAD && number != END {
            self.0.insert(number, value);
        }
    }

    /// Puts in all others, in the place of those of their numbers.
    pub(crate) fn set_all(&mut self, others: &Self) {
        self.0.extend(others.0.clone());
    }

    /// The value of an option as it came.
    pub(crate) fn bytes(&self, code: OptionCode) -> Option<&[u8]> {
        self.0.get(&code.into()).map(Vec::as_slice)
    }

    /// Takes an option out.
    pub(super) fn take(&mut self, code: OptionCode) -> Option<Vec<u8>> {
        self.0.remove(&code.into())
    }

    /// What the message is for.
    pub(crate) fn kind(&self) -> Option<MessageType> {
        match self.find(OptionCode::MessageType)? {
            DhcpOption::MessageType(kind) => Some(kind),
            _ => None,
        }
    }

    /// An option that is an address.
    pub(crate) fn address(&self, code: OptionCode) -> Option<Ipv4Addr> {
        match self.find(code)? {
            DhcpOption::SubnetMask(address) | DhcpOption::ServerIdentifier(address) => {
                Some(address)
            }
            _ => None,
        }
    }

    /// An option that is a list of addresses.
    pub(crate) fn addresses(&self, code: OptionCode) -> Vec<Ipv4Addr> {
        match self.find(code) {
            Some(DhcpOption::Router(list) | DhcpOption::DomainNameServer(list)) => list,
            _ => Vec::new(),
        }
    }

    /// An option that is a time, in seconds.
    pub(crate) fn seconds(&self, code: OptionCode) -> Option<u32> {
        match self.find(code)? {
            DhcpOption::AddressLeaseTime(seconds)
            | DhcpOption::Renewal(seconds)
            | DhcpOption::Rebinding(seconds) => Some(seconds),
            _ => None,
        }
    }

    /// An option that is a text; empty when it is missing.
    pub(crate) fn text(&self, code: OptionCode) -> String {
        match self.find(code) {
            Some(DhcpOption::DomainName(text) | DhcpOption::Message(text)) => {
                text.trim_end_matches('\0').to_owned()
            }
            _ => String::new(),
        }
    }

    /// The MTU that links are to have.
    pub(crate) fn mtu(&self) -> Option<u16> {
        match self.find(OptionCode::InterfaceMtu)? {
            DhcpOption::InterfaceMtu(mtu) => Some(mtu),
            _ => None,
        }
    }

    /// The domains that names are looked for in (RFC 3397).
    pub(crate) fn search_list(&self) -> Vec<String> {
        match self.find(OptionCode::DomainSearch) {
            Some(DhcpOption::DomainSearch(names)) => {
                let name = |name: &Name| name.to_ascii().trim_end_matches('.').to_owned();
                names.iter().map(name).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Pairs of a destination, whose prefix is that of its class, and a router.
    pub(crate) fn static_routes(&self) -> Vec<(Ipv4Addr, Ipv4Addr)> {
        match self.find(OptionCode::StaticRoutingTable) {
            Some(DhcpOption::StaticRoutingTable(routes)) => routes,
            _ => Vec::new(),
        }
    }

    /// Destinations with prefix lengths, and their routers (RFC 3442); `None` without any.
    pub(crate) fn classless_routes(&self) -> Option<Vec<(Ipv4Addr, u8, Ipv4Addr)>> {
        let meaning = OptionCode::ClasslessStaticRoute;
        [meaning, CLASSLESS_ROUTES_MICROSOFT].into_iter().find_map(|code| {
            let Some(DhcpOption::ClasslessStaticRoute(routes)) = self.read(code, meaning) else {
                return None;
            };
            let routes = routes.iter();
            Some(routes.map(|(to, router)| (to.addr(), to.prefix_len(), *router)).collect())
        })
    }

    /// An option by its meaning; `None` when it is missing or malformed.
    fn find(&self, code: OptionCode) -> Option<DhcpOption> {
        self.read(code, code)
    }

    /// The same with the meaning of another one.
    fn read(&self, code: OptionCode, meaning: OptionCode) -> Option<DhcpOption> {
        let mut value = self.bytes(code)?;
        if code == OptionCode::StaticRoutingTable {
            // Reference: a part of a route at the end is ignored.
            value = &value[..value.len() & !7];
        }
        let mut bytes = Vec::new();
        write(meaning, value, &mut Encoder::new(&mut bytes)).ok()?;
        let option = DhcpOptionIterator::new(&bytes).next()?.into_option().ok()?;
        // dhcproto does not mind what is too much, and names may be written in several ways.
        let mut again = Self::default();
        again.set(&option);
        let is_exact = again.bytes(meaning) == Some(value);
        (is_exact || meaning == OptionCode::DomainSearch).then_some(option)
    }

    /// Adds the options of one field; `None` when it ends before they do.
    ///
    /// RFC 3396: an option that comes again goes on where it stopped.
    pub(super) fn collect(&mut self, mut field: &[u8]) -> Option<()> {
        loop {
            match field {
                [END, ..] => return Some(()),
                [PAD, rest @ ..] => field = rest,
                [number, len, rest @ ..] => {
                    let (value, rest) = rest.split_at_checked(usize::from(*len))?;
                    self.0.entry(*number).or_default().extend_from_slice(value);
                    field = rest;
                }
                _ => return None,
            }
        }
    }
}

impl Encodable for Options {
    fn encode(&self, encoder: &mut Encoder<'_>) -> EncodeResult<()> {
        for (number, value) in &self.0 {
            write((*number).into(), value, encoder)?;
        }
        DhcpOption::End.encode(encoder)
    }
}

/// Writes an option with this value, in as many parts as it needs.
fn write(code: OptionCode, value: &[u8], encoder: &mut Encoder<'_>) -> EncodeResult<()> {
    let option = UnknownOption::new(code, value.to_vec());
    if value.is_empty() {
        // An option in parts has none then.
        return option.encode(encoder);
    }
    DhcpOption::Unknown(option).encode(encoder)
}
