//! The `loadrig` program.
fn main() {}
