//! CNI plugin: addresses from ranges, reserved in files on the host.
fn main() {}
