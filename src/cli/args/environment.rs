//! Environments: planned, brought up, looked at, tested and removed.

use std::path::PathBuf;

use clap::Args;

use crate::ops::Adapters;
use crate::ops::lock::LockOptions;

use super::values::{duration, file, html, positive, svg, up_to_a_week, up_to_an_hour};

/// An environment.
#[derive(Debug, Args)]
pub(crate) struct EnvArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
}

/// `loadrig plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Name under environments/, or a path to a file, or the name of a size
    pub env: String,
    /// Exit with code 3 when there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Do not compare with an account: no credentials needed
    #[arg(long)]
    pub offline: bool,
    /// Compare hosts that exist too, over SSH: what `up` would change and restart there
    #[arg(long, conflicts_with = "offline")]
    pub hosts: bool,
    /// Write the plan to FILE, for `up --plan FILE`
    #[arg(long, value_name = "FILE", value_parser = file)]
    pub out: Option<PathBuf>,
    /// Draw the plan into FILE, one SVG
    #[arg(long, value_name = "FILE.svg", value_parser = svg)]
    pub diagram: Option<PathBuf>,
    /// Show every resource: without it those that are alike are one line
    #[arg(long)]
    pub full: bool,
    /// Show the cost of each part
    #[arg(long)]
    pub cost: bool,
    /// Price a run of so many hours; the time to live without it
    #[arg(long, value_name = "N", value_parser = positive, allow_hyphen_values = true)]
    pub hours: Option<f64>,
    /// Refuse (exit code 6) what costs more than USD per hour
    #[arg(long, value_name = "USD", value_parser = positive, allow_hyphen_values = true)]
    pub max_cost: Option<f64>,
    /// Skip the checks of quotas, offers, names and permissions
    #[arg(long)]
    pub skip_preflight: bool,
}

/// `loadrig up`.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// How long a host may take to answer SSH and to apply a stage of its bundle
    #[arg(long, default_value = "15m", value_name = "TIME", value_parser = duration)]
    pub host_timeout: std::time::Duration,
    /// Bring the cloud resources to the plan and leave the hosts alone: no SSH, no checks
    #[arg(long)]
    pub resources_only: bool,
    /// Carry out the plan in FILE (`plan --out FILE`) and nothing else; refused when anything
    /// changed since
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Refuse (exit code 6) what costs more than USD per hour
    #[arg(long, value_name = "USD", value_parser = positive, allow_hyphen_values = true)]
    pub max_cost: Option<f64>,
    /// Skip the checks of quotas, offers, names and permissions
    #[arg(long)]
    pub skip_preflight: bool,
    /// Go on although ITEM, as `plan` lists it, could not be checked; `all` for any; may be given
    /// more than once
    #[arg(long, value_name = "ITEM")]
    pub accept_unchecked: Vec<String>,
    /// The program for agents.
    #[command(flatten)]
    pub agent: AgentProgramArgs,
    /// The environment's lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// The program that agent hosts run.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AgentProgramArgs {
    /// Copy this build of loadrig to agent hosts instead of the running program: for Linux on
    /// x86-64, with Debian 12's glibc or an older one
    #[arg(
        long = "agent-program",
        env = "LOADRIG_AGENT_PROGRAM",
        value_name = "FILE"
    )]
    pub program: Option<PathBuf>,
}

/// The lock of an environment that is about to be changed.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct LockArgs {
    /// Wait this long for an environment that somebody else has locked
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub lock_timeout: Option<std::time::Duration>,
    /// Take the lock from whoever holds it, after explaining and asking; with --yes, name OWNER
    #[arg(long, value_name = "OWNER", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub break_lock: Option<String>,
}

impl LockArgs {
    /// The options as operations take them.
    #[must_use]
    pub(crate) fn options(&self, adapters: &dyn Adapters) -> LockOptions {
        LockOptions {
            timeout: self.lock_timeout,
            break_lock: self.break_lock.clone(),
            calls_end_with_process: adapters.is_on_this_machine(),
        }
    }
}

/// `loadrig down`.
#[derive(Debug, Args)]
pub(crate) struct DownArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// Lift the protection against deletion; without this a protected environment stays
    #[arg(long)]
    pub lift_protection: bool,
    /// Keep nothing: no final snapshots, and the files go too
    #[arg(long)]
    pub discard_data: bool,
    /// The environment's lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// `loadrig report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// The run; the latest without it
    pub run: Option<String>,
    /// Write one self-contained HTML file
    #[arg(long, value_name = "FILE", value_parser = html)]
    pub html: Option<PathBuf>,
}

/// `loadrig predict`.
#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// Name under environments/, or a path to a file, or the name of a size
    pub env: String,
    /// `login-storm`, `reconnect-storm`, `node-loss`, `database-failover`, `rolling-restart`, or a path
    /// to a scenario's YAML
    #[arg(default_value = "login-storm")]
    pub scenario: String,
    /// How many users log in, in place of the scenario's
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=250_000), allow_hyphen_values = true)]
    pub users: Option<u32>,
    /// Within which time they come, up to a week, in place of the scenario's
    #[arg(long, value_name = "TIME", value_parser = up_to_a_week, allow_hyphen_values = true)]
    pub within: Option<std::time::Duration>,
    /// How long a client waits for an answer, up to an hour, in place of the scenario's
    #[arg(long, value_name = "TIME", value_parser = up_to_an_hour, allow_hyphen_values = true)]
    pub patience: Option<std::time::Duration>,
    /// After which time a client that got no answer tries again, up to an hour, in place of the
    /// scenario's
    #[arg(long, value_name = "TIME", value_parser = up_to_an_hour, allow_hyphen_values = true)]
    pub retry_after: Option<std::time::Duration>,
    /// For how long nobody accepts websockets that break, or how long each node of a rolling restart
    /// takes, up to an hour, in place of the scenario's
    #[arg(long, value_name = "TIME", value_parser = up_to_an_hour, allow_hyphen_values = true)]
    pub outage: Option<std::time::Duration>,
}
