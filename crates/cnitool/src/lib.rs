//! The command line of cnitool, for its executable and its manual.

pub mod command_line;
pub mod order;
