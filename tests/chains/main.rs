//! Whole lists of plugins as a runtime runs them: our cnitool and the reference's, our plugins and
//! the reference's, in every combination.

mod arguments;
mod cache;
mod collection;
mod failures;
mod files;
mod list;
mod reference;
mod takeover;
mod tool;
mod validation;
