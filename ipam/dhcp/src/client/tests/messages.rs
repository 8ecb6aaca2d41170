//! What messages look like, and what is made of those that come.

use super::*;

#[test]
fn messages_have_the_options_of_the_reference() {
    let provided = options_of(&[(12, b"h")]);
    let requested = vec![12, 3, 1];
    let mut play = Play::with(Wishes { provided, requested, ..Wishes::default() });
    let (_, discover, to) = play.sent[0].clone();
    assert_eq!(
        list(&discover.options),
        [
            (12, b"h".to_vec()),
            (53, vec![1]),
            (55, vec![12, 3, 1]),
            (57, vec![5, 220]),
            (61, b"\0c1/net/eth0".to_vec())
        ]
    );
    assert_eq!((to.source, to.target), (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST));
    play.answer(MessageType::Offer, &[]);
    let request = play.last().clone();
    assert_eq!(request.transaction, discover.transaction);
    assert_eq!(numbers(&request), [12, 50, 53, 54, 55, 57, 61]);
    assert_eq!(bytes(&request, 50), ADDRESS.octets());
    play.answer(MessageType::Ack, &[]);
    let (release, to) = play.client.release().expect("something to release");
    assert_eq!((release.kind(), release.client), (Some(MessageType::Release), ADDRESS));
    assert_eq!(numbers(&release), [53, 54, 61]);
    assert_eq!((to.source, to.target, to.mac), (ADDRESS, SERVER_IP, Some(mac(1))));
    assert_eq!(play.client.wake(), None);
}

#[test]
fn a_provided_client_id_is_used_for_the_release_too() {
    let provided = options_of(&[(61, b"short")]);
    let mut play = Play::with(Wishes { provided, ..Wishes::default() });
    assert_eq!(bytes(play.last(), 61), b"short");
    assert_eq!(bytes(play.last(), 55), [1, 3, 15, 6]);
    play.answer(MessageType::Offer, &[]);
    play.answer(MessageType::Ack, &[]);
    let (release, _) = play.client.release().expect("something to release");
    assert_eq!(bytes(&release, 61), b"short");
}

/// An offer with nothing in its options' field but these bytes.
fn offer_of(play: &Play, field: &[u8]) -> Vec<u8> {
    let mut message = play.reply(MessageType::Offer, &[]).encode();
    message.truncate(240);
    message.extend_from_slice(field);
    message
}

/// RFC 3396 and RFC 2131 section 4.1.
#[test]
fn options_are_gathered_from_wherever_they_are() {
    let play = Play::begin();
    let long = play.reply(MessageType::Offer, &[(15, &[b'x'; 300])]).encode();
    let decoded = Message::decode(&long).expect("a message");
    assert_eq!(bytes(&decoded, 15).len(), 300, "one option in two parts");

    let parts = offer_of(&play, &[6, 2, 10, 0, 53, 1, 2, 0, 0, 6, 2, 0, 53, 52, 1, 3, 255, 9, 9]);
    let mut lent = parts.clone();
    lent[44..47].copy_from_slice(&[6, 0, 255]);
    lent[108..117].copy_from_slice(&[6, 4, 10, 0, 0, 54, 0, 255, 7]);
    let decoded = Message::decode(&lent).expect("a message");
    assert_eq!(decoded.kind(), Some(MessageType::Offer));
    assert_eq!(decoded.options.addresses(OptionCode::DomainNameServer).len(), 2);
    assert_eq!(numbers(&decoded), [6, 53]);
    lent[109] = 200;
    assert_eq!(Message::decode(&lent), None, "it ends within an option");
    let mut not_lent = parts;
    not_lent[255] = 4;
    let decoded = Message::decode(&not_lent).expect("a message");
    assert_eq!(bytes(&decoded, 6), [10, 0, 0, 53]);
}

#[test]
fn what_is_malformed_is_missing_and_hides_nothing() {
    let play = Play::begin();
    let field = [
        &[1, 3, 255, 255, 255, 51, 5, 0, 0, 0, 9, 9, 58, 2, 0, 9][..],
        &[15, 2, 0xff, 0xfe, 3, 4, 10, 0, 0, 1, 255],
    ];
    let offer = Message::decode(&offer_of(&play, &field.concat()));
    let options = offer.expect("a message").options;
    assert_eq!(options.address(OptionCode::SubnetMask), None);
    assert_eq!(options.seconds(OptionCode::AddressLeaseTime), None);
    assert_eq!(options.seconds(OptionCode::Renewal), None);
    assert_eq!(options.text(OptionCode::DomainName), "");
    assert_eq!(options.addresses(OptionCode::Router), [Ipv4Addr::new(10, 0, 0, 1)]);
}

#[test]
fn a_hardware_address_of_an_impossible_length_is_none() {
    let mut offer = offer_of(&Play::begin(), &[53, 1, 2, 255]);
    for len in [0, 5, 7, 16, 17, 255] {
        offer[2] = len;
        let decoded = Message::decode(&offer).expect("a message");
        assert_eq!(decoded.hardware, Hardware(None), "{len}");
    }
}

#[test]
fn options_are_written_in_order_whole_and_with_one_end() {
    let provided: [(u8, &[u8]); 6] =
        [(255, b"x"), (0, b"x"), (254, b""), (12, &[b'h'; 256]), (57, b"\x02"), (53, b"\x08")];
    let provided = options_of(&provided);
    let wishes = Wishes { provided, requested: vec![42, 3, 255, 1], ..Wishes::default() };
    let written = Play::with(wishes).last().encode();
    let expected = [
        &[12, 255][..],
        &[b'h'; 255],
        &[12, 1, b'h', 53, 1, 8, 55, 4, 42, 3, 255, 1, 57, 1, 2, 61, 12],
        b"\0c1/net/eth0",
        &[254, 0, 255],
    ];
    assert_eq!(written[240..], expected.concat());
}

#[test]
fn messages_that_are_cut_off_or_damaged_never_hurt() {
    let play = Play::begin();
    let whole = play
        .reply(MessageType::Ack, &[(121, &[8, 10, 1, 2, 3, 4]), (119, b"\x01a\xc0\x00")])
        .encode();
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
