//! The IPv4 of one attachment: its client and its interface.

mod packets;

use std::sync::mpsc::Sender;

use cni_core::{AddResult, Result};
use linux_net::{Family, PacketSocket};

use super::clock::now;
use super::log;
use super::port::{Port, random};
use super::record::{Held, Record, Records, identity, key};
use crate::client::{Action, Client, Lease, Moment, Timing, Wishes};

/// A client of a connection whose question waits for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiter {
    pub(super) connection: u64,
    pub(super) method: String,
    pub(super) sequence: u64,
}

/// What has become of a tenant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing that anybody waits for.
    Goes,
    /// It has a lease.
    Holds,
    /// It has none and will not have one.
    Ended(String),
    /// Its lease has come to its end, and the interface still has the address.
    Expired,
}

/// Whose lease it is, and what it is to be.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) container_id: String,
    pub(super) network: String,
    pub(super) ifname: String,
    pub(super) netns: String,
    pub(super) wishes: Wishes,
}

impl Order {
    pub(super) fn key(&self) -> String {
        key(&self.container_id, &self.network, &self.ifname)
    }
}

/// The holder of an IPv4 lease.
pub(super) struct Tenant {
    order: Order,
    key: String,
    port: Port,
    client: Client,
    /// Open while an answer is being waited for.
    socket: Option<PacketSocket>,
    /// Open while an address is looked for on the link.
    watch: Option<PacketSocket>,
    /// What the interface shows.
    shown: Option<Lease>,
    records: Records,
    closer: Sender<PacketSocket>,
}

/// What holds for all tenants.
#[derive(Clone)]
pub(super) struct Rules {
    pub(super) timing: Timing,
    pub(super) wants_broadcast: bool,
    /// Comes before the paths of namespaces.
    pub(super) host_prefix: String,
    pub(super) records: Records,
    /// Takes sockets to be closed, for which the kernel makes the closer wait.
    pub(super) closer: Sender<PacketSocket>,
}

impl Tenant {
    /// Begins to look for a lease.
    ///
    /// # Errors
    ///
    /// When there is no such namespace or interface.
    pub(super) fn acquire(order: Order, port: Port, rules: &Rules) -> Result<(Self, Fate)> {
        let mut tenant = Self::new(order, port, rules);
        if tenant.port.ensure_up()? {
            tenant.log(&format!("Link \"{}\" down. Attempting to set up", tenant.order.ifname));
        }
        let actions = tenant.client.acquire(now());
        let fate = tenant.perform(actions);
        Ok((tenant, fate))
    }

    /// Goes on with a lease from the life of another daemon; `None` when its interface is gone.
    pub(super) fn adopt(record: &Record, lease: Lease, rules: &Rules) -> Option<(Self, Fate)> {
        let netns = format!("{}{}", rules.host_prefix, record.netns);
        let port = Port::open(&netns, &record.ifname).ok()?;
        if !record.is_of(port.netns()) {
            return None;
        }
        let mut tenant = Self::new(record.order(), port, rules);
        tenant.shown = Some(lease.clone());
        let actions = tenant.client.adopt(lease, now());
        let fate = tenant.perform(actions);
        tenant.log("lease taken over from an earlier daemon");
        Some((tenant, fate))
    }

    fn new(order: Order, port: Port, rules: &Rules) -> Self {
        let key = order.key();
        let mut identity = identity(&key, &order.wishes, &port);
        identity.wants_broadcast |= rules.wants_broadcast;
        Self {
            client: Client::new(identity, rules.timing, random),
            order,
            key,
            port,
            socket: None,
            watch: None,
            shown: None,
            records: rules.records.clone(),
            closer: rules.closer.clone(),
        }
    }

    /// Whether this attachment is still the one that is in this namespace.
    pub(super) fn is_in(&mut self, netns: &linux_net::Netns) -> bool {
        self.port.netns().is_same(netns).unwrap_or(false) && self.port.refresh().unwrap_or(false)
    }

    /// The result of the lease that is held.
    pub(super) fn result(&self) -> Option<AddResult> {
        self.client.lease().map(|lease| lease.result(&self.order.wishes))
    }

