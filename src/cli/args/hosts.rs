//! Hosts of an environment, and what leads to them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::environment::AgentProgramArgs;
use super::values::file;

/// `loadrig credentials`.
#[derive(Debug, Args)]
pub(crate) struct CredentialsArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// Print the passwords too
    #[arg(long)]
    pub show: bool,
    /// Write the certificate of the environment's authority, PEM, which browsers have to trust
    #[arg(long, value_name = "FILE", value_parser = file)]
    pub authority: Option<PathBuf>,
}

/// `loadrig ssh`.
#[derive(Debug, Args)]
pub(crate) struct SshArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// Host, for example `app-1`
    pub host: String,
    /// Command to run; a shell without one
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// `loadrig measure-hash`.
#[derive(Debug, Args)]
pub(crate) struct MeasureHashArgs {
    /// Name under environments/, or a path to a file: measure its application nodes; without it this
    /// machine is measured
    pub env: Option<String>,
    /// Measure this host alone, for example `app-1`
    pub host: Option<String>,
    /// Time whole logins at the application nodes, as the administrator, in place of hashes: for servers
    /// that check one password at a time
    #[arg(long, requires = "env")]
    pub logins: bool,
    /// The program that measures.
    #[command(flatten)]
    pub agent: AgentProgramArgs,
}

/// What a tunnel leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TunnelService {
    /// The web, through the proxy
    Mattermost,
    /// Prometheus on the metrics host
    Prometheus,
    /// The search domain, through the search proxy
    Search,
    /// The database writer
    Database,
}

/// `loadrig tunnel`.
#[derive(Debug, Args)]
pub(crate) struct TunnelArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// What it leads to
    pub service: TunnelService,
    /// Local port; a free one without it
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub port: u16,
}

/// `loadrig bundle`.
#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// Host, for example `app-1`
    pub host: String,
    /// Directory to write to; must not exist or be empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The program for agents.
    #[command(flatten)]
    pub agent: AgentProgramArgs,
}
