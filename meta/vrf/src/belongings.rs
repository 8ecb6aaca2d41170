//! What the kernel drops when an interface changes its VRF: IPv6 addresses, and routes.

use std::fmt;
use std::rc::Rc;

use cni_core::{Context, Owned, Result};
use linux_net::{Link, Request, Route, Rtnl, SavedAddress, SavedRoute};

/// The addresses and routes of an interface outside of any VRF.
#[derive(Clone)]
pub(crate) struct Belongings {
    rtnl: Rc<Rtnl>,
    ifname: String,
    addresses: Vec<SavedAddress>,
    routes: Vec<SavedRoute>,
}

impl Belongings {
    /// Remembers what an interface has.
    ///
    /// # Errors
    ///
    /// `failed getting …`.
    pub(crate) fn of(rtnl: &Rc<Rtnl>, link: &Link) -> Result<Self> {
        let ifname = link.name.clone();
        let addresses = rtnl.save_addresses(link.index).context(|| {
            format!("failed getting global ipv6 addresses before slaving interface: {ifname}")
        })?;
        let routes = rtnl
            .save_routes(link.index)
            .context(|| format!("failed getting all routes for {ifname}"))?;
        Ok(Self { rtnl: Rc::clone(rtnl), ifname, addresses, routes })
    }

    /// Gives the interface, now a port of `vrf`, what it had. The routes of the main table go to
    /// the VRF's, all others to where they were.
    ///
    /// # Errors
    ///
    /// `could not restore address …`, `could not add route …`.
    pub(crate) fn bring_into(&self, vrf: &Link) -> Result<()> {
        self.restore(&vrf.name, vrf.vrf_table.unwrap_or(Route::MAIN_TABLE))
    }

    fn restore(&self, place: &str, main_table: u32) -> Result<()> {
        let table_of = |saved: &SavedRoute| match saved.route.table {
            Some(table) if table != Route::MAIN_TABLE => table,
            _ => main_table,
        };
        let addresses = self.addresses.iter().map(Request::restore_address);
        let routes = self.routes.iter().map(|saved| Request::restore_route(saved, table_of(saved)));
        let requests: Vec<_> = addresses.chain(routes).collect();
        for (step, outcome) in self.rtnl.run(&requests).into_iter().enumerate() {
            match outcome {
                Err(error) if !error.is_present() => {
                    return Err(error).context(|| self.failed(step, place));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn failed(&self, step: usize, place: &str) -> String {
        match self.addresses.get(step) {
            Some(address) => {
                format!(
                    "could not restore address {} to {} @ {place}",
                    address.network, self.ifname
                )
            }
            None => {
                let route = &self.routes[step - self.addresses.len()].route;
                let gateway = route.gateway.map(|gateway| format!(" via {gateway}"));
                format!(
                    "could not add route '{}{} dev {}'",
                    route.destination,
                    gateway.unwrap_or_default(),
                    self.ifname
                )
            }
        }
    }
}

impl Owned for Belongings {
    fn remove(&self) -> Result<()> {
        self.restore("main", Route::MAIN_TABLE)
    }
}

impl fmt::Display for Belongings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "addresses and routes of {} in a VRF", self.ifname)
    }
}
