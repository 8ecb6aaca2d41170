//! The life of a lease, from the search for one to its end.

use super::*;

#[test]
fn messages_are_repeated_and_searches_end() {
    let mut play = Play::begin();
    play.until(2000);
    let at: Vec<u64> = play.sent.iter().map(|(at, ..)| at - 1000).collect();
    // Waits of a quarter of a second, half a second, one, two … less a tenth, up to 70 in all.
    assert_eq!(at[..7], [0, 0, 0, 1, 3, 6, 14]);
    assert!(play.sent.iter().all(|(_, message, _)| message.kind() == Some(MessageType::Discover)));
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
    assert_eq!(play.sent(), [(1050, MessageType::Request)]);
    let (_, renewal, to) = play.sent[0].clone();
    assert_eq!(renewal.client, ADDRESS);
    assert_eq!(numbers(&renewal), [53, 55, 57, 61]);
    assert_eq!((to.source, to.target, to.mac), (ADDRESS, SERVER_IP, Some(mac(1))));
    play.answer(MessageType::Ack, &[]);
    assert!(matches!(play.done[..], [(1050, Action::Hold(_))]));
    assert_eq!(play.client.wake(), Some(seconds(1100)));
}

#[test]
fn then_at_any_server_and_then_it_is_over() {
    let mut play = Play::bound();
    play.until(1084);
    let requests = [1050, 1067, 1076, 1081].map(|at| (at, MessageType::Request));
    assert_eq!(play.sent(), requests);
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
    let other: (u8, &[u8]) = (54, &[192, 168, 1, 2]);
    play.answer(MessageType::Ack, &[other]);
    assert!(play.done.is_empty(), "not yet");
    play.until(1090);
    play.answer(MessageType::Ack, &[other]);
    assert!(matches!(play.done[..], [(1090, Action::Hold(_))]));
}

#[test]
fn a_refused_extension_leads_to_another_lease() {
    let mut play = Play::bound();
    play.until(1050);
    play.answer(MessageType::Nak, &[]);
    assert_eq!(play.sent().last(), Some(&(1050, MessageType::Discover)));
    assert_eq!(play.held(), Some(ADDRESS), "until there is another");
    let mut offer = play.reply(MessageType::Offer, &[]);
    offer.yours = Ipv4Addr::new(192, 168, 1, 9);
    play.receive(&offer);
    let mut acknowledgement = play.reply(MessageType::Ack, &[]);
    acknowledgement.yours = offer.yours;
    play.receive(&acknowledgement);
    assert_eq!(play.held(), Some(offer.yours));

    let mut play = Play::bound();
    play.until(1050);
    play.answer(MessageType::Nak, &[]);
    play.until(2000);
    assert_eq!(play.done, [(1100, Action::Expire)], "the old one lasts as long as it would have");
}

#[test]
fn a_refused_request_starts_over_after_a_pause() {
    let mut play = Play::begin();
    play.answer(MessageType::Offer, &[]);
    play.answer(MessageType::Nak, &[(56, b"no")]);
    assert!(!play.client.listens());
    play.until(1001);
    assert!(play.sent().contains(&(1001, MessageType::Discover)));
}

#[test]
fn what_is_no_answer_of_the_server_to_us_is_ignored() {
    let mut play = Play::begin();
    let offer = play.reply(MessageType::Offer, &[]);
    let change: [fn(&mut Message); 6] = [
        |message| message.transaction ^= 1,
        |message| message.hardware = Hardware(Some(mac(9))),
        |message| message.is_reply = false,
        |message| message.yours = Ipv4Addr::UNSPECIFIED,
        |message| drop(message.options.take(OptionCode::MessageType)),
        |message| message.options.set_bytes(53, vec![5]),
    ];
    for change in change {
        let mut changed = offer.clone();
        change(&mut changed);
        play.receive(&changed);
    }
    assert_eq!(play.sent(), [(1000, MessageType::Discover)]);
    play.receive(&offer);
    play.answer(MessageType::Ack, &[(54, &[10, 0, 0, 1])]);
    assert_eq!(play.held(), None, "that is another server");
    play.answer(MessageType::Ack, &[]);
    assert_eq!(play.held(), Some(ADDRESS));
    play.receive(&offer);
    play.answer(MessageType::Nak, &[]);
    assert_eq!(play.held(), Some(ADDRESS), "nothing was asked");
}

#[test]
fn a_lease_without_a_mask_is_given_back() {
    let mut play = Play::begin();
    play.answer(MessageType::Offer, &[]);
    play.answer(MessageType::Ack, &[(1, &[255])]);
    let why = "DHCP option Subnet Mask not found in DHCPACK".to_owned();
    assert_eq!(play.done, [(1000, Action::GiveUp(why))]);
    assert_eq!(play.sent().last(), Some(&(1000, MessageType::Release)));
}

#[test]
fn a_search_that_is_given_up_gives_back_what_the_server_may_have_given() {
    let mut play = Play::begin();
    assert_eq!(play.client.release(), None);
    let mut play = Play::begin();
    play.answer(MessageType::Offer, &[]);
    let (release, _) = play.client.release().expect("an offer was asked for");
    assert_eq!((release.kind(), release.client), (Some(MessageType::Release), ADDRESS));
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
    assert_eq!(adopt_at(1060).sent(), [(1060, MessageType::Request)]);
    let mut late = adopt_at(1150);
    assert_eq!(late.sent(), [(1150, MessageType::Discover)]);
    late.until(2000);
    assert_eq!(late.done, [(1150 + 208, Action::Expire)]);
}
