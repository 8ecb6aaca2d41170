//! A result's addresses and routes, put onto an interface in a container.

use std::net::IpAddr;
use std::time::Duration;

use cni_core::spec::address::Cidr;
use cni_core::{AddResult, Context, Error, Result, quote};
use linux_net::{AddressOptions, Family, Netns, Request, Route, Rtnl, Settled, sysctl};

/// How long duplicate address detection may take; the kernel needs a little over one second.
const SETTLE_LIMIT: Duration = Duration::from_secs(5);

/// The interface to configure.
pub struct Target<'a> {
    /// Its namespace.
    pub netns: &'a Netns,
    /// A socket in that namespace.
    pub rtnl: &'a Rtnl,
    /// Its index there.
    pub index: u32,
    /// Its name there.
    pub ifname: &'a str,
}

/// What the interface tells its neighbours when it comes up.
pub struct Announcement {
    /// IPv6 duplicate address detection.
    pub detection: Detection,
    /// Whether a gratuitous ARP request makes IPv4 neighbours forget who had the address before.
    pub arp: bool,
    /// Whether an unsolicited neighbour advertisement does so for IPv6.
    pub ndisc: bool,
}

/// What becomes of IPv6 duplicate address detection (RFC 4862 section 5.4), which keeps an address
/// from being used for a second or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detection {
    /// It is switched off for the interface.
    Off,
    /// It is left out for the addresses of the result, and the interface's setting stays.
    LeftOut,
    /// It is switched on, and its end is waited for.
    Awaited,
}

