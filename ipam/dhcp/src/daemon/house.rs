//! The one loop for all leases and all connections.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use cni_core::spec::conf::NetworkConf;
use cni_core::spec::json;
use cni_core::{AddResult, Error, Result};
use linux_net::{Netns, PacketSocket};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;

use super::attachment::Attachment;
use super::clock::{Alarm, now};
use super::connection::{Connection, Over};
use super::flags::Flags;
use super::log;
use super::record::{Record, Records, key};
use super::tenant::{Fate, Order, Rules, Waiter};
use crate::client::Moment;
use crate::conf::LeaseConf;
use crate::plan;
use crate::rpc::{Answer, Call, method};

/// How long no connection is accepted after one could not be.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// So many clients are connected at most; others wait in the socket's queue.
const MOST_CONNECTIONS: usize = 1024;

/// What has something to be done about.
enum Ready {
    Signal,
    Newcomer,
    Connection(u64),
    Attachment(String),
}

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

    /// Sleeps until there is something to do.
    fn wait(
        &self,
        listener: &UnixListener,
        signals: &SignalFd,
        alarm: &Alarm,
    ) -> io::Result<Vec<Ready>> {
        let mut watched = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        let is_pausing = now() < self.accept_at;
        let accepts = self.connections.len() < MOST_CONNECTIONS && !is_pausing;
        let newcomers = if accepts { PollFlags::POLLIN } else { PollFlags::empty() };
        watched.push(PollFd::new(listener.as_fd(), newcomers));
        let ids: Vec<u64> = self.connections.keys().copied().collect();
        watched.extend(ids.iter().map(|id| {
            let connection = &self.connections[id];
            PollFd::new(connection.as_fd(), connection.interest())
        }));
        let attachments = self.attachments.iter();
        let listening: Vec<(&String, BorrowedFd<'_>)> = attachments
            .flat_map(|(key, held)| held.sockets().map(move |socket| (key, socket)))
            .collect();
        watched.extend(listening.iter().map(|(_, socket)| PollFd::new(*socket, PollFlags::POLLIN)));

        watched.push(PollFd::new(alarm.as_fd(), PollFlags::POLLIN));
        let end_of_pause = is_pausing.then_some(self.accept_at);
        alarm.set(self.next_moment().into_iter().chain(end_of_pause).min())?;
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Vec::new()),
            Err(errno) => return Err(errno.into()),
        }
        let is_ready = |at: usize| watched[at].any().unwrap_or(true);
        let mut ready = Vec::new();
        if is_ready(0) {
            ready.push(Ready::Signal);
        }
        if is_ready(1) {
            ready.push(Ready::Newcomer);
        }
        for (at, id) in (2..).zip(&ids) {
            if is_ready(at) {
                ready.push(Ready::Connection(*id));
            }
        }
        for (at, (key, _)) in (2 + ids.len()..).zip(&listening) {
            if is_ready(at) {
                ready.push(Ready::Attachment((*key).clone()));
            }
        }
        Ok(ready)
    }

    /// When there is something to do without anybody asking for it.
    fn next_moment(&self) -> Option<Moment> {
        let attachments = self.attachments.values().filter_map(Attachment::wake);
        let connections = self.connections.values().filter_map(Connection::patience_ends);
        attachments.chain(connections).min()
    }

    fn due(&self, now: Moment) -> Vec<String> {
        let due = |attachment: &Attachment| attachment.wake().is_some_and(|wake| wake <= now);
        let due = self.attachments.iter().filter(|(_, attachment)| due(attachment));
        due.map(|(key, _)| key.clone()).collect()
    }

    fn accept(&mut self, listener: &UnixListener) {
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

    fn attend(&mut self, id: u64) {
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

    /// Does what is asked; `None` when the answer comes later.
    fn obey(&mut self, call: &Call, waiter: &Waiter) -> Option<Answer> {
        let outcome = match call.method.as_str() {
            method::ALLOCATE => self.allocate(call, waiter).map(|held| held.map(Answer::Result)),
            method::RELEASE => self.release(call).map(|()| Some(Answer::Done)),
            method::CHECK => self.check(call).map(|held| Some(Answer::Result(held))),
            method::COLLECT => self.collect(call).map(|()| Some(Answer::Done)),
            other => Err(Error::internal(match other.rsplit_once('.') {
                None => format!("rpc: service/method request ill-formed: {other}"),
                Some(("DHCP", _)) => format!("rpc: can't find method {other}"),
                Some(_) => format!("rpc: can't find service {other}"),
            })),
        };
        outcome.unwrap_or_else(|error| Some(Answer::Error(error.msg)))
    }

    /// The lease of an attachment; one that has none waits for it.
    fn allocate(&mut self, call: &Call, waiter: &Waiter) -> Result<Option<AddResult>> {
        let (network, conf) = read_conf(call)?;
        let order = Order {
            container_id: call.container_id.clone(),
            network: network.name,
            ifname: call.ifname.clone(),
            netns: call.netns.clone(),
            wishes: plan::wishes(&conf, &call.args)?,
        };
        let families = plan::families(&conf)?;
        let key = order.key();
        let path = format!("{}{}", self.rules.host_prefix, order.netns);
        if let Some(attachment) = self.attachments.get_mut(&key) {
            let netns = Netns::open(&path)?;
            if attachment.is_as_wanted(families, &netns) {
                let held = attachment.result();
                if held.is_none() {
                    attachment.waiting.push(waiter.clone());
                }
                return Ok(held);
            }
            // The container has been made anew, and nobody has said that the old one is gone; or one
            // of its leases has ended.
            self.evict(&key)?;
        }
        let (mut attachment, fate) = Attachment::acquire(order, families, &path, &self.rules)?;
        attachment.waiting.push(waiter.clone());
        self.attachments.insert(key.clone(), attachment);
        self.settle(&key, fate);
        Ok(None)
    }

    fn release(&mut self, call: &Call) -> Result<()> {
        let key = self.key_of(call)?;
        self.evict(&key)
    }

    /// The lease of an attachment that has one.
    fn check(&self, call: &Call) -> Result<AddResult> {
        let key = self.key_of(call)?;
        let attachment = self.attachments.get(&key);
        let held = attachment.and_then(|attachment| Some((attachment, attachment.result()?)));
        let none = || Error::internal(format!("no lease is held for {key}"));
        let (attachment, result) = held.ok_or_else(none)?;
        attachment.verify().map(|()| result)
    }

    /// Releases the leases of a network's attachments that no longer exist.
    fn collect(&mut self, call: &Call) -> Result<()> {
        let (network, _) = read_conf(call)?;
        let Some(valid) = network.valid_attachments else { return Ok(()) };
        let valid: HashSet<(String, String)> =
            valid.into_iter().map(|valid| (valid.container_id, valid.ifname)).collect();
        let is_stale = |Order { container_id, network: of, ifname, .. }: &Order| {
            let attachment = (container_id.clone(), ifname.clone());
            *of == network.name && !valid.contains(&attachment)
        };
        let stale = self.attachments.iter().filter(|(_, held)| is_stale(held.order()));
        let stale: Vec<String> = stale.map(|(key, _)| key.clone()).collect();
        stale.iter().map(|key| self.evict(key)).fold(Ok(()), Result::and)
    }

    fn key_of(&self, call: &Call) -> Result<String> {
        let network: NetworkConf = json::from_slice(&call.stdin).map_err(unreadable)?;
        Ok(key(&call.container_id, &network.name, &call.ifname))
    }

    /// Gives back what an attachment has; whoever waits for its lease waits in vain.
    fn evict(&mut self, key: &str) -> Result<()> {
        let Some(attachment) = self.attachments.remove(key) else {
            return self.rules.records.remove_all(key);
        };
        for waiter in attachment.release()? {
            self.answer(&waiter, &Answer::Error("context canceled".to_owned()));
        }
        Ok(())
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

    fn answer(&mut self, waiter: &Waiter, answer: &Answer) {
        let Some(connection) = self.connections.get_mut(&waiter.connection) else { return };
        if connection.answer(&waiter.method, waiter.sequence, answer).is_err() {
            self.disconnect(waiter.connection);
        }
    }

    /// Forgets a client. A search that only it waited for is given up: its plugin was killed, or
    /// the runtime has lost patience.
    fn disconnect(&mut self, id: u64) {
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

fn read_conf(call: &Call) -> Result<(NetworkConf, LeaseConf)> {
    let document = json::Document::parse(&call.stdin).map_err(unreadable)?;
    let network = document.decode().map_err(unreadable)?;
    Ok((network, document.decode().map_err(unreadable)?))
}

fn unreadable(error: json::JsonError) -> Error {
    Error::internal(format!("error parsing netconf: {error}"))
}

/// Starts the thread that closes sockets. The kernel makes whoever closes a packet socket wait for
/// all processors, some 15 ms, which would add up for many leases at once.
fn start_closer() -> Sender<PacketSocket> {
    let (closer, sockets) = channel::<PacketSocket>();
    thread::spawn(move || sockets.into_iter().for_each(drop));
    closer
}
