//! A lease: what a server has acknowledged, for how long, and what a result says of it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use cni_core::spec::address::Cidr;
use cni_core::{AddResult, Dns, IpConfig, Route};
use dhcproto::v4::OptionCode;
use linux_net::Mac;
use serde::{Deserialize, Serialize};

use super::Moment;
use super::message::{Message, Wishes};
use super::options::Options;

/// How long a lease is when the server does not say.
const DEFAULT_LIFETIME: u32 = 3600;

/// No lease is taken to be shorter, or its renewal would not leave time for anything else.
const SHORTEST_LIFETIME: u32 = 4;

/// The smallest MTU of IPv4 (RFC 2132 section 5.1).
const SMALLEST_MTU: u16 = 68;

/// The scope of routes that lead to no router.
const SCOPE_LINK: i64 = 253;

/// An address for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub(crate) address: Ipv4Addr,
    /// Everything the server said.
    options: Options,
    /// Who said it, and from where its packet came.
    server_mac: Option<Vec<u8>>,
    pub(crate) renew_at: Moment,
    pub(crate) rebind_at: Moment,
    pub(crate) expires_at: Moment,
    /// From the acknowledgement to the end.
    pub(crate) lifetime: Duration,
}

impl Lease {
    /// Reads an acknowledgement that came just now; `None` without a subnet mask.
    pub(crate) fn read(acknowledgement: &Message, from: Option<Mac>, now: Moment) -> Option<Self> {
        let options = &acknowledgement.options;
        options.address(OptionCode::SubnetMask)?;
        let lifetime = options.seconds(OptionCode::AddressLeaseTime).unwrap_or(DEFAULT_LIFETIME);
        let lifetime = lifetime.max(SHORTEST_LIFETIME);
        let rebinding =
            options.seconds(OptionCode::Rebinding).filter(|time| (2..lifetime).contains(time));
        // 64 bits, for an endless lease has the largest number of 32.
        let rebinding = rebinding.map_or(u64::from(lifetime) * 85 / 100, u64::from);
        let renewal = options.seconds(OptionCode::Renewal).map(u64::from);
        let renewal = renewal.filter(|time| (1..rebinding).contains(time));
        let renewal = renewal.unwrap_or((u64::from(lifetime) / 2).min(rebinding - 1));
        Some(Self {
            address: acknowledgement.yours,
            options: options.clone(),
            server_mac: from.map(|mac| mac.as_bytes().to_vec()),
            renew_at: now + Duration::from_secs(renewal),
            rebind_at: now + Duration::from_secs(rebinding),
            expires_at: now + Duration::from_secs(lifetime.into()),
            lifetime: Duration::from_secs(lifetime.into()),
        })
    }

    /// The server that gave it, by its own account.
    pub(crate) fn server(&self) -> Option<Ipv4Addr> {
        self.options.address(OptionCode::ServerIdentifier)
    }

    /// Where packets to the server go: to itself, or to the router before it.
    pub(crate) fn server_mac(&self) -> Option<Mac> {
        self.server_mac.as_deref().and_then(Mac::from_bytes)
    }

    /// The address with the prefix length of its subnet.
    pub(crate) fn network(&self) -> Cidr {
        let mask = self.options.address(OptionCode::SubnetMask).unwrap_or(Ipv4Addr::BROADCAST);
        Cidr::new(self.address.into(), mask.to_bits().leading_ones() as u8)
    }

    /// The first router.
    fn gateway(&self) -> Option<Ipv4Addr> {
        self.options.addresses(OptionCode::Router).first().copied()
    }

    /// What ADD answers. Name servers and the like are in it when they were asked for.
    pub(crate) fn result(&self, wishes: &Wishes) -> AddResult {
        let gateway = self.gateway().map(IpAddr::V4);
        let asked_for = |code: OptionCode| wishes.requested.contains(&code.into());
        let mtu = self.options.mtu();
        let mtu = mtu.filter(|mtu| asked_for(OptionCode::InterfaceMtu) && *mtu >= SMALLEST_MTU);
        let mut routes = self.routes();
        for route in &mut routes {
            route.priority = wishes.priority;
            route.mtu = mtu.map_or(0, i64::from);
        }
        let mut dns = Dns::default();
        if asked_for(OptionCode::DomainNameServer) {
            let servers = self.options.addresses(OptionCode::DomainNameServer);
            dns.nameservers = servers.iter().map(Ipv4Addr::to_string).collect();
        }
        if asked_for(OptionCode::DomainName) {
            dns.domain = self.options.text(OptionCode::DomainName);
        }
        if asked_for(OptionCode::DomainSearch) {
            dns.search = self.options.search_list();
        }
        let address = Some(self.network());
        AddResult {
            ips: vec![IpConfig { interface: None, address, gateway }],
            routes,
            dns,
            ..AddResult::default()
        }
    }

