//! The message of BOOTP with its options (RFC 951, RFC 2131 section 2, RFC 2132, RFC 3396).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use linux_net::Mac;
use serde::{Deserialize, Serialize};

/// Numbers of options.
pub(crate) mod option {
    pub(crate) const SUBNET_MASK: u8 = 1;
    pub(crate) const ROUTERS: u8 = 3;
    pub(crate) const NAME_SERVERS: u8 = 6;
    pub(crate) const HOST_NAME: u8 = 12;
    pub(crate) const DOMAIN_NAME: u8 = 15;
    pub(crate) const MTU: u8 = 26;
    pub(crate) const STATIC_ROUTES: u8 = 33;
    pub(crate) const REQUESTED_ADDRESS: u8 = 50;
    pub(crate) const LEASE_TIME: u8 = 51;
    pub(crate) const OVERLOAD: u8 = 52;
    pub(crate) const MESSAGE_TYPE: u8 = 53;
    pub(crate) const SERVER: u8 = 54;
    pub(crate) const REQUEST_LIST: u8 = 55;
    pub(crate) const TEXT: u8 = 56;
    pub(crate) const LONGEST_MESSAGE: u8 = 57;
    pub(crate) const RENEWAL_TIME: u8 = 58;
    pub(crate) const REBINDING_TIME: u8 = 59;
    pub(crate) const VENDOR_CLASS: u8 = 60;
    pub(crate) const CLIENT_ID: u8 = 61;
    pub(crate) const USER_CLASS: u8 = 77;
    pub(crate) const DOMAIN_SEARCH: u8 = 119;
    pub(crate) const CLASSLESS_ROUTES: u8 = 121;
    /// Microsoft's number for classless routes, from before they had one.
    pub(crate) const CLASSLESS_ROUTES_MICROSOFT: u8 = 249;

    pub(super) const PAD: u8 = 0;
    pub(super) const END: u8 = 255;
}

/// What a message is for (option 53).
pub(crate) mod kind {
    pub(crate) const DISCOVER: u8 = 1;
    pub(crate) const OFFER: u8 = 2;
    pub(crate) const REQUEST: u8 = 3;
    pub(crate) const ACK: u8 = 5;
    pub(crate) const NAK: u8 = 6;
    pub(crate) const RELEASE: u8 = 7;
}

/// Options by number, in the order of numbers. Each is here once, however often it came.
pub(crate) type Options = BTreeMap<u8, Vec<u8>>;

/// The hardware address as messages carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hardware(pub(crate) Option<Mac>);

/// A message in either direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) is_reply: bool,
    /// Says which exchange it belongs to.
    pub(crate) transaction: u32,
    /// Whether the answer is to be sent to all on the link.
    pub(crate) wants_broadcast: bool,
    /// The client's address, when it has one.
    pub(crate) client: Ipv4Addr,
    /// The address that is offered or given.
    pub(crate) yours: Ipv4Addr,
    pub(crate) hardware: Hardware,
    pub(crate) options: Options,
}

/// Where the hardware address is in a message.
pub(crate) const CHADDR_OFFSET: u32 = 28;

const CHADDR: usize = CHADDR_OFFSET as usize;
const SERVER_NAME: usize = CHADDR + 16;
const FILE_NAME: usize = SERVER_NAME + 64;
const COOKIE: usize = FILE_NAME + 128;
const OPTIONS: usize = COOKIE + 4;

const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];

/// BOOTP relays may drop shorter messages.
const SHORTEST: usize = 300;

/// Types of hardware (RFC 1700).
const ETHERNET: u8 = 1;
const INFINIBAND: u8 = 32;

impl Hardware {
    /// The address where it fits a message: that of Ethernet.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_ref().map(Mac::as_bytes).filter(|bytes| bytes.len() == 6).unwrap_or_default()
    }

    fn kind(&self) -> u8 {
        match self.0 {
            // RFC 4390: longer than the field, so it is left out.
            Some(mac) if mac.as_bytes().len() == 20 => INFINIBAND,
            _ => ETHERNET,
        }
    }
}

