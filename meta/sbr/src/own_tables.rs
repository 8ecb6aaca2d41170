//! One table for each address, with the interface's routes, which leave the main table.

use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use cni_core::{Context, Owned, Result, Undo};
use linux_net::{Family, Request, Route, Rtnl, Rule, SavedRoute};

use crate::plan::SourceAddress;
use crate::rules::{FIRST_TABLE, NewRule, Rules};
use crate::selection::{belongs, hint, is_from, is_on_link, stays_beside_hints};

/// The tables of an attachment.
pub(crate) struct OwnTables<'a> {
    rtnl: &'a Rc<Rtnl>,
    index: u32,
    addresses: &'a [SourceAddress],
    /// What the interface has in the main table.
    routes: Vec<SavedRoute>,
    /// Of the addresses, in their order.
    tables: Vec<Table>,
}

struct Table {
    number: u32,
    state: State,
}

/// What there is of a table.
#[derive(PartialEq, Eq)]
enum State {
    New,
    /// An earlier ADD has filled it, and its rule has gone.
    WithoutRule,
    WithRule,
}

impl<'a> OwnTables<'a> {
    /// Finds the table of each address: the one of an earlier ADD, or else a free one.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(crate) fn find(
        rtnl: &'a Rc<Rtnl>,
        index: u32,
        addresses: &'a [SourceAddress],
        families: &[Family],
        rules: &Rules,
    ) -> Result<Self> {
        let routes = find_routes(rtnl, index, families)?;
        let mut own = Self { rtnl, index, addresses, routes, tables: Vec::new() };
        let mut first = FIRST_TABLE;
        for address in addresses {
            let table = own.find_table(address, rules, first);
            let table = table.context(|| "Failed to list all routes")?;
            if table.state == State::New {
                first = table.number + 1;
            }
            own.tables.push(table);
        }
        Ok(own)
    }

    fn find_table(
        &self,
        address: &SourceAddress,
        rules: &Rules,
        first: u32,
    ) -> linux_net::Result<Table> {
        if let Some(rule) = rules.of(address.ip(), None).next() {
            return Ok(Table { number: rule.table, state: State::WithRule });
        }
        let family = address.family();
        // Where the subnet has a route the address has never had a table.
        if !self.routes.iter().any(|saved| is_from(&saved.route, address)) {
            let elsewhere = self.rtnl.save_table(self.index, family, None)?;
            let lost = elsewhere.iter().filter(|saved| is_from(&saved.route, address));
            let lost = lost.filter_map(|saved| saved.route.table).find(|table| rules.leave(*table));
            if let Some(number) = lost {
                return Ok(Table { number, state: State::WithoutRule });
            }
        }
        let mut number = first;
        while !rules.leave(number) || !is_empty(self.rtnl, number)? {
            number += 1;
        }
        Ok(Table { number, state: State::New })
    }

    /// Makes rules and tables, all with one system call. The main table is as before.
    ///
    /// # Errors
    ///
    /// The first refusal, in the words of the reference.
    pub(crate) fn fill(&self, gateways: &[Option<IpAddr>; 2], undo: &mut Undo) -> Result<()> {
        let mut requests = Vec::new();
        let mut contexts = Vec::new();
        for (address, table) in self.addresses.iter().zip(&self.tables) {
            let (rtnl, number) = (Rc::clone(self.rtnl), table.number);
            if table.state != State::WithRule {
                let rule = Rule::from_address(address.ip(), number);
                requests.push(Request::create_rule(&rule));
                contexts.push("Failed to add rule".to_owned());
                undo.own(NewRule { rtnl: Rc::clone(&rtnl), rule });
            }
            if table.state == State::New {
                undo.own(Filled {
                    rtnl,
                    index: self.index,
                    family: address.family(),
                    table: number,
                });
            }
        }
        for (address, table) in self.addresses.iter().zip(&self.tables) {
            let has_static = gateways[usize::from(address.ip().is_ipv6())].is_some();
            let copied: Vec<_> = self
                .routes
                .iter()
                .filter(|saved| belongs(&saved.route, address, self.addresses))
                .filter(|saved| !(has_static && saved.route.destination.prefix() == 0))
                .collect();
            let (on_link, through): (Vec<&SavedRoute>, Vec<_>) =
                copied.into_iter().partition(|saved| is_on_link(&saved.route));
            for saved in on_link {
                requests.push(Request::copy_route(saved, table.number));
                contexts.push("Failed to readd route".to_owned());
            }
            if let Some(gateway) = address.gateway {
                requests.push(Request::replace_route(&self.default_route(gateway, table.number)));
                contexts.push(format!("Failed to add default route to {gateway}"));
            }
            for saved in through {
                requests.push(Request::copy_route(saved, table.number));
                contexts.push("Failed to readd route".to_owned());
            }
        }
        for (outcome, context) in self.rtnl.run(&requests).into_iter().zip(contexts) {
            outcome.context(|| context)?;
        }
        Ok(())
    }

    fn default_route(&self, gateway: IpAddr, table: u32) -> Route {
        Route {
            gateway: Some(gateway),
            table: Some(table),
            ..Route::new(everywhere(gateway), self.index)
        }
    }

    /// Takes the routes out of the main table, now that the others have them, but for those that
    /// stay beside the hints.
    ///
    /// # Errors
    ///
    /// The first refusal.
    pub(crate) fn clear_main_table(self, source_hints: bool, undo: &mut Undo) -> Result<()> {
        let hinted = if source_hints { self.addresses } else { &[] };
        let cleared = Cleared {
            rtnl: Rc::clone(self.rtnl),
            hints: hinted.iter().map(|address| hint(address, self.index)).collect(),
            routes: self.routes,
        };
        let hints = cleared.hints.iter().map(Request::replace_route);
        let leaving = cleared
            .routes
            .iter()
            .filter(|saved| !source_hints || !stays_beside_hints(&saved.route, self.addresses));
        let requests: Vec<_> = hints.chain(leaving.map(Request::remove_saved_route)).collect();
        let hint_count = cleared.hints.len();
        undo.own(cleared);
        for (number, outcome) in self.rtnl.run(&requests).into_iter().enumerate() {
            match outcome {
                Err(error) if number < hint_count => {
                    return Err(error).context(|| "Failed to add source hint");
                }
                Err(error) if !error.is_missing() => {
                    return Err(error).context(|| "Failed to delete route");
                }
                _ => (),
            }
        }
        Ok(())
    }
}

