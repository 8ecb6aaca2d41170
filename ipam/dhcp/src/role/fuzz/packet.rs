//! Whatever may come from the link to a client, in any situation.

use std::net::Ipv4Addr;
use std::time::Duration;

use linux_net::Mac;

use super::Script;
use crate::client::{
    Action, CHADDR_OFFSET, Client, Hardware, Identity, Lease, Message, Moment, Timing, Wishes, arp,
    frame,
};
use crate::rpc::Answer;
use crate::rpc::stream::{Asking, Listening};

const OWN_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// How often the client is left alone in the end.
const LAST_TICKS: usize = 64;

/// Plays a script against a client.
///
/// The first byte chooses what the client wants; then each step is a byte that says what happens, and
/// what comes from the link, behind its length in two bytes.
///
/// # Panics
///
/// When something is not as it has to be.
pub fn link(script: &[u8]) {
    let mut script = Script(script);
    let mut play = Play::begin(script.byte().unwrap_or_default());
    while let Some(what) = script.byte() {
        let Some(bytes) = script.bytes() else { break };
        match what % 6 {
            0 => play.receive(frame::unwrap(bytes, true)),
            1 => play.receive(frame::unwrap(bytes, false)),
            2 | 3 => play.receive(Some(&play.addressed(bytes))),
            4 => play.hear_neighbour(bytes),
            _ => play.tick(),
        }
    }
    (0..LAST_TICKS).for_each(|_| play.tick());
}

/// A client, and what it has said last.
struct Play {
    client: Client,
    now: Moment,
    transaction: u32,
    everything: Wishes,
}

impl Play {
    fn begin(wants: u8) -> Self {
        let everything = Wishes { requested: (0..=u8::MAX).collect(), ..Wishes::default() };
        let identity = Identity {
            hardware: Hardware(Some(OWN_MAC.into())),
            client_id: b"\0c1/net/eth0".to_vec(),
            wishes: everything.clone(),
            wants_broadcast: wants & 1 != 0,
            tries_out: wants & 2 != 0,
        };
        let mut play = Self {
            client: Client::new(identity, Timing::default(), || 7 << 32),
            now: Duration::from_secs(1000),
            transaction: 0,
            everything,
        };
        let actions = play.client.acquire(play.now);
        play.act(actions);
        play
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(message, to) => {
                    let packet = frame::wrap(to.source, to.target, &message.encode());
                    assert!((328..=1500).contains(&packet.len()), "{} bytes", packet.len());
                    assert_eq!(Message::decode(&packet[28..]).as_ref(), Some(&message));
                    self.transaction = message.transaction;
                }
                Action::Hold(lease) => self.judge(&lease),
                Action::Probe(address) => assert_eq!(self.client.tried(), Some(address)),
                Action::Tell(_) => {}
                Action::GiveUp(_) | Action::Expire => {
                    assert_eq!((self.client.wake(), self.client.lease()), (None, None));
                }
            }
        }
    }

    /// A lease lasts for a while, is remembered as it is, and reaches the plugin as it is.
    fn judge(&self, lease: &Lease) {
        assert_eq!(self.client.lease(), Some(lease));
        assert!(lease.renew_at < lease.rebind_at && lease.rebind_at < lease.expires_at);
        let written = serde_json::to_vec(lease).expect("a lease can be written");
        let read: Lease = serde_json::from_slice(&written).expect("a lease can be read");
        assert_eq!(read, *lease);
        let told = Answer::Result(lease.result(&self.everything));
        let mut asking = Asking::default();
        asking.feed(&Listening::default().answer("DHCP.Allocate", 0, &told));
        assert_eq!(asking.answer(), Ok(Some(told)));
    }

    fn receive(&mut self, message: Option<&[u8]>) {
        if let Some(message) = message.and_then(Message::decode) {
            let actions = self.client.receive(&message, Some(SERVER_MAC.into()), self.now);
            self.act(actions);
        }
    }

    /// A message that is made to be an answer to the client's last one.
    fn addressed(&self, bytes: &[u8]) -> Vec<u8> {
        let mut message = bytes.to_vec();
        message.resize(bytes.len().max(241), 0);
        message[0] = 2;
        message[2] = OWN_MAC.len() as u8;
        message[4..8].copy_from_slice(&self.transaction.to_be_bytes());
        let chaddr = CHADDR_OFFSET as usize;
        message[chaddr..chaddr + OWN_MAC.len()].copy_from_slice(&OWN_MAC);
        message[236..240].copy_from_slice(&[99, 130, 83, 99]);
        message
    }

    fn hear_neighbour(&mut self, bytes: &[u8]) {
        let tried = self.client.tried().unwrap_or(Ipv4Addr::UNSPECIFIED);
        let rival: Option<Mac> = arp::rival(bytes, &OWN_MAC, tried);
        if let Some(rival) = rival {
            let actions = self.client.meet(rival, self.now);
            self.act(actions);
        }
    }

    /// Lets time pass until something is to be done, and has it done.
    fn tick(&mut self) {
        let Some(wake) = self.client.wake() else { return };
        self.now = self.now.max(wake);
        let actions = self.client.tick(self.now);
        assert!(!actions.is_empty(), "it woke for nothing: {:?}", self.client);
        self.act(actions);
        let next = self.client.wake();
        assert!(next.is_none_or(|next| next > self.now), "it does not sleep: {:?}", self.client);
    }
}
