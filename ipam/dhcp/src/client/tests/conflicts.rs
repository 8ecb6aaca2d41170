//! Addresses that somebody else already uses.

use super::*;

/// A client that has been given an address and looks for it, from second 1000 on.
fn trying() -> Play {
    let mut play = Play::with(Wishes { detect_conflicts: true, ..Wishes::default() });
    play.answer(MessageType::Offer, &[]);
    play.answer(MessageType::Ack, &[]);
    play
}

fn probes(play: &Play) -> usize {
    play.done.iter().filter(|(_, action)| *action == Action::Probe(ADDRESS)).count()
}

#[test]
fn an_address_is_looked_for_three_times_before_it_is_held() {
    let mut play = trying();
    assert_eq!((play.client.tried(), probes(&play)), (Some(ADDRESS), 1));
    assert!(!play.client.listens());
    assert_eq!(play.held(), None);
    let began = play.now;
    while play.held().is_none() {
        let wake = play.client.wake().expect("something to wait for");
        assert!(wake > play.now && wake < began + Duration::from_millis(700));
        play.now = wake;
        let actions = play.client.tick(wake);
        play.note(actions);
    }
    assert_eq!(probes(&play), 3);
    // Each wait is as short as it can be here: a tenth less.
    assert_eq!(play.now - began, Duration::from_millis(3 * 180));
    assert_eq!((play.held(), play.client.tried()), (Some(ADDRESS), None));
    assert_eq!(play.client.wake(), Some(seconds(1050)), "the lease began when it was given");
}

#[test]
fn an_address_of_somebody_else_is_declined_and_another_asked_for_after_a_pause() {
    let mut play = trying();
    let actions = play.client.meet(mac(9), play.now);
    play.note(actions);
    let (_, decline, to) = play.sent.last().expect("something was sent").clone();
    assert_eq!(decline.kind(), Some(MessageType::Decline));
    assert_eq!(numbers(&decline), [50, 53, 54, 61]);
    assert_eq!(bytes(&decline, 50), ADDRESS.octets());
    assert_eq!(bytes(&decline, 54), SERVER_IP.octets());
    assert_eq!(
        (decline.client, to.source, to.target),
        (Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST)
    );
    assert_eq!((play.held(), play.client.tried()), (None, None));
    let actions = play.client.meet(mac(9), play.now);
    assert_eq!(actions, [], "it is told once");
    play.until(1009);
    assert_eq!(play.sent().last(), Some(&(1000, MessageType::Decline)));
    play.until(1010);
    assert_eq!(play.sent().last(), Some(&(1010, MessageType::Discover)));
    assert_ne!(play.last().transaction, decline.transaction);

    let mut offer = play.reply(MessageType::Offer, &[]);
    offer.yours = Ipv4Addr::new(192, 168, 1, 6);
    play.receive(&offer);
    let mut acknowledgement = play.reply(MessageType::Ack, &[]);
    acknowledgement.yours = offer.yours;
    play.receive(&acknowledgement);
    play.until(1012);
    assert_eq!(play.held(), Some(offer.yours));
}

#[test]
fn an_address_on_trial_is_given_back_when_nobody_wants_it_any_more() {
    let mut play = trying();
    let (release, to) = play.client.release().expect("something to release");
    assert_eq!((release.client, to.target), (ADDRESS, SERVER_IP));
    assert_eq!(play.client.wake(), None);
}

#[test]
fn an_address_that_is_extended_is_not_looked_for_again() {
    let mut play = trying();
    play.until(1050);
    assert_eq!(probes(&play), 3);
    play.answer(MessageType::Ack, &[]);
    assert_eq!((play.client.tried(), play.client.wake()), (None, Some(seconds(1100))));
    play.until(1100);
    play.answer(MessageType::Nak, &[]);
    play.answer(MessageType::Offer, &[]);
    play.answer(MessageType::Ack, &[]);
    assert_eq!(play.client.tried(), None, "it is the same address again");
    assert_eq!(probes(&play), 3);
}

#[test]
fn a_search_ends_although_every_address_is_taken() {
    let mut play = trying();
    while play.client.wake().is_some() {
        if play.client.tried().is_some() {
            let actions = play.client.meet(mac(9), play.now);
            play.note(actions);
        }
        let wake = play.client.wake().expect("a pause");
        play.until(wake.as_secs());
        if play.client.listens() && play.last().kind() == Some(MessageType::Discover) {
            play.answer(MessageType::Offer, &[]);
            play.answer(MessageType::Ack, &[]);
        }
    }
    assert_eq!(play.done.last(), Some(&(1208, Action::GiveUp("no more tries".to_owned()))));
}
