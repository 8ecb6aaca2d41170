//! Streams of the reference's programs, of ours, and of nobody.

use std::net::IpAddr;

use cni_core::{AddResult, IpConfig, Route};

use super::definition::{self, Definition};
use super::stream::{Asking, Incoming, Listening};
use super::writer::uint;
use super::*;

/// What the reference's plugin sends, captured.
const REQUEST: &str = "2e7f030101075265717565737401ff80000102010d536572766963654d6574686f64010c0001035365710106000000";
const ALLOCATE: &str = "12ff80010d444843502e416c6c6f6361746500";
const ARGUMENTS: &str = "6cff8103010107436d644172677301ff82000107010b436f6e7461696e65724944010c0001054e65746e73010c00010649664e616d65010c00010441726773010c00010450617468010c00010d4e65746e734f76657272696465010c000109537464696e44617461010a000000";

/// What the reference's daemon sends, captured.
const RESPONSE: &str = "397f03010108526573706f6e736501ff80000103010d536572766963654d6574686f64010c00010353657101060001054572726f72010c000000";
const RESULT: &str = "51ff8103010106526573756c7401ff82000105010a434e4956657273696f6e010c00010a496e746572666163657301ff8600010349507301ff8c000106526f7574657301ff90000103444e5301ff92000000\
    24ff85020101155b5d2a74797065733130302e496e7465726661636501ff860001ff840000\
    4aff83030102ff8400010601044e616d65010c0001034d6163010c0001034d7475010400010753616e64626f78010c00010a536f636b657450617468010c0001055063694944010c000000\
    23ff8b020101145b5d2a74797065733130302e4950436f6e66696701ff8c0001ff880000\
    33ff87030102ff880001030109496e7465726661636501040001074164647265737301ff8a00010747617465776179010a000000\
    23ff890301010549504e657401ff8a00010201024950010a0001044d61736b010a000000\
    1dff8f0201010e5b5d2a74797065732e526f75746501ff900001ff8e0000\
    50ff8d030102ff8e000107010344737401ff8a0001024757010a0001034d545501040001064164764d535301040001085072696f7269747901040001055461626c65010400010553636f70650104000000\
    46ff9103010103444e5301ff92000104010b4e616d657365727665727301ff94000106446f6d61696e010c00010653656172636801ff940001074f7074696f6e7301ff94000000\
    16ff93020101085b5d737472696e6701ff9400010c0000\
    36ff820301020104c0a801050104ffffff00000104c0a8010100010101010400000000010400000000000104c0a8010103ff9a00010000";
const DONE: &str = "0aff95030102ff96000000";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

fn call() -> Call {
    Call {
        method: "DHCP.Allocate".to_owned(),
        container_id: "dummy".to_owned(),
        netns: "/run/netns/x".to_owned(),
        ifname: "eth0".to_owned(),
        path: "/x".to_owned(),
        stdin: vec![b'j'; 92],
        ..Call::default()
    }
}

fn result() -> AddResult {
    let address = |text: &str| Some(text.parse::<IpAddr>().expect("an address"));
    AddResult {
        ips: vec![IpConfig {
            interface: None,
            address: "192.168.1.5/24".parse().ok(),
            gateway: address("192.168.1.1"),
        }],
        routes: vec![Route {
            dst: "0.0.0.0/0".parse().ok(),
            gw: address("192.168.1.1"),
            priority: 77,
            ..Route::default()
        }],
        ..AddResult::default()
    }
}

#[test]
fn a_call_is_what_the_reference_sends_byte_for_byte() {
    let mut expected = bytes(&[REQUEST, ALLOCATE, ARGUMENTS].concat());
    expected.extend(bytes(
        "ff80ff82010564756d6d79010c2f72756e2f6e65746e732f7801046574683002022f78025c",
    ));
    expected.extend([b'j'; 92]);
    expected.push(0);
    assert_eq!(Asking::call(&call()), expected);
}

