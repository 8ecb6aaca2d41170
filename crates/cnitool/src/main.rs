//! Runs network lists by hand.
fn main() {}
