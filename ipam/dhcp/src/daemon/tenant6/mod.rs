//! The IPv6 of one attachment: what routers advertise, a DHCPv6 client, and the interface.

mod possession;
mod routers;

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use cni_core::{AddResult, Error, Result, quote};
use linux_net::{Family, Ipv6Watch, Netns};

use super::clock::now;
use super::log;
use super::port::{Port, random};
use super::record::{Record, Records, identity6};
use super::tenant::{Fate, Order, Rules};
use crate::client::Moment;
use crate::client::v6::{Action, Client, Holding, Lease, Message, Mode, Names};

/// Room for a message in bytes.
const MESSAGE_LEN: usize = 8 * 1024;

/// So many messages are looked at before others get their turn.
const MESSAGES_AT_ONCE: usize = 32;

/// When routers are asked again. The kernel does so after four seconds; but the first question is
/// lost most often because the bridge behind a new link does not forward yet.
const ROUTER_WAITS: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(4)];

/// How long the rest of an advertisement may take: the kernel tells it piece by piece.
const GATHERING: Duration = Duration::from_millis(20);

/// How long it may take to find out whether somebody else has an address; the kernel needs a second
/// or two.
const DETECTION_LIMIT: Duration = Duration::from_secs(5);

/// How far it is.
#[derive(Debug)]
enum Stage {
    /// Waiting for an address on the link, or for routers, who are asked again at a time.
    Waiting { ask_at: Moment, asked: usize },
    /// A router has spoken, and the rest of what it says is on its way.
    Gathering { until: Moment },
    /// The client asks a server, or has a lease; or there is all there will be.
    Settled,
    /// The interface has the address of a lease, and the kernel looks for who else has it.
    Trying { lease: Lease, until: Moment },
}

/// The holder of IPv6 addresses.
pub(super) struct Tenant6 {
    order: Order,
    key: String,
    port: Port,
    mode: Mode,
    stage: Stage,
    client: Client,
    /// Open while there is nothing yet, since routers may say more than that there is a server, and
    /// while an address is tried out.
    watch: Option<Ipv6Watch>,
    /// Open while an answer is being waited for.
    socket: Option<UdpSocket>,
    /// What routers have said so far.
    names: Names,
    held: Option<Holding>,
    /// When it is given up, unless there is something by then.
    search_end: Moment,
    records: Records,
}

impl Tenant6 {
    /// Makes the interface ready; this has to be done before it is set up.
    ///
    /// # Errors
    ///
    /// When the kernel has no IPv6, or refuses.
    pub(super) fn prepare(order: Order, port: Port, mode: Mode, rules: &Rules) -> Result<Self> {
        let mut tenant = Self::new(order, port, mode, rules);
        tenant.watch = Some(tenant.port.watch_ipv6()?);
        tenant.port.prepare_ipv6(mode, tenant.detects())?;
        tenant.search_end = now() + rules.timing.resend_timeout;
        Ok(tenant)
    }

    /// Begins to look for addresses.
    ///
    /// # Errors
    ///
    /// When the interface cannot be set up.
    pub(super) fn begin(&mut self) -> Result<Fate> {
        let was_down = self.port.ensure_up()?;
        // The kernel asks routers when a link comes up, and not when it is up.
        let wait = if was_down { ROUTER_WAITS[0] } else { Duration::ZERO };
        self.stage = Stage::Waiting { ask_at: now() + wait, asked: 0 };
        Ok(self.look())
    }

    /// Goes on with what is on record; `None` when its interface is gone.
    pub(super) fn adopt(
        record: &Record,
        mode: Mode,
        held: Holding,
        rules: &Rules,
    ) -> Option<(Self, Fate)> {
        let netns = format!("{}{}", rules.host_prefix, record.netns);
        let port = Port::open(&netns, &record.ifname).ok()?;
        if !record.is_of(port.netns()) {
            return None;
        }
        let mut tenant = Self::new(record.order(), port, mode, rules);
        let lease = held.lease.clone();
        tenant.held = Some(held);
        let actions = lease.map_or_else(Vec::new, |lease| tenant.client.adopt(lease, now()));
        let fate = tenant.perform(actions);
        tenant.log("IPv6 taken over from an earlier daemon");
        Some((tenant, fate))
    }

    fn new(order: Order, port: Port, mode: Mode, rules: &Rules) -> Self {
        let key = order.key();
        let identity = identity6(&key, &order.ifname, &order.wishes);
        Self {
            client: Client::new(identity, rules.timing, random),
            order,
            key,
            port,
            mode,
            stage: Stage::Settled,
            watch: None,
            socket: None,
            names: Names::default(),
            held: None,
            search_end: Moment::ZERO,
            records: rules.records.clone(),
        }
    }

    /// Whether this attachment is still the one that is in this namespace.
    pub(super) fn is_in(&mut self, netns: &Netns) -> bool {
        self.port.netns().is_same(netns).unwrap_or(false) && self.port.refresh().unwrap_or(false)
    }

    /// Where the addresses come from.
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// The result of what is held.
    pub(super) fn result(&self) -> Option<AddResult> {
        self.held.as_ref().map(Holding::result)
    }

    /// Verifies that the interface has all addresses that are held.
    ///
    /// # Errors
    ///
    /// The first one that it does not have.
    pub(super) fn verify(&self) -> Result<()> {
        let present = self.port.view_ipv6()?.dynamic;
        let mut held = self.held.iter().flat_map(Holding::addresses);
        match held.find(|(address, _)| present.iter().all(|(other, _)| other != address)) {
            None => Ok(()),
            Some((address, prefix)) => Err(Error::internal(format!(
                "{} no longer has the address {address}/{prefix}",
                quote(&self.order.ifname)
            ))),
        }
    }

