//! Every plugin in one executable.
fn main() {}
