//! The machine against a server and a clock of our own.

use std::net::Ipv6Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dhcproto::v6::{MessageType, Status, StatusCode};

use super::message::{Association, Given};
use super::*;
use crate::client::{Moment, Timing};

const SERVER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const ADDRESS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 5);
const OTHER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9);

/// A client, and what it has said and done so far, with the tenths of seconds since the begin.
struct Play {
    client: Client,
    now: Moment,
    sent: Vec<(u64, Message)>,
    done: Vec<(u64, Action)>,
}

const BEGIN: Moment = Duration::from_secs(1000);

impl Play {
    fn idle() -> Self {
        // The lower half, which varies times, stays 0: all are as short as they can be.
        fn random() -> u64 {
            static NUMBER: AtomicU64 = AtomicU64::new(1);
            NUMBER.fetch_add(1, Ordering::Relaxed) << 40
        }
        let identity = Identity { client: vec![0, 4, 1], association: 7 };
        let client = Client::new(identity, Timing::default(), random);
        Self { client, now: BEGIN, sent: Vec::new(), done: Vec::new() }
    }

    /// A client that looks for a lease from second 1000 on.
    fn begin() -> Self {
        let mut play = Self::idle();
        let actions = play.client.acquire(play.now);
        play.note(actions);
        play
    }

    /// The same with a lease of 100 seconds, to be renewed after 50 and rebound after 80.
    fn bound() -> Self {
        let mut play = Self::begin();
        play.answer(MessageType::Reply, |reply| reply.is_rapid = true);
        assert_eq!(play.held(), Some(ADDRESS));
        play.sent.clear();
        play.done.clear();
        play
    }

    fn note(&mut self, actions: Vec<Action>) {
        let at = (self.now - BEGIN).as_millis() as u64 / 100;
        for action in actions {
            match action {
                Action::Send(message) => self.sent.push((at, message)),
                Action::Tell(_) => {}
                other => self.done.push((at, other)),
            }
        }
    }

    /// Lets time pass, up to so many seconds after the begin.
    fn until(&mut self, end: u64) {
        self.until_moment(BEGIN + Duration::from_secs(end));
    }

    /// Lets other servers have their say.
    fn until_all_have_offered(&mut self) {
        self.until_moment(self.now + Duration::from_millis(150));
    }

    fn until_moment(&mut self, end: Moment) {
        while let Some(wake) = self.client.wake().filter(|wake| *wake <= end) {
            self.now = self.now.max(wake);
            let actions = self.client.tick(self.now);
            assert!(!actions.is_empty() || self.client.wake() > Some(wake), "no progress");
            self.note(actions);
        }
        self.now = self.now.max(end);
    }

    /// The server's answer to the latest message, changed in some way.
    fn answer(&mut self, kind: MessageType, change: impl FnOnce(&mut Message)) {
        let asked = self.last();
        let mut reply = Message {
            client: asked.client.clone(),
            server: Some(vec![0, 3, 1]),
            association: Some(Association {
                id: 7,
                renewal: 0,
                rebinding: 0,
                status: None,
                addresses: vec![Given { address: ADDRESS, preferred: 100, valid: 100 }],
            }),
            ..Message::new(kind, asked.transaction)
        };
        change(&mut reply);
        // Through the wire, as it would come.
        let bytes = reply.encode().expect("bytes");
        let reply = Message::decode(&bytes).expect("a message");
        let actions = self.client.receive(&reply, SERVER, self.now);
        self.note(actions);
    }

    fn held(&self) -> Option<Ipv6Addr> {
        self.client.lease().map(|lease| lease.address)
    }

    fn sent(&self) -> Vec<(u64, MessageType)> {
        self.sent.iter().map(|(at, message)| (*at, message.kind)).collect()
    }

    fn last(&self) -> &Message {
        &self.sent.last().expect("something was sent").1
    }
}

fn association(message: &mut Message) -> &mut Association {
    message.association.as_mut().expect("an association")
}