/// Lists what an interface has in the main table, what is on the link first: gateways are refused
/// where nothing leads to them yet.
fn find_routes(rtnl: &Rtnl, index: u32, families: &[Family]) -> Result<Vec<SavedRoute>> {
    let mut routes = Vec::new();
    for family in families {
        let listed = rtnl.save_table(index, *family, Some(Route::MAIN_TABLE));
        routes.extend(listed.context(|| "Unable to list routes")?);
    }
    routes.sort_by_key(|saved| !is_on_link(&saved.route));
    Ok(routes)
}

/// Tables of both families have numbers in common.
fn is_empty(rtnl: &Rtnl, table: u32) -> linux_net::Result<bool> {
    let has_none = |family| Ok(rtnl.list_routes(family, table)?.is_empty());
    Ok(has_none(Family::V4)? && has_none(Family::V6)?)
}

/// The destination of a default route.
fn everywhere(gateway: IpAddr) -> ipnetwork::IpNetwork {
    let any: IpAddr = match gateway {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    cni_core::spec::address::Cidr::new(any, 0).0
}

/// A table that was empty before.
struct Filled {
    rtnl: Rc<Rtnl>,
    index: u32,
    family: Family,
    table: u32,
}

impl Owned for Filled {
    fn remove(&self) -> Result<()> {
        let routes = self.rtnl.save_table(self.index, self.family, Some(self.table))?;
        let requests: Vec<_> = routes.iter().map(Request::remove_saved_route).collect();
        run_all(&self.rtnl, &requests)
    }
}

impl fmt::Display for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "routes in table {}", self.table)
    }
}

/// The main table without its routes.
struct Cleared {
    rtnl: Rc<Rtnl>,
    hints: Vec<Route>,
    routes: Vec<SavedRoute>,
}

impl Owned for Cleared {
    fn remove(&self) -> Result<()> {
        let hints = self.hints.iter().map(Request::remove_route);
        let requests: Vec<_> =
            hints.chain(self.routes.iter().map(Request::put_route_back)).collect();
        run_all(&self.rtnl, &requests)
    }
}

impl fmt::Display for Cleared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("routes taken out of the main table")
    }
}

/// Makes changes that may have been made already.
fn run_all(rtnl: &Rtnl, requests: &[Request<'_>]) -> Result<()> {
    let refused = |outcome: linux_net::Result<()>| match outcome {
        Err(error) if !error.is_missing() && !error.is_present() => Err(error),
        _ => Ok(()),
    };
    Ok(rtnl.run(requests).into_iter().try_for_each(refused)?)
}
