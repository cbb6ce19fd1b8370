//! A stand-in for the Mattermost server; see the crate's README.
fn main() {}