fn refuses(status: Status) -> impl FnOnce(&mut Message) {
    move |reply| {
        association(reply).addresses.clear();
        association(reply).status = Some(StatusCode { status, msg: String::new() });
    }
}

#[test]
fn two_messages_do_where_the_server_is_quick_and_four_elsewhere() {
    let mut play = Play::begin();
    let solicit = play.last().clone();
    assert!(solicit.is_rapid && solicit.wants_names && solicit.server.is_none());
    assert_eq!(solicit.association.map(|ia| (ia.id, ia.addresses)), Some((7, vec![])));
    play.answer(MessageType::Reply, |_| {});
    assert_eq!(play.held(), None, "it has not said that it was quick");
    play.answer(MessageType::Reply, |reply| reply.is_rapid = true);
    assert_eq!(play.held(), Some(ADDRESS));

    let mut play = Play::begin();
    play.answer(MessageType::Advertise, |_| {});
    assert_eq!(play.sent.len(), 1, "others may have something better");
    play.until_all_have_offered();
    assert_eq!(play.sent(), [(0, MessageType::Solicit), (1, MessageType::Request)]);
    assert_eq!(play.last().server, Some(vec![0, 3, 1]));
    play.answer(MessageType::Reply, |_| {});
    assert_eq!(play.held(), Some(ADDRESS));
    let lease = play.client.lease().expect("a lease");
    assert_eq!(
        (lease.server_address, lease.renew_at),
        (SERVER, play.now + Duration::from_secs(50))
    );
}

#[test]
fn the_server_that_prefers_itself_most_is_asked() {
    let mut play = Play::begin();
    play.answer(MessageType::Advertise, |_| {});
    play.answer(MessageType::Advertise, |offer| {
        offer.preference = 9;
        offer.server = Some(vec![9]);
    });
    play.answer(MessageType::Advertise, |offer| offer.preference = 8);
    play.until_all_have_offered();
    assert_eq!(play.last().server, Some(vec![9]));
    let mut play = Play::begin();
    play.answer(MessageType::Advertise, |offer| offer.preference = 255);
    assert_eq!(play.sent(), [(0, MessageType::Solicit), (0, MessageType::Request)]);
}

#[test]
fn messages_are_repeated_and_searches_end() {
    let mut play = Play::begin();
    play.until(300);
    let at: Vec<u64> = play.sent.iter().map(|(at, _)| *at).collect();
    assert_eq!(at[..6], [0, 9, 26, 58, 120, 237]);
    let why = "no more tries for an IPv6 address".to_owned();
    assert_eq!(play.done, [(2080, Action::GiveUp(why))]);
    assert_eq!(play.client.wake(), None);
    let elapsed: Vec<_> = play.sent.iter().map(|(_, message)| message.elapsed).collect();
    assert_eq!(elapsed[..3], [Some(0), Some(90), Some(261)]);
    assert!(play.sent.iter().all(|(_, message)| message.transaction == play.last().transaction));

    // An answer that comes late is taken at once.
    let mut play = Play::begin();
    play.until(2);
    play.answer(MessageType::Advertise, |_| {});
    assert_eq!(play.last().kind, MessageType::Request);
    play.until(190);
    let requests = play.sent.iter().filter(|(_, message)| message.kind == MessageType::Request);
    assert_eq!(requests.count(), 10);
    assert_eq!(play.last().kind, MessageType::Solicit, "it begins again");
}

#[test]
fn an_exhausted_server_is_told_in_the_end() {
    let mut play = Play::begin();
    play.answer(MessageType::Advertise, refuses(Status::NoAddrsAvail));
    play.until(300);
    let why = "no more tries for an IPv6 address: the server says NoAddrsAvail".to_owned();
    assert_eq!(play.done, [(2080, Action::GiveUp(why))]);

    let mut play = Play::begin();
    play.answer(MessageType::Advertise, |offer| offer.preference = 255);
    play.answer(MessageType::Reply, refuses(Status::NotOnLink));
    assert!(!play.client.listens());
    play.until(2);
    assert_eq!(play.sent().last(), Some(&(20, MessageType::Solicit)));
}

