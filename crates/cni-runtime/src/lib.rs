//! The runtime side of CNI: network lists, running them, the result cache.
//!
//! [`NetworkList`] says what is configured, [`Parameters`] what is wanted for one container, and
//! [`Runtime`] brings both together. Nothing here is specific to Linux networking: that is the
//! plugins' business.
//!
//! The caller keeps calls for one container apart, and GC apart from ADD and DEL, as the
//! specification asks of a runtime; there are no locks here.

mod cache;
mod check;
mod gc;
mod list;
mod load;
mod parameters;
mod request;
mod result;
mod runtime;
mod versions;

pub use cache::{Cache, CachedAttachment};
pub use cni_core::spec::conf::ValidAttachment;
pub use list::{NetworkList, PluginConf};
pub use parameters::{Parameters, TraceContext};
pub use result::VersionedResult;
pub use runtime::Runtime;
