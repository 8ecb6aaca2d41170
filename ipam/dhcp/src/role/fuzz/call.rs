//! Whatever may come through the socket to either end of a connection.

use cni_core::spec::json;

use super::Script;
use crate::conf::LeaseConf;
use crate::plan;
use crate::rpc::stream::{Asking, Incoming, Listening};
use crate::rpc::{Answer, Call};

/// Has both ends of a connection read what is behind the first byte, in pieces of that size.
///
/// # Panics
///
/// When something is not as it has to be.
pub fn connection(script: &[u8]) {
    let mut script = Script(script);
    let piece = usize::from(script.byte().unwrap_or_default()) + 1;
    daemon(script.0.chunks(piece));
    plugin(script.0.chunks(piece));
}

fn daemon<'p>(pieces: impl Iterator<Item = &'p [u8]>) {
    let mut listening = Listening::default();
    for piece in pieces {
        listening.feed(piece);
        loop {
            match listening.next() {
                Err(_) => return,
                Ok(None) => break,
                Ok(Some(Incoming::Stranger(_))) => return,
                Ok(Some(Incoming::Greeting)) => {}
                Ok(Some(Incoming::Call(call))) => {
                    understand(&call);
                    let answer = Answer::Error("no more tries".to_owned());
                    let answer = listening.answer(&call.method, call.sequence, &answer);
                    assert!(answer.len() < call.method.len() + 256);
                }
            }
        }
    }
}

/// Reads a call as the daemon does, and says it again.
fn understand(call: &Call) {
    if let Ok(conf) = json::from_slice::<LeaseConf>(&call.stdin) {
        // A refusal is as good.
        let _ = plan::wishes(&conf, &call.args);
        let _ = plan::families(&conf);
    }
    let mut again = Listening::default();
    again.feed(Asking::GREETING);
    assert_eq!(again.next(), Ok(Some(Incoming::Greeting)));
    again.feed(&Asking::call(call));
    assert_eq!(again.next(), Ok(Some(Incoming::Call(call.clone()))));
}

fn plugin<'p>(pieces: impl Iterator<Item = &'p [u8]>) {
    let (mut asking, mut is_greeted) = (Asking::default(), false);
    for piece in pieces {
        asking.feed(piece);
        if !is_greeted {
            match asking.greeted() {
                Err(_) => return,
                Ok(false) => continue,
                Ok(true) => is_greeted = true,
            }
        }
        loop {
            match asking.answer() {
                Err(_) => return,
                Ok(None) => break,
                Ok(Some(_)) => {}
            }
        }
    }
}
