//! ADD: one free address from each range set.

use std::net::IpAddr;
use std::rc::Rc;

use cni_core::spec::address::Cidr;
use cni_core::{AddResult, Attachment, Context, Draft, Error, IpConfig, Request, Result, Undo};

use crate::conf::Conf;
use crate::plan::Plan;
use crate::range::Range;
use crate::range_set::RangeSet;
use crate::resolv_conf;
use crate::store::{Folder, Holder, Reservation, Store, failed};

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
    let ips = reserve(folder, &request.attachment, &plan.sets, &wanted, undo)?;
    Ok(AddResult { ips, routes: plan.routes, dns, ..AddResult::default() })
}

/// Reserves one address of each set, the wanted one where there is one.
fn reserve(
    folder: Folder,
    attachment: &Attachment,
    sets: &[RangeSet],
    wanted: &[Option<IpAddr>],
    undo: &mut Undo,
) -> Result<Vec<IpConfig>> {
    // What the file says does not depend on the address, so the slow part, reaching the disk, is
    // over before the lock is taken.
    let draft = Draft::durable(&folder, Holder::content_for(attachment))
        .map_err(|error| failed("write a reservation in", folder.path(), &error))?;
    let (folder, draft) = (Rc::new(folder), Rc::new(draft));
    let mut store = Store::lock(&folder, attachment)?;
    let mut search = Search { attachment, undo, folder: Rc::clone(&folder), draft };
    let ips = search.take_all(&mut store, sets, wanted);
    store.settle();
    ips
}

/// The search for addresses, under the lock.
struct Search<'a> {
    attachment: &'a Attachment,
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
        store
            .set_last_reserved(ips.iter().map(|(ip, _)| *ip))
            .map_err(|error| failed("write a marker in", self.folder.path(), &error))?;
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
                self.attachment.container_id
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
                attachment: self.attachment.clone(),
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

#[cfg(test)]
mod tests {
    use cni_core::spec::json;

    use super::*;
    use crate::conf::RangeConf;

    struct World {
        dir: tempfile::TempDir,
        sets: Vec<RangeSet>,
    }

    impl World {
        /// A store, and sets written as `ipam.ranges`.
        fn new(ranges: &str) -> Self {
            let confs: Vec<Vec<RangeConf>> =
                json::from_slice(ranges.as_bytes()).expect("good ranges");
            let sets = confs.iter().map(|confs| RangeSet::new(confs).expect("a good set"));
            Self { dir: tempfile::tempdir().expect("a folder"), sets: sets.collect() }
        }

        fn folder(&self) -> Folder {
            Folder::ensure(self.dir.path().to_str().expect("text"), "net").expect("the store")
        }

        fn add(&self, container_id: &str, wanted: &[&str]) -> Result<Vec<String>> {
            let attachment = Attachment {
                container_id: container_id.to_owned(),
                netns: String::new(),
                ifname: "eth0".to_owned(),
            };
            let mut asked: Vec<Option<IpAddr>> = wanted.iter().map(|ip| ip.parse().ok()).collect();
            asked.resize(self.sets.len(), None);
            let mut undo = Undo::default();
            let ips = reserve(self.folder(), &attachment, &self.sets, &asked, &mut undo)?;
            Ok(ips.into_iter().filter_map(|ip| ip.address).map(|ip| ip.to_string()).collect())
        }

        fn refused(&self, container_id: &str, wanted: &[&str]) -> String {
            self.add(container_id, wanted).expect_err("refused").msg
        }

        fn free(&self, address: &str) {
            self.folder().unlink(address).expect("freed");
        }
    }

    #[test]
    fn every_set_gives_one_address_with_the_prefix_of_its_subnet() {
        let world = World::new(
            r#"[[{"subnet":"10.1.2.0/24"},{"subnet":"10.2.2.0/24"}],[{"subnet":"2001:db8:1::/64"}]]"#,
        );
        assert_eq!(world.add("c1", &[]), Ok(vec!["10.1.2.2/24".into(), "2001:db8:1::2/64".into()]));
        let refusal = "failed to allocate for range 0: 10.1.2.2 has been allocated to c1, \
                       duplicate allocation is not allowed";
        assert_eq!(world.refused("c1", &[]), refusal);
        assert_eq!(world.add("c2", &[]), Ok(vec!["10.1.2.3/24".into(), "2001:db8:1::3/64".into()]));
        assert_eq!(world.refused("c1", &[]), refusal);
    }

    #[test]
    fn addresses_go_round_and_run_out() {
        let world = World::new(r#"[[{"subnet":"10.0.0.0/29","rangeEnd":"10.0.0.4"}]]"#);
        for (container_id, address) in [("a", "10.0.0.2/29"), ("b", "10.0.0.3/29")] {
            assert_eq!(world.add(container_id, &[]), Ok(vec![address.into()]));
        }
        world.free("10.0.0.2");
        assert_eq!(world.add("c", &[]), Ok(vec!["10.0.0.4/29".into()]));
        assert_eq!(world.add("d", &[]), Ok(vec!["10.0.0.2/29".into()]));
        assert_eq!(
            world.refused("e", &[]),
            "failed to allocate for range 0: no IP addresses available in range set: \
             10.0.0.1-10.0.0.4"
        );
        world.free("10.0.0.2");
        assert_eq!(world.add("e", &[]), Ok(vec!["10.0.0.2/29".into()]), "the last one itself");
    }

    #[test]
    fn requested_addresses_are_had_or_refused() {
        let world = World::new(r#"[[{"subnet":"10.1.2.0/24"}]]"#);
        assert_eq!(world.add("a", &["10.1.2.88"]), Ok(vec!["10.1.2.88/24".into()]));
        assert_eq!(
            world.refused("b", &["10.1.2.88"]),
            "failed to allocate for range 0: requested IP address 10.1.2.88 is not available in \
             range set 10.1.2.1-10.1.2.254"
        );
        assert_eq!(
            world.refused("b", &["10.1.2.1"]),
            "failed to allocate for range 0: requested ip 10.1.2.1 is subnet's gateway"
        );
        assert_eq!(world.add("b", &[]), Ok(vec!["10.1.2.89/24".into()]), "after the requested one");
        assert_eq!(world.add("a", &["10.1.2.90"]), Ok(vec!["10.1.2.90/24".into()]), "one more");
    }

    #[test]
    fn a_failure_does_not_advance_the_sets_before() {
        let world = World::new(
            r#"[[{"subnet":"10.1.2.0/24"}],[{"subnet":"fd00::/126","rangeEnd":"fd00::2"}]]"#,
        );
        world.add("a", &[]).expect("added");
        world.refused("b", &[]);
        let marker = world.folder().read("last_reserved_ip.0").expect("a marker");
        assert_eq!(marker, b"10.1.2.2");
    }
}
