//! The IPv6 of one attachment: what routers advertise, a DHCPv6 client, and the interface.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use cni_core::{AddResult, Error, Result, quote};
use linux_net::{Family, Ipv6News, Ipv6Watch, Netns};

use super::clock::now;
use super::log;
use super::port::{Port, random};
use super::port6::View;
use super::record::{Held, Record, Records, identity6};
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

/// How far it is.
#[derive(Debug)]
enum Stage {
    /// Waiting for an address on the link, or for routers, who are asked again at a time.
    Waiting { ask_at: Moment, asked: usize },
    /// A router has spoken, and the rest of what it says is on its way.
    Gathering { until: Moment },
    /// The client asks a server, or has a lease; or there is all there will be.
    Settled,
}

/// The holder of IPv6 addresses.
pub(super) struct Tenant6 {
    order: Order,
    key: String,
    port: Port,
    mode: Mode,
    stage: Stage,
    client: Client,
    /// Open until there is something: routers may say more than that there is a server.
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
        tenant.port.prepare_ipv6(mode)?;
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
            Stage::Gathering { until } => Some(until),
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

    /// Takes the news of the kernel.
    fn hear(&mut self) -> Fate {
        let Some(watch) = &self.watch else { return Fate::Goes };
        let news = match watch.read() {
            Ok(news) => news,
            Err(error) => {
                self.log(&error.to_string());
                vec![Ipv6News::Changed]
            }
        };
        for news in &news {
            if let Ipv6News::RouterOption(option) = news {
                self.names.add_router_option(option);
            }
        }
        if news.is_empty() { Fate::Goes } else { self.look() }
    }

    /// Goes on if what was being waited for is there.
    fn look(&mut self) -> Fate {
        if !matches!(self.stage, Stage::Waiting { .. }) {
            return Fate::Goes;
        }
        let view = match self.port.view_ipv6() {
            Ok(view) => view,
            Err(error) => {
                self.log(&error.to_string());
                return Fate::Goes;
            }
        };
        if view.link_local.is_none() {
            return Fate::Goes;
        }
        if self.mode == Mode::Dhcp {
            return self.acquire();
        }
        if !view.dynamic.is_empty() || self.has_server(&view) {
            self.stage = Stage::Gathering { until: now() + GATHERING };
        }
        Fate::Goes
    }

    /// Whether addresses come from a server, as far as routers have said so.
    fn has_server(&self, view: &View) -> bool {
        self.mode == Mode::Auto && view.flags.is_managed
    }

    fn acquire(&mut self) -> Fate {
        self.stage = Stage::Settled;
        let actions = self.client.acquire(now());
        self.perform(actions)
    }

    /// All that routers say is known.
    fn conclude(&mut self) -> Fate {
        let view = match self.port.view_ipv6() {
            Ok(view) => view,
            Err(error) => return self.end(&error.to_string()),
        };
        // The kernel's work on a new address waits for whatever else is done to interfaces.
        if view.is_settling && now() < self.search_end {
            self.stage = Stage::Gathering { until: now() + GATHERING };
            return Fate::Goes;
        }
        if self.has_server(&view) {
            return self.acquire();
        }
        self.stage = Stage::Settled;
        let actions = if view.flags.has_other && self.names.is_empty() {
            self.client.inform(now())
        } else {
            vec![Action::Learn(Names::default())]
        };
        self.perform(actions)
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
                Action::Hold(lease) => fate = self.keep(|tenant| tenant.hold(lease)),
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
        if self.held.is_some() {
            self.watch = None;
        }
        fate
    }

    fn keep(&mut self, hold: impl FnOnce(&mut Self) -> Result<()>) -> Fate {
        match hold(self) {
            Ok(()) => Fate::Holds,
            Err(error) => {
                self.give_back();
                self.end(&error.to_string())
            }
        }
    }

    /// Remembers a lease, and has the interface show it.
    fn hold(&mut self, lease: Lease) -> Result<()> {
        let (holding, before) = match &self.held {
            Some(held) => {
                (Holding { lease: Some(lease.clone()), ..held.clone() }, held.lease.clone())
            }
            None => (self.advertised(Some(lease.clone()))?, None),
        };
        let is_first = self.held.is_none();
        self.held = Some(holding);
        let done = self.save().and_then(|()| self.port.show_ipv6(&lease));
        if let Some(before) = before.filter(|before| before.address != lease.address) {
            self.log("the IPv6 lease has changed, and so does the interface");
            self.hide(before.address);
        }
        match done {
            // It is in use, so it is better held than remembered.
            Err(error) if !is_first => self.log(&error.to_string()),
            done => done?,
        }
        Ok(())
    }

    /// Remembers what routers advertise.
    fn hold_advertised(&mut self) -> Result<()> {
        self.held = Some(self.advertised(None)?);
        self.log("IPv6 addresses autoconfigured");
        self.save()
    }

    /// What there is now, with a lease that the interface may have already.
    fn advertised(&mut self, lease: Option<Lease>) -> Result<Holding> {
        // What belongs to the same advertisement may still be unread.
        if let Some(Ok(news)) = self.watch.as_ref().map(Ipv6Watch::read) {
            for news in news {
                if let Ipv6News::RouterOption(option) = news {
                    self.names.add_router_option(&option);
                }
            }
        }
        let View { dynamic, router, .. } = self.port.view_ipv6()?;
        let leased = lease.as_ref().map(|lease| lease.address);
        let autonomous = match self.mode {
            Mode::Dhcp => Vec::new(),
            _ => dynamic.into_iter().filter(|(address, _)| Some(*address) != leased).collect(),
        };
        Ok(Holding { lease, autonomous, gateway: router, names: self.names.clone() })
    }

    fn save(&self) -> Result<()> {
        let Some(held) = self.held.clone() else { return Ok(()) };
        let held = Held::V6 { mode: self.mode, held };
        self.records.save(&Record::of(&self.order, &self.port, held)?)
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

    /// Spec: RFC 8415 section 18.2.7: the address is not used any more before its server hears.
    fn give_back(&mut self) {
        self.withdraw();
        let Some(message) = self.client.release() else { return };
        self.log("releasing IPv6 lease");
        if let Err(error) = self.send(&message) {
            self.log(&format!("failed to release DHCPv6 lease: {error}"));
        }
    }

    /// Takes the address of the server from the interface.
    pub(super) fn withdraw(&self) {
        if let Some(lease) = self.held.as_ref().and_then(|held| held.lease.as_ref()) {
            self.hide(lease.address);
        }
    }

    fn hide(&self, address: std::net::Ipv6Addr) {
        if let Err(error) = self.port.hide_ipv6(address) {
            self.log(&format!("failed to remove {}: {error}", IpAddr::V6(address)));
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
