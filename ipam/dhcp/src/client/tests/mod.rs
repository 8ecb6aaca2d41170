//! The machine against a server and a clock of our own.

mod conflicts;
mod life;
mod messages;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dhcproto::v4::{MessageType, OptionCode};
use linux_net::Mac;

use super::options::Options;
use super::*;

const SERVER_IP: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 5);

fn mac(last: u8) -> Mac {
    Mac::from([2, 0, 0, 0, 0, last])
}

fn seconds(seconds: u64) -> Moment {
    Duration::from_secs(seconds)
}

fn options_of(list: &[(u8, &[u8])]) -> Options {
    let mut options = Options::default();
    list.iter().for_each(|(number, value)| options.set_bytes(*number, value.to_vec()));
    options
}

fn list(options: &Options) -> Vec<(u8, Vec<u8>)> {
    let numbers = 0..=u8::MAX;
    let entry =
        |number| options.bytes(OptionCode::from(number)).map(|value| (number, value.to_vec()));
    numbers.filter_map(entry).collect()
}

fn bytes(message: &Message, number: u8) -> &[u8] {
    message.options.bytes(number.into()).expect("an option")
}

fn numbers(message: &Message) -> Vec<u8> {
    list(&message.options).into_iter().map(|(number, _)| number).collect()
}

/// A client, and what it has said and done so far.
struct Play {
    client: Client,
    now: Moment,
    sent: Vec<(u64, Message, Destination)>,
    done: Vec<(u64, Action)>,
}

impl Play {
    /// A client that looks for a lease from second 1000 on.
    fn begin() -> Self {
        Self::with(Wishes { requested: vec![3, 1], ..Wishes::default() })
    }

    fn with(wishes: Wishes) -> Self {
        let identity = Identity {
            hardware: Hardware(Some(mac(2))),
            client_id: b"\0c1/net/eth0".to_vec(),
            tries_out: wishes.detect_conflicts,
            wishes,
            wants_broadcast: false,
        };
        // The lower half, which varies times, stays 0: all are as short as they can be.
        fn random() -> u64 {
            static NUMBER: AtomicU64 = AtomicU64::new(1);
            NUMBER.fetch_add(1, Ordering::Relaxed) << 32
        }
        let mut play = Self {
            client: Client::new(identity, Timing::default(), random),
            now: seconds(1000),
            sent: Vec::new(),
            done: Vec::new(),
        };
        let actions = play.client.acquire(play.now);
        play.note(actions);
        play
    }

    /// The same with a lease of 100 seconds, taken at second 1000.
    fn bound() -> Self {
        let mut play = Self::begin();
        play.answer(MessageType::Offer, &[]);
        play.answer(MessageType::Ack, &[]);
        assert_eq!(play.held(), Some(ADDRESS));
        play.sent.clear();
        play.done.clear();
        play
    }

    fn note(&mut self, actions: Vec<Action>) {
        let at = self.now.as_secs();
        for action in actions {
            match action {
                Action::Send(message, to) => self.sent.push((at, message, to)),
                Action::Tell(_) => {}
                other => self.done.push((at, other)),
            }
        }
    }

    /// Lets time pass.
    fn until(&mut self, end: u64) {
        while let Some(wake) = self.client.wake().filter(|wake| *wake <= seconds(end)) {
            self.now = self.now.max(wake);
            let actions = self.client.tick(self.now);
            assert!(!actions.is_empty() || self.client.wake() > Some(wake), "no progress");
            self.note(actions);
        }
        self.now = self.now.max(seconds(end));
    }

    /// The server's answer to the latest message, with these options replaced.
    fn reply(&self, kind: MessageType, options: &[(u8, &[u8])]) -> Message {
        let (_, asked, _) = self.sent.last().expect("something to answer");
        let usual: [(u8, &[u8]); 4] = [
            (53, &[kind.into()]),
            (54, &SERVER_IP.octets()),
            (1, &[255, 255, 255, 0]),
            (51, &100_u32.to_be_bytes()),
        ];
        let all = options_of(&[&usual[..], options].concat());
        Message {
            is_reply: true,
            client: Ipv4Addr::UNSPECIFIED,
            yours: ADDRESS,
            options: all,
            ..asked.clone()
        }
    }

    fn answer(&mut self, kind: MessageType, options: &[(u8, &[u8])]) {
        let reply = self.reply(kind, options);
        self.receive(&reply);
    }

    fn receive(&mut self, message: &Message) {
        // Through the wire, as it would come.
        let message = Message::decode(&message.encode()).expect("a message");
        let actions = self.client.receive(&message, Some(mac(1)), self.now);
        self.note(actions);
    }

    fn held(&self) -> Option<Ipv4Addr> {
        self.client.lease().map(|lease| lease.address)
    }

    /// When what was sent, as kinds of messages.
    fn sent(&self) -> Vec<(u64, MessageType)> {
        let kind = |message: &Message| message.kind().expect("a kind");
        self.sent.iter().map(|(at, message, _)| (*at, kind(message))).collect()
    }

    fn last(&self) -> &Message {
        &self.sent.last().expect("something was sent").1
    }
}