impl Message {
    /// What the message is for; 0 when it does not say.
    pub(crate) fn kind(&self) -> u8 {
        self.find::<1>(option::MESSAGE_TYPE).map_or(0, |[kind]| kind)
    }

    /// The server that sent it, by its own account.
    pub(crate) fn server(&self) -> Option<Ipv4Addr> {
        self.find::<4>(option::SERVER).map(Ipv4Addr::from)
    }

    /// An option, unless it is missing or has another length.
    fn find<const N: usize>(&self, number: u8) -> Option<[u8; N]> {
        self.options.get(&number)?.as_slice().try_into().ok()
    }

    /// The bytes to send.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; OPTIONS];
        let hardware = self.hardware.bytes();
        bytes[0] = if self.is_reply { 2 } else { 1 };
        bytes[1] = self.hardware.kind();
        bytes[2] = hardware.len() as u8;
        bytes[4..8].copy_from_slice(&self.transaction.to_be_bytes());
        bytes[10] = if self.wants_broadcast { 0x80 } else { 0 };
        bytes[12..16].copy_from_slice(&self.client.octets());
        bytes[16..20].copy_from_slice(&self.yours.octets());
        bytes[CHADDR..CHADDR + hardware.len()].copy_from_slice(hardware);
        bytes[COOKIE..OPTIONS].copy_from_slice(&MAGIC_COOKIE);
        for (number, value) in &self.options {
            let parts: Vec<&[u8]> =
                if value.is_empty() { vec![&[]] } else { value.chunks(255).collect() };
            for part in parts {
                bytes.extend([*number, part.len() as u8]);
                bytes.extend_from_slice(part);
            }
        }
        bytes.push(option::END);
        bytes.resize(bytes.len().max(SHORTEST), option::PAD);
        bytes
    }

    /// Reads a message; `None` for what is none, or ends within its options.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let fixed = bytes.get(..OPTIONS).filter(|fixed| fixed[COOKIE..] == MAGIC_COOKIE)?;
        let word =
            |at: usize| -> [u8; 4] { [fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]] };
        let mut options = Options::new();
        collect(&mut options, &bytes[OPTIONS..])?;
        // RFC 2131 section 4.1: the names' fields may be lent to options, the file's comes first.
        if let Some([lent]) = options.remove(&option::OVERLOAD).as_deref() {
            if lent & 1 != 0 {
                collect(&mut options, &fixed[FILE_NAME..COOKIE])?;
            }
            if lent & 2 != 0 {
                collect(&mut options, &fixed[SERVER_NAME..FILE_NAME])?;
            }
        }
        let hardware = match fixed[2] {
            6 => Mac::from_bytes(&fixed[CHADDR..CHADDR + 6]),
            _ => None,
        };
        Some(Self {
            is_reply: fixed[0] == 2,
            transaction: u32::from_be_bytes(word(4)),
            wants_broadcast: fixed[10] & 0x80 != 0,
            client: word(12).into(),
            yours: word(16).into(),
            hardware: Hardware(hardware),
            options,
        })
    }
}

/// Adds the options of one field; `None` when it ends before they do.
///
/// RFC 3396: an option that comes again goes on where it stopped.
fn collect(options: &mut Options, mut field: &[u8]) -> Option<()> {
    loop {
        match field {
            [option::END, ..] => return Some(()),
            [option::PAD, rest @ ..] => field = rest,
            [number, len, rest @ ..] => {
                let (value, rest) = rest.split_at_checked(usize::from(*len))?;
                options.entry(*number).or_default().extend_from_slice(value);
                field = rest;
            }
            _ => return None,
        }
    }
}

/// What the user wants to be sent, besides what the protocol asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wishes {
    /// Options with their values.
    pub(crate) provided: Options,
    /// Options the server is asked for, in order.
    pub(crate) requested: Vec<u8>,
    /// Metric of all routes; 0 leaves it out.
    pub(crate) priority: i64,
}