    /// The sockets to watch.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &PacketSocket> {
        self.socket.iter().chain(&self.watch)
    }

    /// When [`Tenant::tick`] has something to do.
    pub(super) fn wake(&self) -> Option<Moment> {
        self.client.wake()
    }

    /// Does what is due.
    pub(super) fn tick(&mut self) -> Fate {
        match self.port.refresh() {
            Ok(true) => {}
            Ok(false) => return self.end(&gone(&self.order.ifname)),
            // It cannot be told now, so it is taken to be there.
            Err(error) => self.log(&error.to_string()),
        }
        self.client.identity.hardware = self.port.hardware();
        let actions = self.client.tick(now());
        self.perform(actions)
    }

    /// Gives the lease back, or gives up the search for one.
    ///
    /// # Errors
    ///
    /// When the lease cannot be forgotten. A server that cannot be told is only logged: the lease
    /// ends by itself.
    pub(super) fn release(mut self) -> Result<()> {
        if let Some((message, destination)) = self.client.release() {
            self.log("releasing lease");
            let sent = self.socket_to_send().and_then(|()| self.send(&message, destination));
            if let Err(error) = sent {
                self.log(&format!("failed to release DHCP lease: {error}"));
            }
        }
        self.close();
        self.records.remove(&self.key, Family::V4)
    }

    /// Takes what the interface shows of the lease from it: nothing of this family is held any
    /// more, and of another one something is.
    pub(super) fn withdraw(&self) {
        let shown = self.shown.as_ref().map(|lease| lease.result(&self.order.wishes));
        let gone = shown.map(|shown| self.port.replace(&shown, &AddResult::default()));
        if let Some(Err(error)) = gone {
            self.log(&format!("failed to change the interface: {error}"));
        }
    }

    /// Sets the interface down: nothing is held any more.
    pub(super) fn close_interface(&self) {
        self.log("bringing interface DOWN");
        if let Err(error) = self.port.set_down() {
            self.log(&format!("failed to bring the interface down: {error}"));
        }
    }

    fn perform(&mut self, actions: Vec<Action>) -> Fate {
        let mut fate = Fate::Goes;
        for action in actions {
            match action {
                Action::Tell(text) => self.log(&text),
                Action::Send(message, destination) => {
                    let sent =
                        self.socket_to_send().and_then(|()| self.send(&message, destination));
                    // It counts as lost on the way, and is sent again.
                    if let Err(error) = sent {
                        self.log(&format!("failed to send: {error}"));
                    }
                }
                Action::Probe(address) => {
                    // Nobody may answer one that is lost, and more follow.
                    if let Err(error) = self.probe(address) {
                        self.log(&format!("failed to look for {address}: {error}"));
                    }
                }
                Action::Hold(lease) => {
                    fate = match self.hold(lease) {
                        Ok(()) => Fate::Holds,
                        Err(error) => self.end(&error.to_string()),
                    };
                }
                Action::GiveUp(why) => fate = self.end(&why),
                Action::Expire => {
                    self.end("lease expired");
                    fate = Fate::Expired;
                }
            }
        }
        let socket = self.socket.take_if(|_| !self.client.listens());
        let watch = self.watch.take_if(|_| self.client.tried().is_none());
        self.hand_over([socket, watch]);
        fate
    }

    /// Remembers a lease, and has the interface show it when it showed another one.
    fn hold(&mut self, lease: Lease) -> Result<()> {
        let wishes = &self.order.wishes;
        let record = Record::of(&self.order, &self.port, Held::V4(lease.clone()))?;
        let saved = self.records.save(&record);
        if let Some(shown) = self.shown.replace(lease.clone()) {
            let (old, new) = (shown.result(wishes), lease.result(wishes));
            if (&old.ips, &old.routes) != (&new.ips, &new.routes) {
                self.log("the lease has changed, and so does the interface");
                if let Err(error) = self.port.replace(&old, &new) {
                    self.log(&format!("failed to change the interface: {error:}"));
                }
            }
            // It is in use, so it is better held than remembered.
            if let Err(error) = saved {
                self.log(&error.to_string());
            }
            return Ok(());
        }
        saved.inspect_err(|_| {
            if let Some((message, destination)) = self.client.release() {
                // The server takes it back by itself in the end.
                let _ = self.send(&message, destination);
            }
        })
    }

    fn end(&mut self, why: &str) -> Fate {
        self.log(why);
        self.close();
        if let Err(error) = self.records.remove(&self.key, Family::V4) {
            self.log(&error.to_string());
        }
        Fate::Ended(why.to_owned())
    }

    fn log(&self, text: &str) {
        log(&format!("{}: {text}", self.key));
    }
}

/// Says that an interface is no longer what its lease was for.
fn gone(ifname: &str) -> String {
    format!(
        "interface {ifname} no longer exists or link check failed, terminating lease maintenance"
    )
}
