//! What the documents of the CNI specification mean; no input, no output.

pub mod address;
pub mod args;
pub mod conf;
pub mod error;
pub mod json;
pub mod names;
pub mod result;
pub mod version;
