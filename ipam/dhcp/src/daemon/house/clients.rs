//! Who is connected, from the first word to the last.

use std::io;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use super::House;
use crate::daemon::clock::now;
use crate::daemon::connection::{Connection, Over};
use crate::daemon::log;
use crate::daemon::tenant::Waiter;
use crate::rpc::Answer;

/// How long no connection is accepted after one could not be.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl House {
    pub(super) fn accept(&mut self, listener: &UnixListener) {
        let accepted = listener.accept().and_then(|(stream, _)| Connection::new(stream));
        match accepted {
            Ok(connection) => {
                self.connections.insert(self.next_connection, connection);
                self.next_connection += 1;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                log(&format!("accept: {error}"));
                self.accept_at = now() + ACCEPT_PAUSE;
            }
        }
    }

    pub(super) fn attend(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let calls = connection.attend();
        match calls {
            Ok(calls) => {
                for call in calls {
                    let waiter = Waiter {
                        connection: id,
                        method: call.method.clone(),
                        sequence: call.sequence,
                    };
                    if let Some(answer) = self.obey(&call, &waiter) {
                        self.answer(&waiter, &answer);
                    }
                }
            }
            Err(Over) => self.disconnect(id),
        }
    }

    pub(super) fn answer(&mut self, waiter: &Waiter, answer: &Answer) {
        let Some(connection) = self.connections.get_mut(&waiter.connection) else { return };
        if connection.answer(&waiter.method, waiter.sequence, answer).is_err() {
            self.disconnect(waiter.connection);
        }
    }

    /// Forgets a client. A search that only it waited for is given up: its plugin was killed, or
    /// the runtime has lost patience.
    pub(super) fn disconnect(&mut self, id: u64) {
        let Some(connection) = self.connections.remove(&id) else { return };
        if connection.open == 0 {
            return;
        }
        let mut deserted = Vec::new();
        for (key, attachment) in &mut self.attachments {
            let before = attachment.waiting.len();
            attachment.waiting.retain(|waiter| waiter.connection != id);
            if attachment.waiting.is_empty() && before > 0 {
                deserted.push(key.clone());
            }
        }
        for key in deserted {
            if let Err(error) = self.evict(&key) {
                log(&error.to_string());
            }
        }
    }
}
