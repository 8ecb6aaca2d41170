//! Moving routes between tables, with everything the kernel knows of them.

use super::request::{CHANGE, CREATE_OR_REPLACE};
use super::route;
use super::saved::{SavedRoute, leaves_by};
use crate::{Family, Request, Result, Route, Rtnl};

/// Flags of a request that makes a route behind those to the same destination.
const APPEND: u16 = (libc::NLM_F_CREATE | libc::NLM_F_APPEND) as u16;

impl Rtnl {
    /// Describes the routes of one table, or of all, that leave by the link with index `index`
    /// alone, in the kernel's order, its own among them.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn save_table(
        &self,
        index: u32,
        family: Family,
        table: Option<u32>,
    ) -> Result<Vec<SavedRoute>> {
        let filter = table.unwrap_or(libc::RT_TABLE_UNSPEC.into());
        self.dump_routes(family, filter, libc::RTN_UNSPEC, |list, message| {
            let is_of_table = |route: &Route| table.is_none() || route.table == table;
            let route = route::decode(message, family)
                .filter(|route| is_of_table(route) && leaves_by(route, index));
            list.extend(route.map(|route| SavedRoute { route, body: message.body.to_vec() }));
        })
    }
}

impl Request<'_> {
    /// Copies a route into a table, in the place of the one to the same destination with the same
    /// priority, if there is one.
    pub fn copy_route(saved: &SavedRoute, table: u32) -> Self {
        request(saved, table, libc::RTM_NEWROUTE, CREATE_OR_REPLACE, "copy route")
    }

    /// Puts a route back into its table, behind those to the same destination; fails with
    /// `is_present()` when it is there.
    pub fn put_route_back(saved: &SavedRoute) -> Self {
        request(saved, table_of(saved), libc::RTM_NEWROUTE, APPEND, "put back route")
    }

    /// Removes this very route; fails with `is_missing()` when it is not there.
    pub fn remove_saved_route(saved: &SavedRoute) -> Self {
        request(saved, table_of(saved), libc::RTM_DELROUTE, CHANGE, "remove route")
    }
}

fn table_of(saved: &SavedRoute) -> u32 {
    saved.route.table.unwrap_or(Route::MAIN_TABLE)
}

fn request<'a>(
    saved: &SavedRoute,
    table: u32,
    kind: u16,
    flags: u16,
    operation: &'static str,
) -> Request<'a> {
    let object = format!("{} in table {table}", route::object(&saved.route));
    Request::from_bytes(saved.message(table), kind, flags, operation, object)
}
