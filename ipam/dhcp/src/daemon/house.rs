//! The one loop for all leases and all connections.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::AsFd;
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

use super::clock::now;
use super::connection::{Connection, Over};
use super::flags::Flags;
use super::log;
use super::port::Port;
use super::record::{Records, key};
use super::tenant::{Fate, Order, Rules, Tenant, Waiter};
use crate::client::Moment;
use crate::conf::LeaseConf;
use crate::plan;
use crate::rpc::{Answer, Call, method};

/// The longest sleep: the clock of leases goes on while the machine sleeps, and this one does not.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// How long no connection is accepted after one could not be.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// So many clients are connected at most; others wait in the socket's queue.
const MOST_CONNECTIONS: usize = 1024;

/// What has something to be done about.
enum Ready {
    Signal,
    Newcomer,
    Connection(u64, PollFlags),
    Tenant(String),
}

/// All attachments, and everybody who is connected.
pub(super) struct House {
    rules: Rules,
    tenants: HashMap<String, Tenant>,
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
            tenants: HashMap::new(),
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
        for record in records {
            let key = record.key();
            match Tenant::adopt(record, &self.rules) {
                Some((tenant, fate)) => {
                    self.tenants.insert(key.clone(), tenant);
                    self.settle(&key, fate);
                }
                None => {
                    log(&format!("{key}: the interface is gone, and so is the lease"));
                    if let Err(error) = self.rules.records.remove(&key) {
                        log(&error.to_string());
                    }
                }
            }
        }
    }

    /// Works until a signal comes.
    pub(super) fn serve(&mut self, listener: &UnixListener, signals: &SignalFd) -> io::Result<()> {
        loop {
            for ready in self.wait(listener, signals)? {
                match ready {
                    Ready::Signal => return Ok(()),
                    Ready::Newcomer => self.accept(listener),
                    Ready::Connection(id, events) => self.attend(id, events),
                    Ready::Tenant(key) => self.with_tenant(&key, Tenant::receive),
                }
            }
            let now = now();
            for key in self.due(now) {
                self.with_tenant(&key, Tenant::tick);
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
    fn wait(&self, listener: &UnixListener, signals: &SignalFd) -> io::Result<Vec<Ready>> {
        let mut watched = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        let accepts = self.connections.len() < MOST_CONNECTIONS && now() >= self.accept_at;
        let newcomers = if accepts { PollFlags::POLLIN } else { PollFlags::empty() };
        watched.push(PollFd::new(listener.as_fd(), newcomers));
        let ids: Vec<u64> = self.connections.keys().copied().collect();
        watched.extend(ids.iter().map(|id| {
            let connection = &self.connections[id];
            PollFd::new(connection.as_fd(), connection.interest())
        }));
        let tenants = self.tenants.iter();
        let listening: Vec<(&String, &PacketSocket)> = tenants
            .flat_map(|(key, tenant)| tenant.sockets().map(move |socket| (key, socket)))
            .collect();
        let sockets = listening.iter().map(|(_, socket)| socket.as_fd());
        watched.extend(sockets.map(|socket| PollFd::new(socket, PollFlags::POLLIN)));

        // Rounded up, so that the last sleep does not become a busy one.
        let sleep = self.sleep() + Duration::from_millis(1);
        match poll(&mut watched, PollTimeout::try_from(sleep).unwrap_or(PollTimeout::MAX)) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Vec::new()),
            Err(errno) => return Err(errno.into()),
        }
        let events = |at: usize| watched[at].revents().unwrap_or(PollFlags::empty());
        let is_ready = |at: usize| !events(at).is_empty();
        let mut ready = Vec::new();
        if is_ready(0) {
            ready.push(Ready::Signal);
        }
        if is_ready(1) {
            ready.push(Ready::Newcomer);
        }
        for (at, id) in (2..).zip(&ids) {
            if is_ready(at) {
                ready.push(Ready::Connection(*id, events(at)));
            }
        }
        for (at, (key, _)) in (2 + ids.len()..).zip(&listening) {
            if is_ready(at) {
                ready.push(Ready::Tenant((*key).clone()));
            }
        }
        Ok(ready)
    }

    /// How long there is nothing to do.
    fn sleep(&self) -> Duration {
        let now = now();
        let tenants = self.tenants.values().filter_map(Tenant::wake);
        let connections = self.connections.values().filter_map(Connection::patience_ends);
        let accepting = Some(self.accept_at).filter(|at| *at > now);
        let next = tenants.chain(connections).chain(accepting).min();
        next.map_or(LONGEST_SLEEP, |next| next.saturating_sub(now).min(LONGEST_SLEEP))
    }

    fn due(&self, now: Moment) -> Vec<String> {
        let due = |tenant: &Tenant| tenant.wake().is_some_and(|wake| wake <= now);
        self.tenants.iter().filter(|(_, tenant)| due(tenant)).map(|(key, _)| key.clone()).collect()
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

    fn attend(&mut self, id: u64, events: PollFlags) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let calls = connection.flush().and_then(|()| {
            // A client that has hung up is read to its end.
            if events == PollFlags::POLLOUT { Ok(Vec::new()) } else { connection.read() }
        });
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
        let key = order.key();
        let path = format!("{}{}", self.rules.host_prefix, order.netns);
        if let Some(tenant) = self.tenants.get_mut(&key) {
            let netns = Netns::open(&path)?;
            if tenant.is_in(&netns) {
                let held = tenant.result();
                if held.is_none() {
                    tenant.waiting.push(waiter.clone());
                }
                return Ok(held);
            }
            // The container has been made anew, and nobody has said that the old one is gone.
            self.evict(&key)?;
        }
        let port = Port::open(&path, &order.ifname)?;
        let (mut tenant, fate) = Tenant::acquire(order, port, &self.rules)?;
        tenant.waiting.push(waiter.clone());
        self.tenants.insert(key.clone(), tenant);
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
        let held = self.tenants.get(&key).and_then(Tenant::result);
        held.ok_or_else(|| Error::internal(format!("no lease is held for {key}")))
    }

    /// Releases the leases of a network's attachments that no longer exist.
    fn collect(&mut self, call: &Call) -> Result<()> {
        let (network, _) = read_conf(call)?;
        let Some(valid) = network.valid_attachments else { return Ok(()) };
        let valid: HashSet<(String, String)> =
            valid.into_iter().map(|valid| (valid.container_id, valid.ifname)).collect();
        let is_stale = |tenant: &Tenant| {
            let attachment = (tenant.container_id().to_owned(), tenant.ifname().to_owned());
            tenant.network() == network.name && !valid.contains(&attachment)
        };
        let stale = self.tenants.iter().filter(|(_, tenant)| is_stale(tenant));
        let stale: Vec<String> = stale.map(|(key, _)| key.clone()).collect();
        stale.iter().map(|key| self.evict(key)).fold(Ok(()), Result::and)
    }

    fn key_of(&self, call: &Call) -> Result<String> {
        let network: NetworkConf = json::from_slice(&call.stdin).map_err(unreadable)?;
        Ok(key(&call.container_id, &network.name, &call.ifname))
    }

    /// Ends a tenancy; whoever waits for its lease waits in vain.
    fn evict(&mut self, key: &str) -> Result<()> {
        let Some(tenant) = self.tenants.remove(key) else {
            return self.rules.records.remove(key);
        };
        for waiter in tenant.release()? {
            self.answer(&waiter, &Answer::Error("context canceled".to_owned()));
        }
        Ok(())
    }

    fn with_tenant(&mut self, key: &str, act: impl FnOnce(&mut Tenant) -> Fate) {
        if let Some(tenant) = self.tenants.get_mut(key) {
            let fate = act(tenant);
            self.settle(key, fate);
        }
    }

    /// Tells those who wait what has become of a tenant.
    fn settle(&mut self, key: &str, fate: Fate) {
        let (waiting, answer) = match fate {
            Fate::Goes => return,
            Fate::Holds => {
                let Some(tenant) = self.tenants.get_mut(key) else { return };
                let Some(result) = tenant.result() else { return };
                (std::mem::take(&mut tenant.waiting), Answer::Result(result))
            }
            Fate::Ended(why) => {
                let Some(tenant) = self.tenants.remove(key) else { return };
                (tenant.waiting, Answer::Error(why))
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
        for (key, tenant) in &mut self.tenants {
            let before = tenant.waiting.len();
            tenant.waiting.retain(|waiter| waiter.connection != id);
            if tenant.waiting.is_empty() && before > 0 {
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