    /// Whether the interface has addresses that no lease ends.
    pub(super) fn is_autonomous(&self) -> bool {
        self.held.as_ref().is_some_and(|held| !held.autonomous.is_empty())
    }

    /// What to watch.
    pub(super) fn sockets(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let watch = self.watch.iter().map(AsFd::as_fd);
        watch.chain(self.socket.iter().map(AsFd::as_fd))
    }

    /// When [`Tenant6::tick`] has something to do.
    pub(super) fn wake(&self) -> Option<Moment> {
        match self.stage {
            Stage::Waiting { ask_at, .. } => Some(ask_at.min(self.search_end)),
            Stage::Gathering { until } | Stage::Trying { until, .. } => Some(until),
            Stage::Settled => self.client.wake(),
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self) -> Fate {
        match self.port.refresh() {
            Ok(true) => {}
            Ok(false) => return self.end(&format!("interface {} is gone", self.order.ifname)),
            // It cannot be told now, so it is taken to be there.
            Err(error) => self.log(&error.to_string()),
        }
        let now = now();
        match self.stage {
            Stage::Waiting { .. } if now >= self.search_end => {
                let why = match self.mode {
                    Mode::Dhcp => "no more tries for an IPv6 address: the link has none of its own",
                    _ => "no more tries for an IPv6 address: no router advertises any",
                };
                self.end(why)
            }
            Stage::Waiting { asked, .. } => {
                // It counts as lost on the way, and is sent again.
                if self.mode != Mode::Dhcp
                    && let Err(error) = self.port.solicit_routers()
                {
                    self.log(&error.to_string());
                }
                let wait = ROUTER_WAITS[asked.min(ROUTER_WAITS.len() - 1)];
                self.stage = Stage::Waiting { ask_at: now + wait, asked: asked + 1 };
                self.look()
            }
            Stage::Gathering { .. } => self.conclude(),
            Stage::Trying { .. } => self.judge(),
            Stage::Settled => {
                let actions = self.client.tick(now);
                self.perform(actions)
            }
        }
    }

    /// Takes what has come.
    pub(super) fn receive(&mut self) -> Fate {
        match self.hear() {
            Fate::Goes => {}
            fate => return fate,
        }
        let mut buffer = [0; MESSAGE_LEN];
        for _ in 0..MESSAGES_AT_ONCE {
            let Some(socket) = &self.socket else { break };
            let Ok((len, SocketAddr::V6(from))) = socket.recv_from(&mut buffer) else { break };
            let Some(message) = Message::decode(&buffer[..len]) else { continue };
            let actions = self.client.receive(&message, *from.ip(), now());
            match self.perform(actions) {
                Fate::Goes => {}
                fate => return fate,
            }
        }
        Fate::Goes
    }

    fn perform(&mut self, actions: Vec<Action>) -> Fate {
        let mut fate = Fate::Goes;
        for action in actions {
            match action {
                Action::Tell(text) => self.log(&text),
                Action::Send(message) => {
                    // It counts as lost on the way, and is sent again.
                    if let Err(error) = self.send(&message) {
                        self.log(&error.to_string());
                    }
                }
                Action::Hold(lease) => fate = self.take(lease),
                Action::Learn(names) => {
                    self.names.add(names);
                    fate = self.keep(Self::hold_advertised);
                }
                Action::GiveUp(why) => fate = self.end(&why),
                Action::Expire => {
                    self.end("IPv6 lease expired");
                    fate = Fate::Expired;
                }
            }
        }
        if !self.client.listens() {
            self.socket = None;
        }
        if self.held.is_some() && !matches!(self.stage, Stage::Trying { .. }) {
            self.watch = None;
        }
        fate
    }

    /// Gives everything back, or gives up the search.
    ///
    /// # Errors
    ///
    /// When it cannot be forgotten. A server that cannot be told is only logged: the lease ends by
    /// itself.
    pub(super) fn release(mut self) -> Result<()> {
        self.give_back();
        self.records.remove(&self.key, Family::V6)
    }

    /// Takes the address of the server from the interface.
    pub(super) fn withdraw(&self) {
        let held = self.held.as_ref().and_then(|held| held.lease.as_ref());
        let tried = match &self.stage {
            Stage::Trying { lease, .. } => Some(lease),
            _ => None,
        };
        for lease in held.into_iter().chain(tried) {
            self.hide(lease.address);
        }
    }

    /// Sets the interface down: nothing is held any more.
    pub(super) fn close_interface(&self) {
        self.log("bringing interface DOWN");
        if let Err(error) = self.port.set_down() {
            self.log(&format!("failed to bring the interface down: {error}"));
        }
    }

    fn end(&mut self, why: &str) -> Fate {
        self.log(why);
        self.stage = Stage::Settled;
        (self.watch, self.socket) = (None, None);
        if let Err(error) = self.records.remove(&self.key, Family::V6) {
            self.log(&error.to_string());
        }
        Fate::Ended(why.to_owned())
    }

    fn send(&mut self, message: &Message) -> Result<()> {
        if self.socket.is_none() {
            self.socket = Some(self.port.listen_ipv6()?);
        }
        match &self.socket {
            Some(socket) => self.port.send_ipv6(socket, message),
            None => Ok(()),
        }
    }

    fn log(&self, text: &str) {
        log(&format!("{}: {text}", self.key));
    }
}
