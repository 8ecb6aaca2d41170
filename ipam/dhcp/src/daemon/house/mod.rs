//! The one loop for all leases and all connections.

mod calls;
mod clients;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use cni_core::Result;
use linux_net::PacketSocket;
use nix::sys::signalfd::SignalFd;

use super::attachment::Attachment;
use super::clock::{Alarm, now};
use super::connection::Connection;
use super::flags::Flags;
use super::log;
use super::record::{Record, Records};
use super::tenant::{Fate, Rules};
use crate::client::Moment;
use crate::rpc::Answer;
use watch::Ready;

/// All attachments, and everybody who is connected.
pub(super) struct House {
    rules: Rules,
    attachments: HashMap<String, Attachment>,
    connections: HashMap<u64, Connection>,
    next_connection: u64,
    /// No connection is accepted before.
    accept_at: Moment,
}

impl House {
    pub(super) fn new(flags: &Flags, socket_path: &str) -> Self {
        Self {
            rules: Rules {
                timing: flags.timing,
                wants_broadcast: flags.broadcast,
                host_prefix: flags.host_prefix.clone(),
                records: Records::beside(socket_path),
                closer: start_closer(),
            },
            attachments: HashMap::new(),
            connections: HashMap::new(),
            next_connection: 0,
            accept_at: Moment::ZERO,
        }
    }

    /// Goes on with the leases of an earlier daemon.
    pub(super) fn take_over(&mut self) {
        self.rules.records.sweep();
        let (records, errors) = match self.rules.records.list() {
            Ok(found) => found,
            Err(error) => return log(&error.to_string()),
        };
        errors.iter().for_each(|error| log(&error.to_string()));
        let mut by_key = BTreeMap::<String, Vec<Record>>::new();
        for record in records {
            by_key.entry(record.key()).or_default().push(record);
        }
        for (key, records) in by_key {
            match Attachment::adopt(records, &self.rules) {
                Some((attachment, fate)) => {
                    self.attachments.insert(key.clone(), attachment);
                    self.settle(&key, fate);
                }
                None => {
                    log(&format!("{key}: the interface is gone, and so is the lease"));
                    if let Err(error) = self.rules.records.remove_all(&key) {
                        log(&error.to_string());
                    }
                }
            }
        }
    }

    /// Works until a signal comes.
    pub(super) fn serve(&mut self, listener: &UnixListener, signals: &SignalFd) -> io::Result<()> {
        let alarm = Alarm::new()?;
        loop {
            for ready in self.wait(listener, signals, &alarm)? {
                match ready {
                    Ready::Signal => return Ok(()),
                    Ready::Newcomer => self.accept(listener),
                    Ready::Connection(id) => self.attend(id),
                    Ready::Attachment(key) => self.with_attachment(&key, Attachment::receive),
                }
            }
            let now = now();
            for key in self.due(now) {
                self.with_attachment(&key, Attachment::tick);
            }
            let impatient = |(id, connection): (&u64, &Connection)| {
                connection.patience_ends().filter(|end| *end <= now).map(|_| *id)
            };
            for id in self.connections.iter().filter_map(impatient).collect::<Vec<_>>() {
                self.disconnect(id);
            }
        }
    }

    /// Gives back what an attachment has; whoever waits for its lease waits in vain.
    fn evict(&mut self, key: &str) -> Result<()> {
        let Some(mut attachment) = self.attachments.remove(key) else {
            return self.rules.records.remove_all(key);
        };
        let waiting = std::mem::take(&mut attachment.waiting);
        let released = attachment.release();
        for waiter in waiting {
            self.answer(&waiter, &Answer::Error("context canceled".to_owned()));
        }
        released
    }

    fn with_attachment(&mut self, key: &str, act: impl FnOnce(&mut Attachment) -> Fate) {
        if let Some(attachment) = self.attachments.get_mut(key) {
            let fate = act(attachment);
            self.settle(key, fate);
        }
    }

    /// Tells those who wait what has become of an attachment.
    fn settle(&mut self, key: &str, fate: Fate) {
        let (waiting, answer) = match fate {
            Fate::Goes | Fate::Expired => return,
            Fate::Holds => {
                let Some(attachment) = self.attachments.get_mut(key) else { return };
                let Some(result) = attachment.result() else { return };
                (std::mem::take(&mut attachment.waiting), Answer::Result(result))
            }
            Fate::Ended(why) => {
                let Some(attachment) = self.attachments.remove(key) else { return };
                (attachment.waiting, Answer::Error(why))
            }
        };
        for waiter in waiting {
            self.answer(&waiter, &answer);
        }
    }
}

/// Starts the thread that closes sockets. The kernel makes whoever closes a packet socket wait for
/// all processors, some 15 ms, which would add up for many leases at once.
fn start_closer() -> Sender<PacketSocket> {
    let (closer, sockets) = channel::<PacketSocket>();
    thread::spawn(move || sockets.into_iter().for_each(drop));
    closer
}
