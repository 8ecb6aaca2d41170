//! Well-formed scripts, and what becomes of them when they are damaged in every way: the same each
//! time, and for about a second.

use std::net::Ipv4Addr;

use super::{connection, link, link6};
use crate::client::{arp, frame};
use crate::rpc::stream::{Asking, Listening};
use crate::rpc::{Answer, CONNECTED, Call};

/// How many scripts are played, of each kind.
const ROUNDS: usize = 1200;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 5);

/// A generator of numbers that look random (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end.max(1)
    }
}

/// Damages a script in one of many ways.
fn damage(script: &mut Vec<u8>, seeds: &[Vec<u8>], numbers: &mut Numbers) {
    let at = numbers.below(script.len());
    let end = (at + 1 + numbers.below(8)).min(script.len());
    let interesting = [0, 1, 3, 4, 6, 52, 119, 121, 127, 128, 254, 255];
    match numbers.below(6) {
        0 => script[at] ^= 1 << numbers.below(8),
        1 => script[at] = interesting[numbers.below(interesting.len())],
        2 => drop(script.drain(at..end)),
        3 => script.extend_from_within(at..end),
        4 => script.truncate(at.max(2)),
        _ => {
            let other = &seeds[numbers.below(seeds.len())];
            let from = numbers.below(other.len());
            script.splice(at..end, other[from..].iter().copied());
        }
    }
    if script.is_empty() {
        script.push(0);
    }
}

fn play(seeds: &[Vec<u8>], target: fn(&[u8])) {
    seeds.iter().for_each(|seed| target(seed));
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for _ in 0..ROUNDS {
        let mut script = seeds[numbers.below(seeds.len())].clone();
        for _ in 0..=numbers.below(4) {
            damage(&mut script, seeds, &mut numbers);
        }
        target(&script);
    }
}

/// One step of a script.
fn step(what: u8, bytes: &[u8]) -> Vec<u8> {
    [&[what][..], &(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

/// An answer of a server with everything that is looked at.
fn answer(kind: u8) -> Vec<u8> {
    let mut message = vec![0; 240];
    message[16..20].copy_from_slice(&ADDRESS.octets());
    let options: [&[u8]; 13] = [
        &[53, 1, kind, 54, 4, 192, 168, 1, 1, 1, 4, 255, 255, 255, 0],
        &[3, 4, 192, 168, 1, 1, 51, 4, 0, 0, 0, 100, 58, 4, 0, 0, 0, 50],
        &[59, 4, 0, 0, 0, 80, 6, 8, 192, 168, 1, 53, 192, 168, 1, 54],
        &[15, 11],
        b"example.org",
        &[26, 2, 5, 120, 33, 8, 10, 0, 0, 0, 192, 168, 1, 9],
        &[121, 8, 8, 10, 192, 168, 1, 254, 0, 192],
        &[121, 3, 168, 1, 1, 119, 14],
        b"\x03eng\x05apple\x03com",
        &[119, 7, 0, 3],
        b"ops\xc0\x04",
        &[249, 6, 8, 10, 192, 168, 1, 254, 56, 2, b'n', b'o'],
        &[52, 1, 3, 255],
    ];
    message.extend(options.concat());
    // The fields of names are lent to options.
    message[44] = 255;
    message[108] = 255;
    message
}

#[test]
fn whatever_comes_from_the_link_hurts_nobody() {
    let [offer, acknowledgement, refusal] = [2, 5, 6].map(|kind| step(2, &answer(kind)));
    let tick = step(5, &[]);
    let packet = frame::wrap(Ipv4Addr::new(192, 168, 1, 1), ADDRESS, &answer(2));
    let rival = step(4, &arp::probe(&[2, 0, 0, 0, 0, 9], ADDRESS));
    let given = [&offer[..], &acknowledgement].concat();
    let seeds = [
        [&[0][..], &given, &tick, &acknowledgement, &tick, &tick, &tick, &refusal, &given].concat(),
        [&[1][..], &step(0, &packet), &step(1, &packet), &offer, &refusal, &tick, &given].concat(),
        [&[2][..], &given, &tick, &tick, &tick, &tick, &refusal, &given].concat(),
        [&[2][..], &given, &rival, &tick, &given, &tick, &rival].concat(),
    ];
    play(&seeds, link);
}

/// Options of a DHCPv6 server: an address for so many seconds, and everything else that is read.
fn given6(seconds: u8, more: &[u8]) -> Vec<u8> {
    let options: [&[u8]; 6] = [
        &[0, 3, 0, 40, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 24],
        &[0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5],
        &[0, 0, 0, seconds, 0, 0, 0, seconds],
        &[0, 23, 0, 16, 0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53],
        b"\x00\x18\x00\x06\x01a\x02bc\x00",
        more,
    ];
    options.concat()
}

#[test]
fn whatever_comes_from_the_link_hurts_no_client_of_ipv6() {
    let rapid = step(2, &given6(100, &[0, 14, 0, 0]));
    let offer = step(1, &given6(100, &[0, 7, 0, 1, 255]));
    let reply = step(2, &given6(100, &[0, 13, 0, 4, 0, 0, b'o', b'k']));
    let brief = step(2, &given6(1, &[0, 14, 0, 0]));
    let unknown =
        step(2, b"\x00\x03\x00\x12\x00\x00\x00\x07\0\0\0\0\0\0\0\0\x00\x0d\x00\x02\x00\x03");
    let none = step(1, b"\x00\x0d\x00\x05\x00\x02no!");
    let router =
        step(4, &[25, 3, 0, 0, 0, 0, 0, 9, 0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let tick = step(5, &[]);
    let seeds = [
        [&[0][..], &router, &rapid, &tick, &reply, &tick, &tick, &tick, &reply, &tick].concat(),
        [&[0][..], &offer, &reply, &tick, &unknown, &reply, &tick, &tick].concat(),
        [&[0][..], &none, &tick, &offer, &unknown, &tick, &brief, &tick, &tick].concat(),
        [&[1][..], &tick, &rapid, &tick].concat(),
    ];
    play(&seeds, link6);
}

#[test]
fn whatever_comes_through_the_socket_hurts_nobody() {
    let call = Call {
        method: "DHCP.Allocate".to_owned(),
        container_id: "c1".to_owned(),
        netns: "/run/netns/x".to_owned(),
        ifname: "eth0".to_owned(),
        args: "K8S_POD_NAME=web".to_owned(),
        stdin: br#"{"ipam":{"request":[{"option":"6"}],"provide":[{"option":"12","value":"h"}]}}"#
            .to_vec(),
        ..Call::default()
    };
    let done = Listening::default().answer("DHCP.Release", 3, &Answer::Done);
    let seeds = [
        [&[255][..], Asking::GREETING, &Asking::call(&call), &Asking::call(&call)].concat(),
        [&[2][..], Asking::GREETING, &Asking::call(&call)].concat(),
        [&[9][..], CONNECTED, &done, &done].concat(),
        [&[0][..], b"GET / HTTP/1.0\r\n\r\n"].concat(),
    ];
    play(&seeds, connection);
}
