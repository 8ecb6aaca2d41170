//! Making links: one file per kind.

pub(crate) mod bridge;
pub(crate) mod ifb;
pub(crate) mod ipvlan;
pub(crate) mod macvlan;
pub(crate) mod tap;
pub(crate) mod tap_order;
pub(crate) mod veth;
pub(crate) mod vlan;
pub(crate) mod vrf;
