//! The machine against a server and a clock of our own.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use linux_net::Mac;

use super::message::{Options, kind};
use super::*;

const SERVER_IP: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 5);

fn mac(last: u8) -> Mac {
    Mac::from([2, 0, 0, 0, 0, last])
}

fn seconds(seconds: u64) -> Moment {
    Duration::from_secs(seconds)
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
        play.answer(kind::OFFER, &[]);
        play.answer(kind::ACK, &[]);
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
    fn reply(&self, kind: u8, options: &[(u8, &[u8])]) -> Message {
        let (_, asked, _) = self.sent.last().expect("something to answer");
        let lifetime = 100_u32.to_be_bytes();
        let mut all = Options::from([
            (option::MESSAGE_TYPE, vec![kind]),
            (option::SERVER, SERVER_IP.octets().to_vec()),
            (option::SUBNET_MASK, vec![255, 255, 255, 0]),
            (option::LEASE_TIME, lifetime.to_vec()),
        ]);
        for (number, value) in options {
            all.insert(*number, value.to_vec());
        }
        Message {
            is_reply: true,
            client: Ipv4Addr::UNSPECIFIED,
            yours: ADDRESS,
            options: all,
            ..asked.clone()
        }
    }

    fn answer(&mut self, kind: u8, options: &[(u8, &[u8])]) {
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
    fn sent(&self) -> Vec<(u64, u8)> {
        self.sent.iter().map(|(at, message, _)| (*at, message.kind())).collect()
    }

    fn last(&self) -> &Message {
        &self.sent.last().expect("something was sent").1
    }
}

#[test]
fn messages_have_the_options_of_the_reference() {
    let provided = Options::from([(option::HOST_NAME, b"h".to_vec())]);
    let mut play = Play::with(Wishes { provided, requested: vec![12, 3, 1], priority: 0 });
    let options = |message: &Message| {
        message.options.iter().map(|(n, v)| (*n, v.clone())).collect::<Vec<_>>()
    };
    let (_, discover, to) = play.sent[0].clone();
    assert_eq!(
        options(&discover),
        [
            (12, b"h".to_vec()),
            (53, vec![1]),
            (55, vec![12, 3, 1]),
            (57, vec![5, 220]),
            (61, b"\0c1/net/eth0".to_vec())
        ]
    );
    assert_eq!((to.source, to.target), (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST));
    play.answer(kind::OFFER, &[]);
    let request = play.last().clone();
    assert_eq!(request.transaction, discover.transaction);
    let numbers: Vec<u8> = request.options.keys().copied().collect();
    assert_eq!(numbers, [12, 50, 53, 54, 55, 57, 61]);
    assert_eq!(request.options[&50], ADDRESS.octets());
    play.answer(kind::ACK, &[]);
    let (release, to) = play.client.release().expect("something to release");
    let numbers: Vec<u8> = release.options.keys().copied().collect();
    assert_eq!((release.kind(), release.client, numbers), (7, ADDRESS, vec![53, 54, 61]));
    assert_eq!((to.source, to.target, to.mac), (ADDRESS, SERVER_IP, Some(mac(1))));
    assert_eq!(play.client.wake(), None);
}

#[test]
fn a_provided_client_id_is_used_for_the_release_too() {
    let provided = Options::from([(option::CLIENT_ID, b"short".to_vec())]);
    let mut play = Play::with(Wishes { provided, ..Wishes::default() });
    assert_eq!(play.last().options[&option::CLIENT_ID], b"short");
    assert_eq!(play.last().options[&option::REQUEST_LIST], [1, 3, 15, 6]);
    play.answer(kind::OFFER, &[]);
    play.answer(kind::ACK, &[]);
    let (release, _) = play.client.release().expect("something to release");
    assert_eq!(release.options[&option::CLIENT_ID], b"short");
}

#[test]
fn messages_are_repeated_and_searches_end() {
    let mut play = Play::begin();
    play.until(2000);
    let at: Vec<u64> = play.sent.iter().map(|(at, ..)| at - 1000).collect();
    // Waits of a quarter of a second, half a second, one, two … less a tenth, up to 70 in all.
    assert_eq!(at[..7], [0, 0, 0, 1, 3, 6, 14]);
    assert!(play.sent.iter().all(|(_, message, _)| message.kind() == kind::DISCOVER));
    assert_eq!(play.done, [(1208, Action::GiveUp("no more tries".to_owned()))]);
    assert_eq!(play.client.wake(), None);
    let first = play.sent[0].1.transaction;
    assert_eq!(play.sent[1].1.transaction, first, "a repetition is the same message");
    assert_ne!(play.sent.last().map(|(_, m, _)| m.transaction), Some(first));
}

#[test]
fn the_lease_is_extended_at_its_server_first() {
    let mut play = Play::bound();
    play.until(1050);
    assert_eq!(play.sent(), [(1050, kind::REQUEST)]);
    let (_, renewal, to) = play.sent[0].clone();
    assert_eq!(renewal.client, ADDRESS);
    assert!(!renewal.options.contains_key(&50) && !renewal.options.contains_key(&54));
    assert_eq!((to.source, to.target, to.mac), (ADDRESS, SERVER_IP, Some(mac(1))));
    play.answer(kind::ACK, &[]);
    assert!(matches!(play.done[..], [(1050, Action::Hold(_))]));
    assert_eq!(play.client.wake(), Some(seconds(1100)));
}

#[test]
fn then_at_any_server_and_then_it_is_over() {
    let mut play = Play::bound();
    play.until(1084);
    assert_eq!(play.sent(), [(1050, 3), (1067, 3), (1076, 3), (1081, 3)]);
    play.until(1085);
    let (at, rebinding, to) = play.sent[4].clone();
    assert_eq!((at, rebinding.client), (1085, ADDRESS));
    assert_ne!(rebinding.transaction, play.sent[0].1.transaction);
    assert_eq!((to.target, to.mac), (Ipv4Addr::BROADCAST, None));
    play.until(1200);
    assert_eq!(play.done, [(1100, Action::Expire)]);
    assert_eq!((play.held(), play.client.wake()), (None, None));
}

#[test]
fn another_server_may_extend_a_lease_that_is_rebound() {
    let mut play = Play::bound();
    play.until(1060);
    let other: (u8, &[u8]) = (option::SERVER, &[192, 168, 1, 2]);
    play.answer(kind::ACK, &[other]);
    assert!(play.done.is_empty(), "not yet");
    play.until(1090);
    play.answer(kind::ACK, &[other]);
    assert!(matches!(play.done[..], [(1090, Action::Hold(_))]));
}

#[test]
fn a_refused_extension_leads_to_another_lease() {
    let mut play = Play::bound();
    play.until(1050);
    play.answer(kind::NAK, &[]);
    assert_eq!(play.sent().last(), Some(&(1050, kind::DISCOVER)));
    assert_eq!(play.held(), Some(ADDRESS), "until there is another");
    let mut offer = play.reply(kind::OFFER, &[]);
    offer.yours = Ipv4Addr::new(192, 168, 1, 9);
    play.receive(&offer);
    let mut acknowledgement = play.reply(kind::ACK, &[]);
    acknowledgement.yours = offer.yours;
    play.receive(&acknowledgement);
    assert_eq!(play.held(), Some(offer.yours));

    let mut play = Play::bound();
    play.until(1050);
    play.answer(kind::NAK, &[]);
    play.until(2000);
    assert_eq!(play.done, [(1100, Action::Expire)], "the old one lasts as long as it would have");
}

#[test]
fn a_refused_request_starts_over_after_a_pause() {
    let mut play = Play::begin();
    play.answer(kind::OFFER, &[]);
    play.answer(kind::NAK, &[(option::TEXT, b"no")]);
    assert!(!play.client.listens());
    play.until(1001);
    assert!(play.sent().contains(&(1001, kind::DISCOVER)));
}

#[test]
fn what_is_no_answer_of_the_server_to_us_is_ignored() {
    let mut play = Play::begin();
    let offer = play.reply(kind::OFFER, &[]);
    let change: [fn(&mut Message); 6] = [
        |message| message.transaction ^= 1,
        |message| message.hardware = Hardware(Some(mac(9))),
        |message| message.is_reply = false,
        |message| message.yours = Ipv4Addr::UNSPECIFIED,
        |message| drop(message.options.remove(&option::MESSAGE_TYPE)),
        |message| drop(message.options.insert(option::MESSAGE_TYPE, vec![kind::ACK])),
    ];
    for change in change {
        let mut changed = offer.clone();
        change(&mut changed);
        play.receive(&changed);
    }
    assert_eq!(play.sent(), [(1000, kind::DISCOVER)]);
    play.receive(&offer);
    play.answer(kind::ACK, &[(option::SERVER, &[10, 0, 0, 1])]);
    assert_eq!(play.held(), None, "that is another server");
    play.answer(kind::ACK, &[]);
    assert_eq!(play.held(), Some(ADDRESS));
    play.receive(&offer);
    play.answer(kind::NAK, &[]);
    assert_eq!(play.held(), Some(ADDRESS), "nothing was asked");
}

#[test]
fn a_lease_without_a_mask_is_given_back() {
    let mut play = Play::begin();
    play.answer(kind::OFFER, &[]);
    play.answer(kind::ACK, &[(option::SUBNET_MASK, &[255])]);
    let why = "DHCP option Subnet Mask not found in DHCPACK".to_owned();
    assert_eq!(play.done, [(1000, Action::GiveUp(why))]);
    assert_eq!(play.sent().last(), Some(&(1000, kind::RELEASE)));
}

#[test]
fn a_search_that_is_given_up_gives_back_what_the_server_may_have_given() {
    let mut play = Play::begin();
    assert_eq!(play.client.release(), None);
    let mut play = Play::begin();
    play.answer(kind::OFFER, &[]);
    let (release, _) = play.client.release().expect("an offer was asked for");
    assert_eq!((release.kind(), release.client), (kind::RELEASE, ADDRESS));
}

#[test]
fn a_lease_of_an_earlier_life_goes_on_where_it_was() {
    let lease = Play::bound().client.lease().cloned().expect("a lease");
    let adopt_at = |at| {
        let mut play = Play::begin();
        play.sent.clear();
        play.now = seconds(at);
        let actions = play.client.adopt(lease.clone(), play.now);
        play.note(actions);
        play.until(at);
        play
    };
    assert_eq!(adopt_at(1010).client.wake(), Some(seconds(1050)));
    assert_eq!(adopt_at(1060).sent(), [(1060, kind::REQUEST)]);
    let mut late = adopt_at(1150);
    assert_eq!(late.sent(), [(1150, kind::DISCOVER)]);
    late.until(2000);
    assert_eq!(late.done, [(1150 + 208, Action::Expire)]);
}

/// RFC 3396 and RFC 2131 section 4.1.
#[test]
fn options_are_gathered_from_wherever_they_are() {
    let mut play = Play::begin();
    let mut bytes = play.reply(kind::OFFER, &[(15, &[b'x'; 300])]).encode();
    let decoded = Message::decode(&bytes).expect("a message");
    assert_eq!(decoded.options[&15].len(), 300, "one option in two parts");
    let end = bytes.iter().rposition(|byte| *byte == 255).expect("an end");
    bytes.splice(end..end, [52, 1, 3]);
    bytes[44..47].copy_from_slice(&[6, 0, 255]);
    bytes[108..113].copy_from_slice(&[6, 1, 9, 0, 255]);
    let decoded = Message::decode(&bytes).expect("a message");
    assert_eq!(decoded.options[&6], [9]);
    bytes[112] = 200;
    bytes[113..236].fill(0);
    bytes[235] = 7;
    assert_eq!(Message::decode(&bytes), None, "it ends within an option");
    play.until(1000);
}

#[test]
fn messages_that_are_cut_off_or_damaged_never_hurt() {
    let play = Play::begin();
    let whole =
        play.reply(kind::ACK, &[(121, &[8, 10, 1, 2, 3, 4]), (119, b"\x01a\xc0\x00")]).encode();
    for len in 0..whole.len() {
        let _ = Message::decode(&whole[..len]);
    }
    for position in 0..whole.len() {
        for value in [0, 1, 3, 52, 127, 255] {
            let mut damaged = whole.clone();
            damaged[position] = value;
            if let Some(message) = Message::decode(&damaged) {
                let lease = Lease::read(&message, None, Moment::ZERO);
                let wishes = Wishes { requested: (0..=255).collect(), ..Wishes::default() };
                drop(lease.map(|lease| lease.result(&wishes)));
            }
        }
    }
}

#[test]
fn short_messages_are_padded() {
    let message = Play::begin().last().encode();
    assert_eq!(message.len(), 300);
    assert_eq!((message[0], message[1], message[2], message[10]), (1, 1, 6, 0));
    assert_eq!(message[28..34], [2, 0, 0, 0, 0, 2]);
}
