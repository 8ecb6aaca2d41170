//! Every rule of the protocol, run for every plugin of the set.

mod chained;
mod command_line;
mod configuration;
mod delegate;
mod delegation;
mod delegation_failures;
mod environment;
mod json;
mod namespace;
mod results;
mod streams;
mod versions;

#[path = "../support/mod.rs"]
mod support;
