//! A lease: what a server has acknowledged, for how long, and what a result says of it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use cni_core::spec::address::Cidr;
use cni_core::{AddResult, Dns, IpConfig, Route};
use linux_net::Mac;
use serde::{Deserialize, Serialize};

use super::Moment;
use super::message::{Message, Options, Wishes, option};

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
        fixed::<4>(options, option::SUBNET_MASK)?;
        let seconds = |number| fixed::<4>(options, number).map(u32::from_be_bytes);
        let lifetime = seconds(option::LEASE_TIME).unwrap_or(DEFAULT_LIFETIME);
        let lifetime = lifetime.max(SHORTEST_LIFETIME);
        let rebinding = seconds(option::REBINDING_TIME).filter(|time| (2..lifetime).contains(time));
        // 64 bits, for an endless lease has the largest number of 32.
        let rebinding = rebinding.map_or(u64::from(lifetime) * 85 / 100, u64::from);
        let renewal = seconds(option::RENEWAL_TIME).map(u64::from);
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
        fixed::<4>(&self.options, option::SERVER).map(Ipv4Addr::from)
    }

    /// Where packets to the server go: to itself, or to the router before it.
    pub(crate) fn server_mac(&self) -> Option<Mac> {
        self.server_mac.as_deref().and_then(Mac::from_bytes)
    }

    /// The address with the prefix length of its subnet.
    pub(crate) fn network(&self) -> Cidr {
        let mask = fixed::<4>(&self.options, option::SUBNET_MASK).map(u32::from_be_bytes);
        Cidr::new(self.address.into(), mask.unwrap_or(u32::MAX).leading_ones() as u8)
    }

    /// The first router.
    fn gateway(&self) -> Option<Ipv4Addr> {
        addresses(&self.options, option::ROUTERS).first().copied()
    }

    /// What ADD answers. Name servers and the like are in it when they were asked for.
    pub(crate) fn result(&self, wishes: &Wishes) -> AddResult {
        let gateway = self.gateway().map(IpAddr::V4);
        let asked_for = |number: u8| wishes.requested.contains(&number);
        let mtu = fixed::<2>(&self.options, option::MTU).map(u16::from_be_bytes);
        let mtu = mtu.filter(|mtu| asked_for(option::MTU) && *mtu >= SMALLEST_MTU);
        let mut routes = self.routes();
        for route in &mut routes {
            route.priority = wishes.priority;
            route.mtu = mtu.map_or(0, i64::from);
        }
        let mut dns = Dns::default();
        if asked_for(option::NAME_SERVERS) {
            let servers = addresses(&self.options, option::NAME_SERVERS);
            dns.nameservers = servers.iter().map(Ipv4Addr::to_string).collect();
        }
        if asked_for(option::DOMAIN_NAME) {
            dns.domain = self.options.get(&option::DOMAIN_NAME).map_or_else(String::new, |name| {
                String::from_utf8_lossy(name).trim_end_matches('\0').to_owned()
            });
        }
        if asked_for(option::DOMAIN_SEARCH) {
            let list = self.options.get(&option::DOMAIN_SEARCH);
            dns.search = list.and_then(|list| domains(list)).unwrap_or_default();
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
        let classless = [option::CLASSLESS_ROUTES, option::CLASSLESS_ROUTES_MICROSOFT]
            .into_iter()
            .find_map(|number| classless_routes(self.options.get(&number)?));
        if let Some(routes) = classless {
            return routes;
        }
        let by_class = addresses(&self.options, option::STATIC_ROUTES);
        let mut routes: Vec<Route> = by_class
            .chunks_exact(2)
            .map(|pair| route(pair[0], class_prefix(pair[0]), pair[1]))
            .collect();
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

/// RFC 3442: a prefix length, as many bytes of the destination as it needs, and a router. `None`
/// when there is no route or anything is wrong.
fn classless_routes(mut value: &[u8]) -> Option<Vec<Route>> {
    let mut routes = Vec::new();
    while let [prefix @ 0..=32, rest @ ..] = value {
        let (significant, rest) = rest.split_at_checked(usize::from(prefix.div_ceil(8)))?;
        let (router, rest) = rest.split_first_chunk::<4>()?;
        let mut destination = [0; 4];
        destination[..significant.len()].copy_from_slice(significant);
        routes.push(route(destination.into(), *prefix, (*router).into()));
        value = rest;
    }
    (value.is_empty() && !routes.is_empty()).then_some(routes)
}

/// RFC 3397: domain names as DNS writes them, which may point back into the list.
fn domains(list: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < list.len() {
        let (name, end) = domain(list, at)?;
        names.push(name);
        at = end;
    }
    Some(names)
}

/// The name that begins somewhere in the list, and where what follows it begins.
fn domain(list: &[u8], start: usize) -> Option<(String, usize)> {
    let mut labels: Vec<String> = Vec::new();
    let (mut at, mut end, mut limit) = (start, None, start);
    loop {
        let len = usize::from(*list.get(at)?);
        match len {
            0 => return Some((labels.join("."), end.unwrap_or(at + 1))),
            1..64 => {
                let label = list.get(at + 1..at + 1 + len)?;
                labels.push(String::from_utf8_lossy(label).into_owned());
                at += 1 + len;
            }
            192.. => {
                let target = (len & 0x3f) << 8 | usize::from(*list.get(at + 1)?);
                end = end.or(Some(at + 2));
                // Each jump goes further back than the one before, so there is a last one.
                limit = Some(target).filter(|target| *target < limit)?;
                at = target;
            }
            _ => return None,
        }
    }
}

/// An option of a certain length; of another it counts as missing.
fn fixed<const N: usize>(options: &Options, number: u8) -> Option<[u8; N]> {
    options.get(&number)?.as_slice().try_into().ok()
}

/// An option that is a list of addresses. Reference: a length that is no multiple of 4 makes it
/// count as missing, except for static routes, where what is too much is ignored.
fn addresses(options: &Options, number: u8) -> Vec<Ipv4Addr> {
    let value = options.get(&number).map(Vec::as_slice).unwrap_or_default();
    let (addresses, rest) = value.as_chunks::<4>();
    if !rest.is_empty() && number != option::STATIC_ROUTES {
        return Vec::new();
    }
    addresses.iter().copied().map(Ipv4Addr::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Hardware;

    fn lease(options: &[(u8, &[u8])]) -> Option<Lease> {
        let message = Message {
            is_reply: true,
            transaction: 1,
            wants_broadcast: false,
            client: Ipv4Addr::UNSPECIFIED,
            yours: Ipv4Addr::new(192, 168, 1, 5),
            hardware: Hardware(None),
            options: options.iter().map(|(number, value)| (*number, value.to_vec())).collect(),
        };
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
        for list in [&b"\xc0\x00"[..], b"\x03en", b"\x01a\xc0\x05\x00", b"\x40aa\x00", b"\x01a\xc0"]
        {
            assert_eq!(domains(list), None, "{list:?}");
        }
    }
}