#[test]
fn the_lease_is_extended_at_its_server_first_and_then_at_any() {
    let mut play = Play::bound();
    play.until(50);
    assert_eq!(play.sent(), [(500, MessageType::Renew)]);
    let renewal = play.last().clone();
    assert_eq!(renewal.server, Some(vec![0, 3, 1]));
    let given = Given { address: ADDRESS, preferred: 0, valid: 0 };
    assert_eq!(renewal.association.map(|ia| ia.addresses), Some(vec![given]));
    play.answer(MessageType::Reply, |reply| reply.server = Some(vec![8]));
    assert!(play.done.is_empty(), "not yet");
    play.answer(MessageType::Reply, |_| {});
    assert!(matches!(play.done[..], [(500, Action::Hold(_))]));
    assert_eq!(play.client.wake(), Some(BEGIN + Duration::from_secs(100)));

    let mut play = Play::bound();
    play.until(80);
    let expected =
        [(500, MessageType::Renew), (590, MessageType::Renew), (761, MessageType::Renew)];
    assert_eq!(play.sent()[..3], expected);
    assert_eq!(play.sent().last(), Some(&(800, MessageType::Rebind)));
    assert_eq!(play.last().server, None);
    play.answer(MessageType::Reply, |reply| reply.server = Some(vec![8]));
    assert!(matches!(play.done[..], [(800, Action::Hold(_))]));
    assert_eq!(play.client.lease().map(|lease| lease.server.clone()), Some(vec![8]));

    let mut play = Play::bound();
    play.until(200);
    assert_eq!(play.done, [(1000, Action::Expire)]);
    assert_eq!((play.held(), play.client.wake()), (None, None));
}

#[test]
fn a_server_that_has_forgotten_the_lease_is_asked_for_it() {
    let mut play = Play::bound();
    play.until(50);
    play.answer(MessageType::Reply, refuses(Status::NoBinding));
    assert_eq!(play.sent().last(), Some(&(500, MessageType::Request)));
    assert_eq!(play.held(), Some(ADDRESS), "until there is another");
    play.answer(MessageType::Reply, |reply| association(reply).addresses[0].address = OTHER);
    assert_eq!(play.held(), Some(OTHER));

    let mut play = Play::bound();
    play.until(50);
    play.answer(MessageType::Reply, refuses(Status::NoBinding));
    play.until(300);
    assert_eq!(play.done, [(1000, Action::Expire)], "it lasts as long as it would have");
}

#[test]
fn an_address_that_is_taken_away_is_replaced() {
    let mut play = Play::bound();
    play.until(50);
    play.answer(MessageType::Reply, |reply| {
        association(reply).addresses[0].valid = 0;
        association(reply).addresses[0].preferred = 0;
    });
    assert_eq!(play.sent().last(), Some(&(500, MessageType::Solicit)));
    play.answer(MessageType::Reply, |reply| {
        reply.is_rapid = true;
        association(reply).addresses[0].address = OTHER;
    });
    assert_eq!(play.held(), Some(OTHER));
    let mut play = Play::bound();
    play.until(50);
    play.answer(MessageType::Reply, |reply| association(reply).addresses.clear());
    assert_eq!(play.sent.len(), 1, "nothing is said about it, so it is asked again");
    play.until(60);
    assert_eq!(play.sent().last(), Some(&(590, MessageType::Renew)));
}

#[test]
fn a_failure_without_a_reason_is_no_answer() {
    let mut play = Play::bound();
    play.until(50);
    play.answer(MessageType::Reply, refuses(Status::UnspecFail));
    play.answer(MessageType::Reply, refuses(Status::UseMulticast));
    assert!(play.done.is_empty() && play.client.listens());
}

