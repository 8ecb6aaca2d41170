//! What clients ask for, and what they get.

use std::collections::HashSet;

use cni_core::spec::conf::NetworkConf;
use cni_core::spec::json;
use cni_core::{AddResult, Error, Result};
use linux_net::Netns;

use super::House;
use crate::conf::LeaseConf;
use crate::daemon::attachment::Attachment;
use crate::daemon::record::key;
use crate::daemon::tenant::{Order, Waiter};
use crate::plan;
use crate::rpc::{Answer, Call, method};

impl House {
    /// Does what is asked; `None` when the answer comes later.
    pub(super) fn obey(&mut self, call: &Call, waiter: &Waiter) -> Option<Answer> {
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
}

fn read_conf(call: &Call) -> Result<(NetworkConf, LeaseConf)> {
    let document = json::Document::parse(&call.stdin).map_err(unreadable)?;
    let network = document.decode().map_err(unreadable)?;
    Ok((network, document.decode().map_err(unreadable)?))
}

fn unreadable(error: json::JsonError) -> Error {
    Error::internal(format!("error parsing netconf: {error}"))
}
