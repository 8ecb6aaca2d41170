//! bandwidth: limits are what comes through.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use cni_testkit::{Host, Namespace};
use serde_json::json;

use crate::bandwidth::bandwidth;
use crate::wired::wire;

/// How long bursts and the beginnings of a connection are waited for.
const WARM_UP: Duration = Duration::from_millis(500);
/// How long is measured.
const MEASURED: Duration = Duration::from_millis(2000);
/// How often a machine may be too busy.
const ATTEMPTS: usize = 5;

/// The addresses of the container and of the host.
const INSIDE: &str = "10.1.2.2";
const OUTSIDE: &str = "10.1.2.1";

/// Bits per second of payload that come through a TCP connection from `source` to `target`.
fn throughput(source: &Namespace, target: &Namespace, address: &str) -> f64 {
    let any_port = format!("{address}:0");
    let listener = target.run(move || TcpListener::bind(any_port).expect("listen"));
    let listening = listener.local_addr().expect("a listener has an address");
    let mut sender = source.run(move || TcpStream::connect(listening).expect("connect"));
    let (mut receiver, _) = listener.accept().expect("accept");
    let sending = thread::spawn(move || while sender.write_all(&[0; 16 * 1024]).is_ok() {});
    let mut buffer = vec![0; 64 * 1024];
    let mut receive_for = |duration: Duration| {
        let started = Instant::now();
        let mut bytes = 0;
        while let Some(rest) =
            duration.checked_sub(started.elapsed()).filter(|rest| !rest.is_zero())
        {
            receiver.set_read_timeout(Some(rest)).expect("set a timeout");
            match receiver.read(&mut buffer) {
                Ok(length) => bytes += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => (),
                Err(error) => panic!("receive: {error}"),
            }
        }
        bytes as f64 * 8.0 / started.elapsed().as_secs_f64()
    };
    receive_for(WARM_UP);
    let rate = receive_for(MEASURED);
    drop(receiver);
    sending.join().expect("the sender ends");
    rate
}

/// Demands that what comes through is within 15 % of a rate. A busy machine can be too slow, which
/// is tried again; nothing makes it too fast.
#[track_caller]
fn comes_through(source: &Namespace, target: &Namespace, address: &str, rate: f64) {
    let mut measured = 0.0;
    for _ in 0..ATTEMPTS {
        measured = throughput(source, target, address);
        if measured >= 0.85 * rate {
            break;
        }
    }
    let ratio = measured / rate;
    assert!((0.85..=1.15).contains(&ratio), "{measured:.0} instead of {rate:.0} bit/s");
}

#[test]
fn each_direction_has_its_own_rate() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    let limits = json!({ "ingressRate": 16_000_000, "ingressBurst": 800_000,
                         "egressRate": 8_000_000, "egressBurst": 800_000 });
    let net = bandwidth(&host, limits);
    net.with_prev_result(result).add(&c1, "eth0").succeeds();
    comes_through(&host, &c1, INSIDE, 16e6);
    comes_through(&c1, &host, OUTSIDE, 8e6);
}

#[test]
fn the_direction_without_a_limit_is_free() {
    for direction in ["ingress", "egress"] {
        let host = Host::new();
        let c1 = host.container("c1");
        let result = wire(&host, "vhost", &c1, "eth0");
        let net = bandwidth(&host, json!({}))
            .with_config(&format!("{direction}Rate"), json!(8_000_000))
            .with_config(&format!("{direction}Burst"), json!(800_000));
        net.with_prev_result(result).add(&c1, "eth0").succeeds();
        let free = if direction == "ingress" {
            comes_through(&host, &c1, INSIDE, 8e6);
            throughput(&c1, &host, OUTSIDE)
        } else {
            comes_through(&c1, &host, OUTSIDE, 8e6);
            throughput(&host, &c1, INSIDE)
        };
        assert!(free > 4.0 * 8e6, "{free:.0} bit/s");
    }
}
