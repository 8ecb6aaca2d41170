//! The CNI protocol: configuration, results, errors, and running a verb.
//!
//! [`spec`] is pure: what the documents mean. [`runtime`] is the only reader of the environment and
//! standard input and the only writer of standard output. Neither knows anything about Linux
//! networking.

pub mod runtime;
pub mod spec;

pub use runtime::{
    Attachment, Cleanup, Delegate, Draft, Invocation, Owned, Plugin, Request, Undo, Validate,
};
pub use spec::error::{Code, Context, Error, Result, quote};
pub use spec::result::{AddResult, Dns, Interface, IpConfig, Route};
pub use spec::version::SpecVersion;

/// musl's own allocator returns every page at once and asks for it again, which costs a plugin more
/// than a tenth of its time.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
