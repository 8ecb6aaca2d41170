//! A DHCP server that answers as a test tells it, wrongly if need be.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use super::scripted::{Message, Scripted};
use super::stage::Stage;

pub const DISCOVER: u8 = 1;
pub const OFFER: u8 = 2;
pub const REQUEST: u8 = 3;
pub const ACK: u8 = 5;
pub const NAK: u8 = 6;
pub const RELEASE: u8 = 7;

/// A message of a client.
#[derive(Clone, Debug)]
pub struct Asked {
    pub kind: u8,
    pub client: Ipv4Addr,
    pub options: BTreeMap<u8, Vec<u8>>,
    /// The broadcast flag.
    pub wants_broadcast: bool,
    head: Vec<u8>,
}

/// The server.
pub type Script = Scripted<Asked>;

impl Script {
    /// Starts a server that answers each message with the packets `answers` makes of it.
    pub fn start(
        stage: &Stage,
        answers: impl FnMut(&Asked) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        stage.server.sh("ip route replace 255.255.255.255 dev eth0");
        let socket = stage.server.run(|| UdpSocket::bind("0.0.0.0:67")).expect("the server's port");
        socket.set_broadcast(true).expect("broadcast");
        let everyone = SocketAddr::from((Ipv4Addr::BROADCAST, 68));
        Self::serve(socket, Some(everyone), answers)
    }

    /// Starts a server that gives 192.168.1.5 for so many seconds, with these options more.
    pub fn giving(stage: &Stage, seconds: u32, options: &[(u8, &[u8])]) -> Self {
        let options: Vec<(u8, Vec<u8>)> = options.iter().map(|(n, v)| (*n, v.to_vec())).collect();
        Self::start(stage, move |asked| vec![asked.given(5, seconds, &options)])
    }

    /// The requests for more time so far.
    pub fn extensions(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(Asked::is_extension).collect()
    }
}

impl Message for Asked {
    fn read(bytes: &[u8]) -> Self {
        assert!(bytes.len() >= 300, "short messages are padded: {}", bytes.len());
        let mut options = BTreeMap::new();
        let mut rest = &bytes[240..];
        while let [number, len, behind @ ..] = rest
            && *number != 255
        {
            options.insert(*number, behind[..usize::from(*len)].to_vec());
            rest = &behind[usize::from(*len)..];
        }
        Self {
            kind: options[&53][0],
            client: Ipv4Addr::new(bytes[12], bytes[13], bytes[14], bytes[15]),
            options,
            wants_broadcast: bytes[10] & 0x80 != 0,
            head: bytes[..240].to_vec(),
        }
    }

    fn kind(&self) -> u8 {
        self.kind
    }
}

impl Asked {
    /// Whether it asks for more time: it comes from the address that is held.
    pub fn is_extension(&self) -> bool {
        self.kind == REQUEST && !self.client.is_unspecified()
    }

    /// The client's hardware address.
    pub fn hardware(&self) -> &[u8] {
        &self.head[28..34]
    }

    /// An answer of this kind with 192.168.1.`last` and these options, and no others.
    pub fn answer(&self, kind: u8, last: u8, options: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = self.head.clone();
        bytes[0] = 2;
        bytes[16..20].copy_from_slice(&[192, 168, 1, last]);
        for (number, value) in [&[(53, vec![kind])], options].concat() {
            bytes.extend([number, value.len() as u8]);
            bytes.extend(value);
        }
        bytes.push(255);
        bytes
    }

    /// What a good server answers: an offer, or an acknowledgement.
    pub fn given(&self, last: u8, seconds: u32, options: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let kind = if self.kind == DISCOVER { OFFER } else { ACK };
        let usual = [
            (54, vec![192, 168, 1, 1]),
            (1, vec![255, 255, 255, 0]),
            (3, vec![192, 168, 1, 1]),
            (51, seconds.to_be_bytes().to_vec()),
        ];
        self.answer(kind, last, &[&usual[..], options].concat())
    }

    /// Another transaction's message.
    pub fn of_another(&self, mut answer: Vec<u8>) -> Vec<u8> {
        answer[4] ^= 1;
        answer
    }
}
