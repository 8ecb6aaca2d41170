//! Running a verb: the environment, standard input, standard output and the exit code.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is the one reader of the environment and standard input and the one \
              writer of standard output"
)]

mod command_line;
mod delegate;
mod dispatch;
mod draft;
pub mod exec;
mod invocation;
mod main;
mod output;
mod plugin;
mod termination;
mod time_limit;
mod undo;
mod validate;

pub use command_line::command_line;
pub use delegate::{Delegate, RunningAdd, RunningDel, find_plugin};
pub use draft::Draft;
pub use invocation::{Attachment, Command, Invocation};
pub use main::{arguments, executable_name, inherited_sockets, main, print_error};
pub use output::write as print;
pub use plugin::{Plugin, Request};
pub use undo::{Cleanup, Owned, Undo};
pub use validate::Validate;
