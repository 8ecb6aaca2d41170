//! What the crate does to a real kernel, each test in network namespaces of its own.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]
#![expect(clippy::disallowed_methods, reason = "tests make namespaces and ask ip(8) what is there")]

mod addresses_and_routes;
mod ipv6;
mod links;
mod moves;
mod namespace;
mod namespaces;
mod new_links;
mod port_vlans;
mod qdiscs;
mod routes;
mod rules;
mod saved;
mod taps;
