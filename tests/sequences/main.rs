//! Random lives of containers on several networks, which end as they began.
#![expect(clippy::print_stdout, reason = "a failed test shows the steps that led to a failure")]

mod bridge;
mod host_device;
mod interfaces;
#[path = "../support/networks.rs"]
mod networks;
mod random;