    /// RFC 3442: the other two options mean nothing where classless routes are given.
    fn routes(&self) -> Vec<Route> {
        if let Some(routes) = self.options.classless_routes() {
            return routes
                .into_iter()
                .map(|(to, prefix, router)| route(to, prefix, router))
                .collect();
        }
        let by_class = self.options.static_routes();
        let by_class = by_class.into_iter().map(|(to, router)| route(to, class_prefix(to), router));
        let mut routes: Vec<Route> = by_class.collect();
        routes.extend(self.gateway().map(|router| route(Ipv4Addr::UNSPECIFIED, 0, router)));
        routes
    }
}

/// A route; host bits, which the kernel would refuse, are left out of the destination.
fn route(destination: Ipv4Addr, prefix: u8, router: Ipv4Addr) -> Route {
    let destination = Cidr::new(destination.into(), prefix);
    Route {
        dst: Some(Cidr::new(destination.network(), prefix)),
        gw: Some(router.into()),
        scope: router.is_unspecified().then_some(SCOPE_LINK),
        ..Route::default()
    }
}

/// The prefix length of an address from the time of classes.
fn class_prefix(address: Ipv4Addr) -> u8 {
    match address.octets()[0] {
        0..128 => 8,
        128..192 => 16,
        192.. => 24,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Hardware;

    fn lease(options: &[(u8, &[u8])]) -> Option<Lease> {
        let mut message = Message {
            is_reply: true,
            transaction: 1,
            wants_broadcast: false,
            client: Ipv4Addr::UNSPECIFIED,
            yours: Ipv4Addr::new(192, 168, 1, 5),
            hardware: Hardware(None),
            options: Options::default(),
        };
        for (number, value) in options {
            message.options.set_bytes(*number, value.to_vec());
        }
        Lease::read(&message, None, Moment::ZERO)
    }

    const MASK: (u8, &[u8]) = (1, &[255, 255, 255, 0]);
    const ROUTER: (u8, &[u8]) = (3, &[192, 168, 1, 1, 192, 168, 1, 2]);

    /// The routes in the words of `ip`, with what the result says of the address before them.
    fn shown(options: &[(u8, &[u8])]) -> Vec<String> {
        let result =
            lease(&[&[MASK], options].concat()).expect("a lease").result(&Wishes::default());
        let gateway = result.ips[0].gateway.map(|gateway| gateway.to_string());
        let routes = result.routes.iter().map(|route| {
            let (Some(dst), Some(gw)) = (route.dst, route.gw) else { panic!("{route:?}") };
            match route.scope {
                Some(scope) => format!("{dst} via {gw} scope {scope}"),
                None => format!("{dst} via {gw}"),
            }
        });
        gateway.into_iter().chain(routes).collect()
    }

    #[test]
    fn times_have_defaults_and_an_order() {
        let times = |options: &[(u8, u32)]| {
            let bytes: Vec<_> = options.iter().map(|(n, v)| (*n, v.to_be_bytes())).collect();
            let mut all: Vec<(u8, &[u8])> = bytes.iter().map(|(n, v)| (*n, &v[..])).collect();
            all.push(MASK);
            let lease = lease(&all).expect("a lease");
            [lease.renew_at, lease.rebind_at, lease.expires_at].map(|time| time.as_secs())
        };
        assert_eq!(times(&[]), [1800, 3060, 3600]);
        assert_eq!(times(&[(51, 100)]), [50, 85, 100]);
        assert_eq!(times(&[(51, 100), (58, 10), (59, 20)]), [10, 20, 100]);
        for wrong in [[(58, 0), (59, 0)], [(58, 200), (59, 200)]] {
            assert_eq!(times(&[&[(51, 100)], &wrong[..]].concat()), [50, 85, 100]);
        }
        assert_eq!(times(&[(51, 100), (59, 30)]), [29, 30, 100]);
        assert_eq!(times(&[(51, 0)]), [2, 3, 4]);
        assert_eq!(times(&[(51, u32::MAX)])[1], 3_650_722_200);
    }

    #[test]
    fn there_is_no_lease_without_a_mask() {
        assert_eq!(lease(&[]), None);
        assert_eq!(lease(&[(1, &[255, 255, 255])]), None);
        assert!(lease(&[MASK, (51, &[1])]).is_some(), "what is malformed counts as missing");
    }

    #[test]
    fn the_first_router_is_gateway_and_default_route() {
        assert_eq!(shown(&[]), [""; 0]);
        assert_eq!(shown(&[ROUTER]), ["192.168.1.1", "0.0.0.0/0 via 192.168.1.1"]);
        assert_eq!(shown(&[(3, &[192, 168, 1])]), [""; 0]);
    }

    #[test]
    fn static_routes_have_the_prefix_of_their_class_and_come_first() {
        let value = [
            [10, 5, 0, 0, 192, 168, 1, 9],
            [172, 16, 3, 0, 192, 168, 1, 9],
            [198, 51, 100, 7, 192, 168, 1, 9],
        ]
        .concat();
        let expected = [
            "192.168.1.1",
            "10.0.0.0/8 via 192.168.1.9",
            "172.16.0.0/16 via 192.168.1.9",
            "198.51.100.0/24 via 192.168.1.9",
            "0.0.0.0/0 via 192.168.1.1",
        ];
        assert_eq!(shown(&[ROUTER, (33, &value)]), expected);
        let trailing = [&value[..], &[1, 2, 3]].concat();
        assert_eq!(shown(&[ROUTER, (33, &trailing)]), expected);
    }

    #[test]
    fn classless_routes_replace_all_others() {
        let value: &[u8] = &[8, 10, 192, 168, 1, 254, 0, 192, 168, 1, 1, 12, 172, 16, 0, 0, 0, 0];
        let expected = [
            "192.168.1.1",
            "10.0.0.0/8 via 192.168.1.254",
            "0.0.0.0/0 via 192.168.1.1",
            "172.16.0.0/12 via 0.0.0.0 scope 253",
        ];
        let by_class: (u8, &[u8]) = (33, &[10, 5, 0, 0, 192, 168, 1, 9]);
        assert_eq!(shown(&[ROUTER, by_class, (121, value)]), expected);
        assert_eq!(shown(&[ROUTER, (249, value)]), expected);
        let only_default = ["192.168.1.1", "0.0.0.0/0 via 192.168.1.1"];
        for malformed in [&value[..5], &value[..1], &[33, 1, 2, 3, 4, 5, 1, 2, 3, 4], &[]] {
            assert_eq!(shown(&[ROUTER, (121, malformed)]), only_default, "{malformed:?}");
        }
    }

    #[test]
    fn names_and_mtu_are_told_when_they_were_asked_for() {
        let search = b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04";
        let options: [(u8, &[u8]); 6] = [
            MASK,
            ROUTER,
            (6, &[192, 168, 1, 53]),
            (15, b"example.org"),
            (26, &[5, 120]),
            (119, search),
        ];
        let lease = lease(&options).expect("a lease");
        let silent = lease.result(&Wishes::default());
        assert!(silent.dns.is_empty() && silent.routes[0].mtu == 0);
        let wishes = Wishes { requested: vec![6, 15, 26, 119], priority: 7, ..Wishes::default() };
        let told = lease.result(&wishes);
        assert_eq!(told.dns.nameservers, ["192.168.1.53"]);
        assert_eq!(told.dns.domain, "example.org");
        assert_eq!(told.dns.search, ["eng.apple.com", "marketing.apple.com"]);
        assert_eq!((told.routes[0].mtu, told.routes[0].priority), (1400, 7));
    }

    #[test]
    fn a_search_list_that_leads_nowhere_is_ignored() {
        let wishes = Wishes { requested: vec![119], ..Wishes::default() };
        for list in [&b"\xc0\x00"[..], b"\x03en", b"\x01a\xc0\x05\x00", b"\x40aa\x00", b"\x01a\xc0"]
        {
            let lease = lease(&[MASK, (119, list)]).expect("a lease");
            assert_eq!(lease.result(&wishes).dns.search, [""; 0], "{list:?}");
        }
    }
}
