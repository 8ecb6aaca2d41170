//! ADD: one free address from each range set.

use std::net::IpAddr;
use std::rc::Rc;

use cni_core::spec::address::Cidr;
use cni_core::{AddResult, Context, Error, IpConfig, Request, Result, Undo};

use crate::conf::Conf;
use crate::plan::Plan;
use crate::range::Range;
use crate::range_set::RangeSet;
use crate::resolv_conf;
use crate::store::{Draft, Folder, Holder, Reservation, Store, failed};

/// Reserves the addresses.
///
/// # Errors
///
/// A bad configuration, a requested address that is not to be had, an exhausted range set, or a
/// store that cannot be written.
pub fn add(request: &Request<Conf>, undo: &mut Undo) -> Result<AddResult> {
    let plan = Plan::new(&request.conf, &request.network, &request.cni_args)?;
    let wanted = plan.wanted()?;
    let dns = plan.resolv_conf.as_deref().map(resolv_conf::read).transpose()?.unwrap_or_default();

    let folder = Folder::ensure(request.conf.ipam()?.data_dir(), &request.network.name)?;
    // What the file says does not depend on the address, so the slow part, reaching the disk, is
    // over before the lock is taken.
    let draft = Draft::durable(&folder, &Holder::content_for(&request.attachment))
        .map_err(|error| failed("write a reservation in", folder.path(), &error))?;
    let mut search = Search { request, undo, folder: Rc::new(folder), draft: Rc::new(draft) };

    let folder = Rc::clone(&search.folder);
    let mut store = Store::lock(&folder, &request.attachment)?;
    let ips = search.take_all(&mut store, &plan.sets, &wanted);
    store.settle();
    Ok(AddResult { ips: ips?, routes: plan.routes, dns, ..AddResult::default() })
}

/// The search for addresses, under the lock.
struct Search<'a> {
    request: &'a Request<Conf>,
    undo: &'a mut Undo,
    folder: Rc<Folder>,
    draft: Rc<Draft>,
}

impl Search<'_> {
    fn take_all(
        &mut self,
        store: &mut Store<'_>,
        sets: &[RangeSet],
        wanted: &[Option<IpAddr>],
    ) -> Result<Vec<IpConfig>> {
        let mut ips = Vec::with_capacity(sets.len());
        for (i, (set, wanted)) in sets.iter().zip(wanted).enumerate() {
            let (ip, range) = match wanted {
                Some(ip) => self.take_requested(store, set, *ip),
                None => self.take_any(store, set, i),
            }
            .context(|| format!("failed to allocate for range {i}"))?;
            ips.push((ip, range));
        }
        // Only now: a failure with a later set does not advance the earlier ones.
        for (i, (ip, _)) in ips.iter().enumerate() {
            store
                .set_last_reserved(i, *ip)
                .map_err(|error| failed("write a marker in", self.folder.path(), &error))
                .context(|| format!("failed to allocate for range {i}"))?;
        }
        Ok(ips.into_iter().map(|(ip, range)| ip_config(ip, range)).collect())
    }

    /// Reference: an attachment may get a requested address in addition to one it has already.
    fn take_requested<'s>(
        &mut self,
        store: &mut Store<'_>,
        set: &'s RangeSet,
        ip: IpAddr,
    ) -> Result<(IpAddr, &'s Range)> {
        let unavailable = || {
            Error::internal(format!(
                "requested IP address {ip} is not available in range set {set}"
            ))
        };
        let range = set.find_range(ip).ok_or_else(unavailable)?;
        if ip == range.gateway {
            return Err(Error::internal(format!("requested ip {ip} is subnet's gateway")));
        }
        if self.take(store, ip)? { Ok((ip, range)) } else { Err(unavailable()) }
    }

    fn take_any<'s>(
        &mut self,
        store: &mut Store<'_>,
        set: &'s RangeSet,
        i: usize,
    ) -> Result<(IpAddr, &'s Range)> {
        let held =
            store.held_in_any_form().map_err(|error| failed("read", self.folder.path(), &error))?;
        let held = held.iter().filter_map(|record| record.name.parse::<IpAddr>().ok());
        if let Some(ip) = held.map(|ip| ip.to_canonical()).find(|ip| set.find_range(*ip).is_some())
        {
            return Err(Error::internal(format!(
                "{ip} has been allocated to {}, duplicate allocation is not allowed",
                self.request.attachment.container_id
            )));
        }
        for (ip, range) in set.walk(store.last_reserved(i)) {
            if self.take(store, ip)? {
                return Ok((ip, range));
            }
        }
        Err(Error::internal(format!("no IP addresses available in range set: {set}")))
    }

    /// Reserves an address; `false` when it is taken.
    fn take(&mut self, store: &mut Store<'_>, ip: IpAddr) -> Result<bool> {
        let reserved = self.folder.is_free(&ip.to_string()).and_then(|free| {
            if !free {
                return Ok(false);
            }
            self.undo.own(Reservation {
                folder: Rc::clone(&self.folder),
                draft: Rc::clone(&self.draft),
                attachment: self.request.attachment.clone(),
                address: ip,
            });
            store.reserve(&self.draft, ip)
        });
        let path = || self.folder.path().join(ip.to_string());
        reserved.map_err(|error| failed("reserve", &path(), &error))
    }
}

fn ip_config(ip: IpAddr, range: &Range) -> IpConfig {
    IpConfig {
        interface: None,
        address: Some(Cidr::new(ip, range.subnet.prefix())),
        gateway: Some(range.gateway),
    }
}
