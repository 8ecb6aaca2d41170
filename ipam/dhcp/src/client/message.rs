//! The message of BOOTP with its options (RFC 951, RFC 2131 section 2).

use std::net::Ipv4Addr;

use dhcproto::v4::{
    self, Encodable, Encoder, HType, MAGIC, MIN_PACKET_SIZE, MessageType, Opcode, OptionCode,
    borrowed,
};
use linux_net::Mac;
use serde::{Deserialize, Serialize};

use super::options::Options;

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
const OPTIONS: usize = COOKIE + MAGIC.len();

impl Hardware {
    /// The address where it fits a message: that of Ethernet.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_ref().map(Mac::as_bytes).filter(|bytes| bytes.len() == 6).unwrap_or_default()
    }

    fn kind(&self) -> HType {
        match self.0 {
            // RFC 4390: longer than the field, so it is left out.
            Some(mac) if mac.as_bytes().len() == 20 => HType::Infiniband,
            _ => HType::Eth,
        }
    }
}

impl Message {
    /// What the message is for, if it says so.
    pub(crate) fn kind(&self) -> Option<MessageType> {
        self.options.kind()
    }

    /// The server that sent it, by its own account.
    pub(crate) fn server(&self) -> Option<Ipv4Addr> {
        self.options.address(OptionCode::ServerIdentifier)
    }

    /// The bytes to send.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let nobody = Ipv4Addr::UNSPECIFIED;
        let mut header = v4::Message::new_with_id(
            self.transaction,
            self.client,
            self.yours,
            nobody,
            nobody,
            self.hardware.bytes(),
        );
        header.set_htype(self.hardware.kind());
        if self.is_reply {
            header.set_opcode(Opcode::BootReply);
        }
        if self.wants_broadcast {
            header.set_flags(v4::Flags::default().set_broadcast());
        }
        let mut bytes = Vec::with_capacity(MIN_PACKET_SIZE);
        let mut encoder = Encoder::new(&mut bytes);
        // Without a domain name in it, nothing can go wrong.
        let _ = header.encode(&mut encoder).and_then(|()| self.options.encode(&mut encoder));
        // BOOTP relays may drop shorter messages.
        bytes.resize(bytes.len().max(MIN_PACKET_SIZE), 0);
        bytes
    }

    /// Reads a message; `None` for what is none, or ends within its options.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (fixed, field) = bytes.split_at_checked(OPTIONS)?;
        if fixed[COOKIE..] != MAGIC {
            return None;
        }
        let header = borrowed::Message::new(fixed).ok()?;
        let mut options = Options::default();
        options.collect(field)?;
        // RFC 2131 section 4.1: the names' fields may be lent to options, the file's comes first.
        if let Some([lent]) = options.take(OptionCode::OptionOverload).as_deref() {
            if lent & 1 != 0 {
                options.collect(&fixed[FILE_NAME..COOKIE])?;
            }
            if lent & 2 != 0 {
                options.collect(&fixed[SERVER_NAME..FILE_NAME])?;
            }
        }
        // Of a length beyond the field, dhcproto would panic.
        let hardware = (header.hlen() == 6).then(|| Mac::from_bytes(header.chaddr())).flatten();
        Some(Self {
            is_reply: header.opcode() == Opcode::BootReply,
            transaction: header.xid(),
            wants_broadcast: header.flags().broadcast(),
            client: header.ciaddr(),
            yours: header.yiaddr(),
            hardware: Hardware(hardware),
            options,
        })
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
    /// Whether an address is looked for on the link before it is used.
    #[serde(default)]
    pub(crate) detect_conflicts: bool,
}
