//! A message with the options that matter here (RFC 8415 section 21, RFC 3646).

use std::net::Ipv6Addr;

use dhcproto::v6::{
    DhcpOption, DhcpOptions, IAAddr, IANA, MessageType, ORO, OptionCode, Status, StatusCode,
};
use dhcproto::{Decodable, Encodable, Name};

use super::names::Names;

/// A message in either direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(super) kind: MessageType,
    /// Says which exchange it belongs to; 24 bits.
    pub(super) transaction: u32,
    /// The client's identifier.
    pub(super) client: Option<Vec<u8>>,
    /// The server's identifier.
    pub(super) server: Option<Vec<u8>>,
    pub(super) association: Option<Association>,
    /// For how long the exchange has been going on, in hundredths of a second.
    pub(super) elapsed: Option<u16>,
    /// Whether two messages are to do, or have done, for four.
    pub(super) is_rapid: bool,
    /// How much the server wants to be chosen.
    pub(super) preference: u8,
    pub(super) status: Option<StatusCode>,
    /// Whether names are asked for.
    pub(super) wants_names: bool,
    pub(super) names: Names,
}

/// An identity association for non-temporary addresses: what one interface is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Association {
    pub(super) id: u32,
    /// T1 in seconds.
    pub(super) renewal: u32,
    /// T2 in seconds.
    pub(super) rebinding: u32,
    pub(super) status: Option<StatusCode>,
    pub(super) addresses: Vec<Given>,
}

/// An address and its lifetimes in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) address: Ipv6Addr,
    pub(super) preferred: u32,
    pub(super) valid: u32,
}

impl Given {
    /// Whether it may be used at all. Spec: RFC 8415 section 21.6.
    pub(super) fn is_usable(&self) -> bool {
        let is_of_a_host = !self.address.is_multicast() && !self.address.is_unspecified();
        is_of_a_host && self.valid > 0 && self.preferred <= self.valid
    }
}

impl Message {
    /// A message without options.
    pub(super) fn new(kind: MessageType, transaction: u32) -> Self {
        Self {
            kind,
            transaction,
            client: None,
            server: None,
            association: None,
            elapsed: None,
            is_rapid: false,
            preference: 0,
            status: None,
            wants_names: false,
            names: Names::default(),
        }
    }

    /// Why the server refuses, if it does.
    pub(super) fn refusal(&self) -> Option<&StatusCode> {
        let of_association = self.association.as_ref().and_then(|ia| ia.status.as_ref());
        let all = [self.status.as_ref(), of_association];
        all.into_iter().flatten().find(|status| status.status != Status::Success)
    }

    /// The bytes to send; none when the message has no bytes, which ours have.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut options = DhcpOptions::new();
        let mut add = |option: Option<DhcpOption>| {
            if let Some(option) = option {
                options.insert(option);
            }
        };
        add(self.client.clone().map(DhcpOption::ClientId));
        add(self.server.clone().map(DhcpOption::ServerId));
        add(self.association.as_ref().map(Association::encode));
        let wanted = vec![OptionCode::DomainNameServers, OptionCode::DomainSearchList];
        add(self.wants_names.then_some(DhcpOption::ORO(ORO { opts: wanted })));
        add((self.preference > 0).then_some(DhcpOption::Preference(self.preference)));
        add(self.elapsed.map(DhcpOption::ElapsedTime));
        add(self.status.clone().map(DhcpOption::StatusCode));
        add(self.is_rapid.then_some(DhcpOption::RapidCommit));
        let servers = Some(self.names.servers.clone()).filter(|servers| !servers.is_empty());
        add(servers.map(DhcpOption::DomainNameServers));
        let id = self.transaction.to_be_bytes();
        let mut message = dhcproto::v6::Message::new_with_id(self.kind, [id[1], id[2], id[3]]);
        message.set_opts(options);
        message.to_vec().ok()
    }

    /// Reads a message; `None` for what is none, or has an option that cannot be.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, options) = bytes.split_at_checked(4)?;
        let sound = [head, &sound(options)?].concat();
        let read = dhcproto::v6::Message::from_bytes(&sound).ok()?;
        let mut message = Self::new(read.msg_type(), read.xid_num());
        for option in read.opts().iter() {
            match option {
                DhcpOption::ClientId(id) => message.client = Some(id.clone()),
                DhcpOption::ServerId(id) => message.server = Some(id.clone()),
                // There is one in each of our questions, and the first answers it.
                DhcpOption::IANA(read) if message.association.is_none() => {
                    message.association = Some(Association::decode(read));
                }
                DhcpOption::ElapsedTime(time) => message.elapsed = Some(*time),
                DhcpOption::RapidCommit => message.is_rapid = true,
                DhcpOption::Preference(preference) => message.preference = *preference,
                DhcpOption::StatusCode(status) => message.status = Some(status.clone()),
                DhcpOption::ORO(_) => message.wants_names = true,
                DhcpOption::DomainNameServers(servers) => {
                    let servers = servers.clone();
                    message.names.add(Names { servers, search: Vec::new() });
                }
                DhcpOption::DomainSearchList(list) => {
                    let domain = |name: &Name| name.to_ascii().trim_end_matches('.').to_owned();
                    let search = list.iter().map(domain).filter(|name| !name.is_empty()).collect();
                    message.names.add(Names { servers: Vec::new(), search });
                }
                _ => {}
            }
        }
        Some(message)
    }
}

