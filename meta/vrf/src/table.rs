//! The choice of a routing table.

use std::collections::BTreeSet;

use linux_net::{Family, Result, Route, Rtnl};

/// The tables that every namespace has: default, main and local.
const RESERVED: [u32; 3] = [253, Route::MAIN_TABLE, 255];

/// Finds the smallest table that no VRF has, no rule names and no route is in.
///
/// # Errors
///
/// What the kernel refused.
pub(crate) fn choose(rtnl: &Rtnl) -> Result<u32> {
    let mut taken = BTreeSet::from(RESERVED);
    taken.extend(rtnl.list_vrfs()?.iter().filter_map(|vrf| vrf.vrf_table));
    for family in [Family::V4, Family::V6] {
        taken.extend(rtnl.list_rules(family)?.iter().map(|rule| rule.table));
    }
    loop {
        let table = first_free(&taken);
        let is_empty = |family| Ok(rtnl.list_routes(family, table)?.is_empty());
        if is_empty(Family::V4)? && is_empty(Family::V6)? {
            return Ok(table);
        }
        taken.insert(table);
    }
}

fn first_free(taken: &BTreeSet<u32>) -> u32 {
    let mut free = 1;
    for table in taken.range(1..) {
        if *table != free {
            break;
        }
        free += 1;
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_gap_is_taken() {
        for (taken, free) in [
            (vec![], 1),
            (vec![0, 2], 1),
            (vec![1, 2, 3, 5], 4),
            ((1..=999).collect(), 1000),
            ((1..=252).chain(RESERVED).collect(), 256),
        ] {
            assert_eq!(first_free(&taken.into_iter().collect()), free);
        }
    }
}