#[test]
fn an_answer_is_what_the_reference_sends_byte_for_byte() {
    let answer = |answer| Listening::default().answer("DHCP.Allocate", 0, &answer);
    assert_eq!(answer(Answer::Result(result())), bytes(&[RESPONSE, ALLOCATE, RESULT].concat()));
    let failure = "21ff80010d444843502e416c6c6f63617465020d6e6f206d6f726520747269657300";
    assert_eq!(
        answer(Answer::Error("no more tries".to_owned())),
        bytes(&[RESPONSE, failure, DONE, "03ff9600"].concat())
    );
}

#[test]
fn a_call_arrives_in_pieces_of_any_size() {
    let sent = [CONNECT.to_vec(), Asking::call(&call())].concat();
    for size in 1..sent.len() {
        let mut listening = Listening::default();
        let mut incoming = Vec::new();
        for piece in sent.chunks(size) {
            listening.feed(piece);
            while let Some(next) = listening.next().expect("well-formed") {
                incoming.push(next);
            }
        }
        assert_eq!(incoming, [Incoming::Greeting, Incoming::Call(call())], "{size}");
    }
}

#[test]
fn several_calls_and_answers_share_a_connection() {
    let mut listening = Listening::default();
    let mut asking = Asking::default();
    for (sequence, answer) in
        [Answer::Result(result()), Answer::Done, Answer::Result(result())].iter().enumerate()
    {
        asking.feed(&listening.answer("DHCP.Allocate", sequence as u64, answer));
        assert_eq!(asking.answer(), Ok(Some(answer.clone())));
    }
    let types: usize = listening.answer("DHCP.Release", 9, &Answer::Done).len();
    assert!(types < 32, "types are introduced once");
}

/// As Go numbers it in a daemon that has not answered an ADD before.
#[test]
fn numbers_of_types_are_the_senders_choice() {
    let mut asking = Asking::default();
    asking.feed(&bytes(
        &[RESPONSE, "11ff80010c444843502e52656c6561736500", "0aff81030102ff82000000", "03ff8200"]
            .concat(),
    ));
    assert_eq!(asking.answer(), Ok(Some(Answer::Done)));
}

#[test]
fn strangers_are_told_so() {
    for (head, status) in [
        ("GET /_goRPC_ HTTP/1.1\r\nHost: x\r\n\r\n", "405"),
        ("GET /debug/rpc HTTP/1.0\n\n", "404"),
        ("\n\n", "404"),
    ] {
        let mut listening = Listening::default();
        listening.feed(head.as_bytes());
        let Ok(Some(Incoming::Stranger(answer))) = listening.next() else { panic!("{head}") };
        let mut asking = Asking::default();
        asking.feed(answer);
        assert!(asking.greeted().expect_err("a stranger").starts_with(status), "{head}");
    }
}

#[test]
fn a_stream_that_would_take_much_memory_is_refused() {
    let read = |stream: Vec<u8>| {
        let mut asking = Asking::default();
        asking.feed(&stream);
        asking.answer().map(drop)
    };
    let many_interfaces = |count: usize| {
        let value = definition::RESULT[0].value(|fields| {
            let out = fields.field(1);
            uint(out, count as u64);
            out.resize(out.len() + count, 0);
        });
        [definition::RESULT.iter().flat_map(Definition::message).collect(), value].concat()
    };
    assert_eq!(read(many_interfaces(60_000)), Ok(()));
    assert_eq!(read(many_interfaces(70_000)), Err("a message has too many values"));
    let description = [&bytes("fe1001ff81")[..], &[0; 4095]].concat();
    assert_eq!(read(description), Err("too many types, or too long a one"));
    assert_eq!(read(bytes("fd100001")), Err("a message is too long"));
}

#[test]
fn garbage_is_an_error_and_never_a_panic() {
    let whole = Asking::call(&call());
    for position in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xf8, 0xff] {
            let mut broken = whole.clone();
            broken[position] = value;
            let mut listening = Listening::default();
            listening.feed(CONNECT);
            listening.feed(&broken);
            while let Ok(Some(_)) = listening.next() {}
        }
    }
}
