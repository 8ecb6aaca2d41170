//! Whatever may come from the link to a DHCPv6 client, in any situation.

use std::net::Ipv6Addr;
use std::time::Duration;

use super::Script;
use crate::client::v6::{Action, Client, Holding, Identity, Lease, Message, Names};
use crate::client::{Moment, Timing};
use crate::rpc::Answer;
use crate::rpc::stream::{Asking, Listening};

/// The client's and the server's identifiers, as options.
const IDENTIFIERS: [u8; 13] = [0, 1, 0, 3, 0, 4, 1, 0, 2, 0, 2, 0, 3];
const CLIENT: [u8; 3] = [0, 4, 1];

const SERVER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// How often the client is left alone in the end.
const LAST_TICKS: usize = 64;

/// Plays a script against a client.
///
/// The first byte chooses whether it wants an address or name servers alone; then each step is a
/// byte that says what happens, and what comes from the link, behind its length in two bytes.
///
/// # Panics
///
/// When something is not as it has to be.
pub fn link6(script: &[u8]) {
    let mut script = Script(script);
    let mut play = Play::begin(script.byte().unwrap_or_default());
    while let Some(what) = script.byte() {
        let Some(bytes) = script.bytes() else { break };
        match what % 6 {
            0 => play.receive(bytes),
            1 => play.receive(&play.addressed(2, bytes)),
            2 | 3 => play.receive(&play.addressed(7, bytes)),
            4 => play.advertised.add_router_option(bytes),
            _ => play.tick(),
        }
    }
    (0..LAST_TICKS).for_each(|_| play.tick());
}

/// A client, what it has said last, and what routers have said.
struct Play {
    client: Client,
    now: Moment,
    head: [u8; 4],
    advertised: Names,
}

impl Play {
    fn begin(wants: u8) -> Self {
        let identity = Identity { client: CLIENT.to_vec(), association: 7 };
        let mut play = Self {
            client: Client::new(identity, Timing::default(), || 7 << 40),
            now: Duration::from_secs(1000),
            head: [0; 4],
            advertised: Names::default(),
        };
        let actions = if wants & 1 == 0 {
            play.client.acquire(play.now)
        } else {
            play.client.inform(play.now)
        };
        play.act(actions);
        play
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(message) => {
                    let bytes = message.encode().expect("a message of ours has bytes");
                    assert_eq!(Message::decode(&bytes), Some(message));
                    self.head.copy_from_slice(&bytes[..4]);
                }
                Action::Hold(lease) => self.judge(lease),
                Action::Tell(_) => {}
                Action::Learn(_) | Action::GiveUp(_) | Action::Expire => {
                    assert_eq!((self.client.wake(), self.client.lease()), (None, None));
                }
            }
        }
    }

    /// A lease lasts for a while, is remembered as it is, and reaches the plugin as it is.
    fn judge(&self, lease: Lease) {
        assert_eq!(self.client.lease(), Some(&lease));
        assert!(lease.renew_at > self.now && lease.renew_at <= lease.rebind_at);
        assert!(lease.rebind_at <= lease.expires_at && lease.deprecated_at <= lease.expires_at);
        let holding =
            Holding { lease: Some(lease), names: self.advertised.clone(), ..Holding::default() };
        let written = serde_json::to_vec(&holding).expect("it can be written");
        let read: Holding = serde_json::from_slice(&written).expect("it can be read");
        assert_eq!(read, holding);
        let told = Answer::Result(holding.result());
        let mut asking = Asking::default();
        asking.feed(&Listening::default().answer("DHCP.Allocate", 0, &told));
        assert_eq!(asking.answer(), Ok(Some(told)));
    }

    fn receive(&mut self, bytes: &[u8]) {
        if let Some(message) = Message::decode(bytes) {
            let actions = self.client.receive(&message, SERVER, self.now);
            self.act(actions);
        }
    }

    /// A message that is made to be an answer to the client's last one.
    fn addressed(&self, kind: u8, options: &[u8]) -> Vec<u8> {
        [&[kind][..], &self.head[1..], &IDENTIFIERS, options].concat()
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
