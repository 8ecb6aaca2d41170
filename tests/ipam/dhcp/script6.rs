//! A DHCPv6 server that answers as a test tells it, wrongly if need be.

use std::net::{Ipv6Addr, UdpSocket};

use super::scripted::{Message, Scripted};
use super::stage::Stage;

pub const SOLICIT: u8 = 1;
pub const REQUEST: u8 = 3;
pub const RENEW: u8 = 5;
pub const REBIND: u8 = 6;
pub const REPLY: u8 = 7;
pub const RELEASE: u8 = 8;
pub const DECLINE: u8 = 9;

const CLIENT_ID: u16 = 1;
const SERVER_ID: u16 = 2;
const IA_NA: u16 = 3;
const IAADDR: u16 = 5;
pub const STATUS: u16 = 13;
const RAPID_COMMIT: u16 = 14;

/// All servers of a link.
const SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// A message of a client.
#[derive(Clone, Debug)]
pub struct Asked {
    pub kind: u8,
    transaction: [u8; 3],
    options: Vec<(u16, Vec<u8>)>,
}

/// The server.
pub type Script6 = Scripted<Asked>;

impl Script6 {
    /// Starts a server that answers each message with the packets `answers` makes of it.
    pub fn start(
        stage: &Stage,
        answers: impl FnMut(&Asked) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        let index = stage.server.sh("ip -o link show dev eth0 | cut -d: -f1");
        let index: u32 = index.trim().parse().expect("an index");
        let bind = move || {
            let socket = UdpSocket::bind("[::]:547")?;
            socket.join_multicast_v6(&SERVERS, index)?;
            Ok::<_, std::io::Error>(socket)
        };
        let socket = stage.server.run(bind).expect("the server's port");
        Self::serve(socket, None, answers)
    }

    /// Starts a server that gives fd00:1::5 for so many seconds.
    pub fn giving(stage: &Stage, seconds: u32) -> Self {
        Self::start(stage, move |asked| vec![asked.given(5, seconds)])
    }
}

impl Message for Asked {
    fn read(bytes: &[u8]) -> Self {
        let mut options = Vec::new();
        let mut rest = &bytes[4..];
        while let [a, b, c, d, behind @ ..] = rest {
            let (value, behind) = behind.split_at(usize::from(u16::from_be_bytes([*c, *d])));
            options.push((u16::from_be_bytes([*a, *b]), value.to_vec()));
            rest = behind;
        }
        Self { kind: bytes[0], transaction: [bytes[1], bytes[2], bytes[3]], options }
    }

    fn kind(&self) -> u8 {
        self.kind
    }
}

impl Asked {
    fn option(&self, number: u16) -> Vec<u8> {
        let found = self.options.iter().find(|(found, _)| *found == number);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// A reply with these options inside the association, and no others.
    pub fn reply(&self, inside: &[u8]) -> Vec<u8> {
        let association = [&self.option(IA_NA)[..4], &[0; 8], inside].concat();
        let mut bytes = vec![REPLY];
        bytes.extend(self.transaction);
        bytes.extend(option(CLIENT_ID, &self.option(CLIENT_ID)));
        bytes.extend(option(SERVER_ID, &[0, 3, 0, 1, 2, 0, 0, 0, 0, 1]));
        bytes.extend(option(RAPID_COMMIT, &[]));
        bytes.extend(option(IA_NA, &association));
        bytes
    }

    /// What a good server answers: fd00:1::`last` for so many seconds, and to what is given back
    /// nothing.
    pub fn given(&self, last: u8, seconds: u32) -> Vec<u8> {
        if [RELEASE, DECLINE].contains(&self.kind) {
            return Vec::new();
        }
        let mut address = Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, last.into()).octets().to_vec();
        address.extend(seconds.to_be_bytes());
        address.extend(seconds.to_be_bytes());
        self.reply(&option(IAADDR, &address))
    }
}

pub fn option(number: u16, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(value.len()).expect("a short value");
    [&number.to_be_bytes()[..], &len.to_be_bytes(), value].concat()
}