impl Target<'_> {
    /// Adds the addresses of `result` that belong to this interface, sets it up, adds all routes.
    ///
    /// # Errors
    ///
    /// The reference's texts, which name the address or the route.
    pub fn configure(&self, result: &AddResult, announcement: &Announcement) -> Result<()> {
        self.configure_behind(&[], result, announcement)
    }

    /// Does the same, with `first`, routes that those of `result` need, before them.
    ///
    /// # Errors
    ///
    /// The reference's texts, which name the address or the route.
    pub fn configure_behind(
        &self,
        first: &[Route],
        result: &AddResult,
        announcement: &Announcement,
    ) -> Result<()> {
        let addresses = self.own_addresses(result)?;
        let wants_ipv6 = addresses.iter().any(|address| address.ip().is_ipv6());
        self.netns.run(|| self.write_sysctls(announcement, wants_ipv6))??;

        let gateway = |ipv6: bool| {
            let gateways = result.ips.iter().filter(|ip| ip.interface.is_some());
            gateways.filter_map(|ip| ip.gateway).find(|gateway| gateway.is_ipv6() == ipv6)
        };
        let gateways = [gateway(false), gateway(true)];
        let options = AddressOptions {
            without_detection: announcement.detection == Detection::LeftOut,
            ..AddressOptions::default()
        };
        let mut requests: Vec<Request<'_>> = addresses
            .iter()
            .map(|address| Request::add_address_with(self.index, address.0, options))
            .collect();
        requests.push(Request::set_up(self.index));
        if announcement.detection == Detection::Awaited && gateways[1].is_some() {
            self.run(&requests, &addresses, &[])?;
            self.settle()?;
            requests.clear();
        }
        let asked_for = result.routes.iter().map(|route| self.typed_route(route, gateways));
        let routes = first.iter().cloned().map(Ok).chain(asked_for).collect::<Result<Vec<_>>>()?;
        requests.extend(routes.iter().map(Request::add_route));
        self.run(&requests, &addresses, &routes)
    }

    /// The addresses that name this interface; those without an interface are not ours to add.
    fn own_addresses(&self, result: &AddResult) -> Result<Vec<Cidr>> {
        if result.interfaces.is_empty() {
            return Err(Error::internal("no interfaces to configure"));
        }
        let mut addresses = Vec::with_capacity(result.ips.len());
        for ip in &result.ips {
            let (Some(interface), Some(address)) = (ip.interface, ip.address) else {
                continue;
            };
            let named = usize::try_from(interface).ok().and_then(|i| result.interfaces.get(i));
            if named.is_none_or(|interface| interface.name != self.ifname) {
                return Err(Error::internal(format!(
                    "failed to add IP addr {address} to {}: invalid interface index",
                    quote(self.ifname)
                )));
            }
            addresses.push(address);
        }
        Ok(addresses)
    }

    /// Everything that must be set before the interface comes up; runs inside the namespace.
    fn write_sysctls(&self, announcement: &Announcement, wants_ipv6: bool) -> Result<()> {
        let ifname = self.ifname;
        let ipv6 = |name: &str| format!("net/ipv6/conf/{ifname}/{name}");
        // Absent files (a kernel without IPv6) are no obstacle, as in the reference.
        let try_write = |name: String, value: &str| drop(sysctl::write(&name, value));
        match announcement.detection {
            Detection::Off => try_write(ipv6("accept_dad"), "0"),
            Detection::LeftOut => (),
            Detection::Awaited => {
                try_write(ipv6("enhanced_dad"), "1");
                try_write(ipv6("accept_dad"), "1");
            }
        }
        if announcement.arp {
            try_write(format!("net/ipv4/conf/{ifname}/arp_notify"), "1");
        }
        if announcement.ndisc {
            try_write(ipv6("ndisc_notify"), "1");
        }
        if !wants_ipv6 {
            return Ok(());
        }
        for name in ["net/ipv6/conf/lo/disable_ipv6".to_owned(), ipv6("disable_ipv6")] {
            if let Ok(value) = sysctl::read(&name)
                && value != "0"
            {
                sysctl::write(&name, "0").context(|| {
                    format!(
                        "failed to enable IPv6 for interface {} ({name}={value})",
                        quote(ifname)
                    )
                })?;
            }
        }
        sysctl::write(&ipv6("keep_addr_on_down"), "1").context(|| {
            format!("failed to enable keep_addr_on_down for interface {}", quote(ifname))
        })
    }

    /// Runs addresses, set-up and routes; `requests` are in that order, each part possibly absent.
    fn run(&self, requests: &[Request<'_>], addresses: &[Cidr], routes: &[Route]) -> Result<()> {
        let mut outcomes = self.rtnl.run(requests).into_iter();
        if requests.len() > routes.len() {
            for (address, outcome) in addresses.iter().zip(outcomes.by_ref()) {
                let outcome = match outcome {
                    Err(error) if error.is_present() && self.is_kept(*address)? => Ok(()),
                    outcome => outcome,
                };
                outcome.context(|| {
                    format!("failed to add IP addr {address} to {}", quote(self.ifname))
                })?;
            }
            if let Some(outcome) = outcomes.next() {
                outcome.context(|| format!("failed to set {} UP", quote(self.ifname)))?;
            }
        }
        for (route, outcome) in routes.iter().zip(outcomes) {
            outcome.context(|| format!("failed to add route '{}'", self.shown(route)))?;
        }
        Ok(())
    }

    /// Whether an address that is there already lasts for a time only, which somebody else extends:
    /// the kernel, when a router has advertised it, or the daemon of the IPAM plugin.
    fn is_kept(&self, address: Cidr) -> Result<bool> {
        if address.ip().is_ipv4() {
            return Ok(false);
        }
        let present = self.rtnl.list_addresses(self.index, Family::V6)?;
        Ok(present.iter().any(|found| found.network == address.0 && found.is_dynamic()))
    }

    /// A route of the result for the kernel. `gateways` stand in, IPv4's and IPv6's.
    fn typed_route(&self, route: &cni_core::Route, gateways: [Option<IpAddr>; 2]) -> Result<Route> {
        let invalid = |what: &str, value: i64| {
            Error::internal(format!("failed to add route: {what} {value} is out of range"))
        };
        let dst = route
            .dst
            .ok_or_else(|| Error::internal("failed to add route: it has no destination (dst)"))?;
        let number =
            |what: &str, value: i64| u32::try_from(value).map_err(|_| invalid(what, value));
        let mut typed = Route::new(dst.0, self.index);
        typed.gateway = route.gw.or(gateways[usize::from(dst.ip().is_ipv6())]);
        typed.priority = Some(number("priority", route.priority)?).filter(|metric| *metric != 0);
        typed.table = route.table.map(|table| number("table", table)).transpose()?;
        typed.scope = route
            .scope
            .map(|scope| u8::try_from(scope).map_err(|_| invalid("scope", scope)))
            .transpose()?;
        Ok(typed)
    }

    /// A route as the reference's messages print it.
    fn shown(&self, route: &Route) -> String {
        let network = route.destination;
        let mask: String = match network.mask() {
            IpAddr::V4(mask) => mask.octets().iter().map(|byte| format!("{byte:02x}")).collect(),
            IpAddr::V6(mask) => mask.octets().iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let gateway = route.gateway.map_or_else(|| "<nil>".to_owned(), |gw| gw.to_string());
        let scope = match route.scope.unwrap_or_default() {
            0 => "universe",
            200 => "site",
            253 => "link",
            254 => "host",
            255 => "nowhere",
            _ => "unknown",
        };
        format!(
            "{{{} {mask}}} via {gateway} dev {} metric {} (Scope: {scope}, Table: {})",
            network.ip(),
            self.ifname,
            route.priority.unwrap_or_default(),
            route.table.unwrap_or_default()
        )
    }

    /// Waits for the end of duplicate address detection.
    fn settle(&self) -> Result<()> {
        let ifname = self.ifname;
        let settled = self.rtnl.wait_addresses_settled(self.index, SETTLE_LIMIT);
        let problem = match settled {
            Ok(Settled::Yes) => return Ok(()),
            Ok(Settled::Duplicate(ip)) => {
                format!("link {ifname} has address {ip} in DADFAILED state")
            }
            Ok(Settled::TimedOut) => {
                let link = self.rtnl.get_link(self.index)?;
                if link.operstate != linux_net::OperState::Up {
                    return Ok(());
                }
                format!(
                    "link {ifname} still has tentative addresses after {} seconds",
                    SETTLE_LIMIT.as_secs()
                )
            }
            Err(error) => format!("could not list addresses: {error}"),
        };
        Err(Error::internal(format!("failed to settle addresses for {}: {problem}", quote(ifname))))
    }
}

/// Switches forwarding on for the families among `addresses`.
///
/// # Errors
///
/// When a family can be neither found switched on nor switched on.
pub fn ensure_forwarding(addresses: impl IntoIterator<Item = IpAddr>) -> linux_net::Result<()> {
    let mut families = [false; 2];
    for address in addresses {
        families[usize::from(address.is_ipv6())] = true;
    }
    for (family, wanted) in [Family::V4, Family::V6].into_iter().zip(families) {
        if wanted {
            sysctl::ensure_forwarding(family)?;
        }
    }
    Ok(())
}
