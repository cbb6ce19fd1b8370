//! This machine: the demo, the local cloud, and programs of hosts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::values::{html, positive, server};

/// `loadrig demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Leave the rig up and print how to reach it
    #[arg(long)]
    pub keep: bool,
    /// Write the HTML report here too
    #[arg(long, value_name = "FILE", value_parser = html)]
    pub html: Option<PathBuf>,
    /// Run this official release of Mattermost, a tarball, in place of the stand-in
    #[arg(long, value_name = "FILE")]
    pub release: Option<PathBuf>,
    /// Give the release this license; without one, the rig has what works without
    #[arg(long, value_name = "FILE", requires = "release")]
    pub license: Option<PathBuf>,
}

/// `loadrig local`.
#[derive(Debug, Args)]
pub(crate) struct LocalArgs {
    /// What to do
    #[command(subcommand)]
    pub command: LocalCommand,
}

/// Commands of the local cloud.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum LocalCommand {
    /// Start it, or say that it is running
    Start,
    /// Stop it, remove every host of it and prove that nothing is left
    Stop,
    /// Show whether it is running, and what runs in it
    Status,
    /// Build what it needs (base image, Python environment) without starting it
    Prepare,
    /// Run the background process itself
    #[command(hide = true)]
    Daemon,
    /// Run a strict cloud before an emulator, by itself: for tests and measurements
    #[command(
        hide = true,
        after_help = "`--profile` is `instant` (the default: rules without times) or `aws` (with AWS's times) here."
    )]
    Strict(StrictArgs),
}

/// `loadrig local strict`. The global `--profile` is `instant` or `aws` here.
#[derive(Clone, Debug, Args)]
pub(crate) struct StrictArgs {
    /// The emulator's URL; without one, an account in memory answers
    #[arg(long, value_name = "URL", value_parser = server)]
    pub upstream: Option<String>,
    /// The past of the account: `used`, `fresh`, `propagation`, `enterprise` or another profile
    /// of docs/strict-cloud.md
    #[arg(long, default_value = "used", value_name = "PROFILE")]
    pub account: String,
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub listen: std::net::SocketAddr,
    /// What AWS's times are multiplied with, under `--profile aws`
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR", value_parser = positive, allow_hyphen_values = true)]
    pub scale: f64,
    /// Tells one run's failures from another's
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// What fails on purpose: `all`, or words such as `throttle,errors=0.1,cut=0.05`
    #[arg(long, value_name = "WORDS")]
    pub faults: Option<String>,
}

/// `loadrig search-proxy`.
#[derive(Debug, Args)]
pub(crate) struct SearchProxyArgs {
    /// What to forward where
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}