impl Association {
    fn encode(&self) -> DhcpOption {
        let address = |given: &Given| {
            DhcpOption::IAAddr(IAAddr {
                addr: given.address,
                preferred_life: given.preferred,
                valid_life: given.valid,
                opts: DhcpOptions::new(),
            })
        };
        let status = self.status.clone().map(DhcpOption::StatusCode);
        DhcpOption::IANA(IANA {
            id: self.id,
            t1: self.renewal,
            t2: self.rebinding,
            opts: self.addresses.iter().map(address).chain(status).collect(),
        })
    }

    fn decode(read: &IANA) -> Self {
        let mut addresses = Vec::new();
        let mut status = None;
        for option in read.opts.iter() {
            match option {
                DhcpOption::IAAddr(IAAddr { addr, preferred_life, valid_life, .. }) => {
                    let (preferred, valid) = (*preferred_life, *valid_life);
                    addresses.push(Given { address: *addr, preferred, valid });
                }
                DhcpOption::StatusCode(told) => status = Some(told.clone()),
                _ => {}
            }
        }
        Self { id: read.id, renewal: read.t1, rebinding: read.t2, status, addresses }
    }
}

/// Numbers of the options that are read.
mod number {
    pub(super) const CLIENT_ID: u16 = 1;
    pub(super) const SERVER_ID: u16 = 2;
    pub(super) const IA_NA: u16 = 3;
    pub(super) const IAADDR: u16 = 5;
    pub(super) const ORO: u16 = 6;
    pub(super) const PREFERENCE: u16 = 7;
    pub(super) const ELAPSED_TIME: u16 = 8;
    pub(super) const STATUS_CODE: u16 = 13;
    pub(super) const RAPID_COMMIT: u16 = 14;
    pub(super) const NAME_SERVERS: u16 = 23;
    pub(super) const SEARCH_LIST: u16 = 24;
}

