//! One attachment of the daemon's: a tenant for each address family, and who waits for all of them.

use std::os::fd::{AsFd, BorrowedFd};

use cni_core::{AddResult, Result};
use linux_net::{Family, Netns};

use super::clock::now;
use super::log;
use super::port::Port;
use super::record::{Held, Record};
use super::tenant::{Fate, Order, Rules, Tenant, Waiter};
use super::tenant6::Tenant6;
use crate::client::Moment;
use crate::plan::Families;

/// One attachment. A family that it does not have was not asked for, or has come to its end.
pub(super) struct Attachment {
    order: Order,
    four: Option<Tenant>,
    six: Option<Tenant6>,
    /// Whether everything that was asked for has been there: from then on, each family is on its
    /// own, and until then, none is without the other.
    is_settled: bool,
    pub(super) waiting: Vec<Waiter>,
}

impl Attachment {
    /// Begins to look for all leases at once.
    ///
    /// # Errors
    ///
    /// When there is no such namespace or interface.
    pub(super) fn acquire(
        order: Order,
        families: Families,
        netns: &str,
        rules: &Rules,
    ) -> Result<(Self, Fate)> {
        let open = || Port::open(netns, &order.ifname);
        let mut attachment = Self::new(order.clone());
        let mut fates = Vec::new();
        // IPv6 has to be made ready before anything sets the interface up.
        let six = families.six.map(|mode| Tenant6::prepare(order.clone(), open()?, mode, rules));
        attachment.six = six.transpose()?;
        if families.four {
            let (four, fate) = Tenant::acquire(order.clone(), open()?, rules)?;
            attachment.four = Some(four);
            fates.push((Family::V4, fate));
        }
        if let Some(six) = &mut attachment.six {
            fates.push((Family::V6, six.begin()?));
        }
        let fate = attachment.weigh(fates);
        Ok((attachment, fate))
    }

    /// Goes on with leases from the life of another daemon; `None` when their interface is gone.
    pub(super) fn adopt(records: Vec<Record>, rules: &Rules) -> Option<(Self, Fate)> {
        let mut attachment = Self::new(records.first()?.order());
        attachment.is_settled = true;
        let mut fates = Vec::new();
        for record in records {
            match record.lease.clone() {
                Held::V4(lease) => {
                    let (four, fate) = Tenant::adopt(&record, lease, rules)?;
                    attachment.four = Some(four);
                    fates.push((Family::V4, fate));
                }
                Held::V6 { mode, held } => {
                    let (six, fate) = Tenant6::adopt(&record, mode, held, rules)?;
                    attachment.six = Some(six);
                    fates.push((Family::V6, fate));
                }
            }
        }
        let fate = attachment.weigh(fates);
        Some((attachment, fate))
    }

    fn new(order: Order) -> Self {
        Self { order, four: None, six: None, is_settled: false, waiting: Vec::new() }
    }

    /// Whose it is.
    pub(super) fn order(&self) -> &Order {
        &self.order
    }

    /// Whether this attachment is still the one that is in this namespace, and has or looks for
    /// everything that is wanted.
    pub(super) fn is_as_wanted(&mut self, families: Families, netns: &Netns) -> bool {
        let six = self.six.as_ref().map(Tenant6::mode);
        (Families { four: self.four.is_some(), six }) == families
            && self.four.iter_mut().all(|four| four.is_in(netns))
            && self.six.iter_mut().all(|six| six.is_in(netns))
    }

    /// The result of all leases; `None` while one is missing.
    pub(super) fn result(&self) -> Option<AddResult> {
        let four = self.four.as_ref().map(Tenant::result);
        let six = self.six.as_ref().map(Tenant6::result);
        let results = [four, six].into_iter().flatten().collect::<Option<Vec<_>>>()?;
        results.into_iter().reduce(joined)
    }

    /// Verifies that what is held is on the interface.
    ///
    /// # Errors
    ///
    /// The first IPv6 address that is not. Those of IPv4 are put there by other plugins.
    pub(super) fn verify(&self) -> Result<()> {
        self.six.as_ref().map_or(Ok(()), Tenant6::verify)
    }

