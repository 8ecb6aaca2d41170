//! What a server has given, and for how long.

use std::net::Ipv6Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::message::{Association, Given, Message};
use super::names::Names;
use crate::client::Moment;

/// An address for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub(crate) address: Ipv6Addr,
    /// Who gave it, by its own identifier.
    pub(crate) server: Vec<u8>,
    /// Where its packets come from.
    pub(crate) server_address: Ipv6Addr,
    pub(crate) renew_at: Moment,
    pub(crate) rebind_at: Moment,
    /// From then on nothing new begins with the address.
    pub(crate) deprecated_at: Moment,
    pub(crate) expires_at: Moment,
    pub(crate) names: Names,
}

/// No time before an extension is shorter, or it would leave none for anything else.
const SHORTEST: u64 = 1;

impl Lease {
    /// Reads what a message that came just now gives; `None` when that is nothing.
    ///
    /// The address that is held is preferred when it is among several.
    pub(super) fn read(
        message: &Message,
        from: Ipv6Addr,
        held: Option<Ipv6Addr>,
        now: Moment,
    ) -> Option<Self> {
        let association = message.association.as_ref()?;
        let usable = || association.addresses.iter().filter(|given| given.is_usable());
        let same = usable().find(|given| Some(given.address) == held);
        let given = same.or_else(|| usable().next())?;
        let [renewal, rebinding] = times(association, given)?;
        let after = |seconds: u64| now + Duration::from_secs(seconds);
        Some(Self {
            address: given.address,
            server: message.server.clone()?,
            server_address: from,
            renew_at: after(renewal),
            rebind_at: after(rebinding),
            deprecated_at: after(given.preferred.into()),
            expires_at: after(given.valid.into()),
            names: message.names.clone(),
        })
    }

    /// From now to the end.
    pub(super) fn left(&self, now: Moment) -> Duration {
        self.expires_at.saturating_sub(now)
    }
}

/// T1 and T2 in seconds. Spec: RFC 8415 section 21.4; 0 leaves the choice to us, which is that of
/// section 14.2, and T1 after T2 makes the whole of it invalid.
fn times(association: &Association, given: &Given) -> Option<[u64; 2]> {
    let Association { renewal, rebinding, .. } = *association;
    if renewal > rebinding && rebinding > 0 {
        return None;
    }
    let (preferred, valid) = (u64::from(given.preferred), u64::from(given.valid));
    // An address that is not to be preferred is extended all the same.
    let preferred = if preferred == 0 { valid } else { preferred };
    let or = |told: u32, ours: u64| if told == 0 { ours } else { told.into() };
    let rebinding = or(rebinding, preferred * 4 / 5).min(valid).max(SHORTEST);
    let renewal = or(renewal, preferred / 2).min(rebinding).max(SHORTEST);
    Some([renewal, rebinding])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(told: [u32; 2], [preferred, valid]: [u32; 2]) -> Option<[u64; 4]> {
        let given = Given { address: Ipv6Addr::LOCALHOST, preferred, valid };
        let association = Association {
            id: 1,
            renewal: told[0],
            rebinding: told[1],
            status: None,
            addresses: vec![given],
        };
        let message = Message {
            server: Some(vec![1]),
            association: Some(association),
            ..Message::new(dhcproto::v6::MessageType::Reply, 1)
        };
        let lease = Lease::read(&message, Ipv6Addr::LOCALHOST, None, Moment::ZERO)?;
        let times = [lease.renew_at, lease.rebind_at, lease.deprecated_at, lease.expires_at];
        Some(times.map(|time| time.as_secs()))
    }

    #[test]
    fn times_have_defaults_and_an_order() {
        assert_eq!(seconds([0, 0], [100, 200]), Some([50, 80, 100, 200]));
        assert_eq!(seconds([10, 20], [100, 200]), Some([10, 20, 100, 200]));
        assert_eq!(seconds([0, 20], [100, 200]), Some([20, 20, 100, 200]));
        assert_eq!(seconds([300, 400], [100, 200]), Some([200, 200, 100, 200]));
        assert_eq!(seconds([0, 0], [0, 200]), Some([100, 160, 0, 200]));
        assert_eq!(seconds([0, 0], [1, 1]), Some([1, 1, 1, 1]));
        let forever = u64::from(u32::MAX);
        let endless = seconds([u32::MAX; 2], [u32::MAX; 2]);
        assert_eq!(endless, Some([forever; 4]));
    }

    #[test]
    fn what_cannot_be_is_no_lease() {
        assert_eq!(seconds([20, 10], [100, 200]), None);
        assert_eq!(seconds([0, 0], [200, 100]), None);
        assert_eq!(seconds([0, 0], [0, 0]), None);
    }
}