#[test]
fn what_is_no_answer_of_a_server_to_us_is_ignored() {
    let mut play = Play::begin();
    let change: [fn(&mut Message); 8] = [
        |message| message.transaction ^= 1,
        |message| message.client = Some(vec![9]),
        |message| message.client = None,
        |message| message.server = None,
        |message| message.kind = MessageType::Request,
        |message| association(message).id = 8,
        |message| association(message).addresses[0].preferred = 200,
        |message| association(message).addresses[0].address = Ipv6Addr::UNSPECIFIED,
    ];
    for change in change {
        play.answer(MessageType::Reply, |reply| {
            reply.is_rapid = true;
            change(reply);
        });
        assert_eq!(play.held(), None);
    }
    // Two of them have begun a pause, since the server was meant.
    play.until(2);
    play.answer(MessageType::Reply, |reply| reply.is_rapid = true);
    assert_eq!(play.held(), Some(ADDRESS));
    play.answer(MessageType::Reply, refuses(Status::NoBinding));
    assert_eq!(play.held(), Some(ADDRESS), "nothing was asked");
}

#[test]
fn what_is_given_back_names_the_server_and_the_address() {
    let mut play = Play::bound();
    let release = play.client.release().expect("something to release");
    assert_eq!((release.kind, &release.server), (MessageType::Release, &Some(vec![0, 3, 1])));
    let addresses = release.association.map(|ia| ia.addresses).unwrap_or_default();
    assert_eq!(addresses.first().map(|given| given.address), Some(ADDRESS));
    assert!(!release.wants_names);
    assert_eq!(play.client.wake(), None);

    let mut play = Play::begin();
    assert_eq!(play.client.release(), None);
    let mut play = Play::begin();
    play.answer(MessageType::Advertise, |offer| offer.preference = 255);
    assert!(play.client.release().is_some(), "the server may have given it");
}

#[test]
fn an_address_that_somebody_else_uses_is_declined() {
    let mut play = Play::bound();
    let actions = play.client.decline(play.now);
    play.note(actions);
    let decline = play.last().clone();
    assert_eq!((decline.kind, &decline.server), (MessageType::Decline, &Some(vec![0, 3, 1])));
    let addresses = decline.association.map(|ia| ia.addresses).unwrap_or_default();
    assert_eq!(addresses.first().map(|given| given.address), Some(ADDRESS));
    assert_eq!(play.held(), None);
    play.until(2);
    assert_eq!(play.sent(), [(0, MessageType::Decline), (20, MessageType::Solicit)]);
}

#[test]
fn a_lease_of_an_earlier_life_goes_on_where_it_was() {
    let lease = Play::bound().client.lease().cloned().expect("a lease");
    let adopt_at = |at| {
        let mut play = Play::idle();
        play.now = BEGIN + Duration::from_secs(at);
        let actions = play.client.adopt(lease.clone(), play.now);
        play.note(actions);
        play.until(at);
        play
    };
    assert_eq!(adopt_at(10).client.wake(), Some(BEGIN + Duration::from_secs(50)));
    assert_eq!(adopt_at(60).sent(), [(600, MessageType::Renew)]);
    let mut late = adopt_at(150);
    assert_eq!(late.sent(), [(1500, MessageType::Solicit)]);
    late.until(2000);
    assert_eq!(late.done, [(1500 + 2080, Action::Expire)]);
}

#[test]
fn name_servers_are_asked_for_alone_and_not_for_long() {
    let inform = || {
        let mut play = Play::idle();
        let actions = play.client.inform(play.now);
        play.note(actions);
        play
    };
    let mut play = inform();
    assert_eq!(play.last().association, None);
    play.answer(MessageType::Reply, |reply| {
        reply.association = None;
        reply.names.servers = vec![SERVER];
    });
    let names = Names { servers: vec![SERVER], search: Vec::new() };
    assert_eq!(play.done, [(0, Action::Learn(names))]);
    let mut play = inform();
    play.until(100);
    assert_eq!(play.sent.len(), 3);
    assert_eq!(play.done, [(40, Action::Learn(Names::default()))]);
}