/// Copies the options that are read and leaves out all others; `None` when one of them cannot be,
/// or the last one is cut off.
///
/// dhcproto takes lengths on trust: it goes on behind what it has read of an option, wherever that
/// is, ends at the first one that is too short, and subtracts what a length should at least have.
fn sound(mut options: &[u8]) -> Option<Vec<u8>> {
    let mut all = Vec::with_capacity(options.len());
    while !options.is_empty() {
        let (head, rest) = options.split_first_chunk::<4>()?;
        let [number, len] = [[head[0], head[1]], [head[2], head[3]]].map(u16::from_be_bytes);
        let (value, rest) = rest.split_at_checked(usize::from(len))?;
        options = rest;
        let (is_sound, fixed) = match number {
            number::CLIENT_ID | number::SERVER_ID => ((1..=130).contains(&len), len),
            number::IA_NA => (len >= 12, 12),
            number::IAADDR => (len >= 24, 24),
            number::ORO => (len % 2 == 0, len),
            number::PREFERENCE => (len == 1, len),
            number::ELAPSED_TIME => (len == 2, len),
            number::STATUS_CODE => (value.get(2..).is_some_and(is_text), len),
            number::RAPID_COMMIT => (len == 0, len),
            number::NAME_SERVERS => (len % 16 == 0, len),
            number::SEARCH_LIST => (true, len),
            _ => continue,
        };
        if !is_sound {
            return None;
        }
        // What is behind the fixed part are options again.
        let (fixed, nested) = value.split_at(fixed.into());
        let nested = sound(nested)?;
        all.extend(number.to_be_bytes());
        all.extend(((fixed.len() + nested.len()) as u16).to_be_bytes());
        all.extend_from_slice(fixed);
        all.extend(nested);
    }
    Some(all)
}

fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply() -> Message {
        let address = "2001:db8::5".parse().expect("an address");
        let status = StatusCode { status: Status::Success, msg: "fine".to_owned() };
        Message {
            client: Some(vec![0, 4, 1]),
            server: Some(vec![0, 3, 9]),
            association: Some(Association {
                id: 7,
                renewal: 10,
                rebinding: 20,
                status: Some(status.clone()),
                addresses: vec![Given { address, preferred: 30, valid: 40 }],
            }),
            elapsed: Some(5),
            is_rapid: true,
            preference: 255,
            status: Some(status),
            wants_names: true,
            names: Names { servers: vec![address], search: Vec::new() },
            ..Message::new(MessageType::Reply, 0x00ab_cdef)
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let message = reply();
        let bytes = message.encode().expect("bytes");
        assert_eq!(bytes[..4], [7, 0xab, 0xcd, 0xef]);
        assert_eq!(Message::decode(&bytes), Some(message));
    }

    #[test]
    fn a_search_list_is_read() {
        let mut bytes = Message::new(MessageType::Reply, 1).encode().expect("bytes");
        bytes.extend(b"\x00\x18\x00\x09\x02ab\x01c\x00\x01d\x00");
        let read = Message::decode(&bytes).expect("a message");
        assert_eq!(read.names.search, ["ab.c", "d"]);
    }

    #[test]
    fn an_option_that_cannot_be_makes_the_message_none() {
        let bytes = reply().encode().expect("bytes");
        for len in 5..bytes.len() {
            let cut = Message::decode(&bytes[..len]);
            assert!(cut.is_none_or(|cut| cut != reply()), "{len}");
        }
        for option in [
            &[0, 13, 0, 1, 0][..],
            &[0, 13, 0, 3, 0, 0, 0xff],
            &[0, 7, 0, 2, 1, 1],
            &[0, 3, 0, 4, 0, 0, 0, 1],
            &[0, 23, 0, 15, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
            &[0, 1, 0, 0],
            &[0, 1, 0, 9, 1],
            &[0, 99, 0],
        ] {
            let bytes = [&bytes[..], option].concat();
            assert_eq!(Message::decode(&bytes), None, "{option:?}");
        }
    }

    #[test]
    fn options_of_others_are_skipped() {
        let bytes = reply().encode().expect("bytes");
        // Authentication, vendor options and relayed messages that are far too short.
        let others = [0, 11, 0, 1, 0, 0, 17, 0, 0, 0, 9, 0, 1, 12];
        let bytes = [&bytes[..4], &others, &bytes[4..]].concat();
        assert_eq!(Message::decode(&bytes), Some(reply()));
    }

    #[test]
    fn damage_never_hurts() {
        let bytes = reply().encode().expect("bytes");
        for position in 0..bytes.len() {
            for value in [0, 1, 3, 24, 127, 255] {
                let mut damaged = bytes.clone();
                damaged[position] = value;
                let _ = Message::decode(&damaged);
            }
        }
    }
}