    /// What to watch.
    pub(super) fn sockets(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let four = self.four.iter().flat_map(Tenant::sockets).map(AsFd::as_fd);
        four.chain(self.six.iter().flat_map(Tenant6::sockets))
    }

    /// When [`Attachment::tick`] has something to do.
    pub(super) fn wake(&self) -> Option<Moment> {
        let four = self.four.as_ref().and_then(Tenant::wake);
        let six = self.six.as_ref().and_then(Tenant6::wake);
        [four, six].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(super) fn tick(&mut self) -> Fate {
        let now = now();
        let is_due = |wake: Option<Moment>| wake.is_some_and(|wake| wake <= now);
        let four = self.four.as_mut().filter(|four| is_due(four.wake())).map(Tenant::tick);
        let six = self.six.as_mut().filter(|six| is_due(six.wake())).map(Tenant6::tick);
        self.weigh(by_family(four, six))
    }

    /// Takes what has come.
    pub(super) fn receive(&mut self) -> Fate {
        let four = self.four.as_mut().map(Tenant::receive);
        let six = self.six.as_mut().map(Tenant6::receive);
        self.weigh(by_family(four, six))
    }

    /// Gives all leases back, or gives up the search for them.
    ///
    /// # Errors
    ///
    /// When one cannot be forgotten; all are tried.
    pub(super) fn release(mut self) -> Result<()> {
        self.give_back()
    }

    fn give_back(&mut self) -> Result<()> {
        let four = self.four.take().map_or(Ok(()), Tenant::release);
        self.six.take().map_or(Ok(()), Tenant6::release).and(four)
    }

    /// What becomes of the attachment after something has become of its families.
    fn weigh(&mut self, fates: Vec<(Family, Fate)>) -> Fate {
        let mut outcome = Fate::Goes;
        for (family, fate) in fates {
            match fate {
                Fate::Goes => {}
                Fate::Holds if self.result().is_none() => {}
                Fate::Holds => {
                    self.is_settled = true;
                    outcome = Fate::Holds;
                }
                Fate::Ended(why) => {
                    self.forget(family);
                    return self.lose(why);
                }
                Fate::Expired => {
                    self.expire(family);
                    return self.lose("lease expired".to_owned());
                }
            }
        }
        outcome
    }

    /// A family has ended: the other goes on, unless somebody waits for both.
    fn lose(&mut self, why: String) -> Fate {
        let is_alone = self.four.is_none() && self.six.is_none();
        if self.is_settled && self.waiting.is_empty() && !is_alone {
            return Fate::Goes;
        }
        if let Err(error) = self.give_back() {
            log(&error.to_string());
        }
        Fate::Ended(why)
    }

    fn forget(&mut self, family: Family) {
        match family {
            Family::V4 => self.four = None,
            Family::V6 => self.six = None,
        }
    }

    /// A lease is over: nothing of it stays on the interface, which is set down when there is
    /// nothing else on it.
    fn expire(&mut self, family: Family) {
        match (family, &self.four, &self.six) {
            (Family::V4, Some(four), Some(_)) => four.withdraw(),
            (Family::V4, Some(four), None) => four.close_interface(),
            (Family::V6, other, Some(six)) => {
                six.withdraw();
                if other.is_none() && !six.is_autonomous() {
                    six.close_interface();
                }
            }
            _ => {}
        }
        self.forget(family);
    }
}

fn by_family(four: Option<Fate>, six: Option<Fate>) -> Vec<(Family, Fate)> {
    let four = four.map(|fate| (Family::V4, fate));
    four.into_iter().chain(six.map(|fate| (Family::V6, fate))).collect()
}

/// Both results in one.
fn joined(mut one: AddResult, other: AddResult) -> AddResult {
    one.ips.extend(other.ips);
    one.routes.extend(other.routes);
    one.dns.nameservers.extend(other.dns.nameservers);
    for domain in other.dns.search {
        if !one.dns.search.contains(&domain) {
            one.dns.search.push(domain);
        }
    }
    one
}
