//! Agent hosts: what `loadrig test` runs there.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::values::rate_factor;

/// `loadrig agent`.
#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// What to do; without it a plan is read from standard input and carried out
    #[command(subcommand)]
    pub duty: Option<AgentDuty>,
}

/// What a detached agent can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentDuty {
    /// Read an order for a storm from standard input, and start a worker that carries it out
    Start {
        /// Where the storm is kept.
        #[command(flatten)]
        place: StormPlace,
        /// Who starts the worker, and starts it again when it fails
        #[arg(long, value_enum, default_value_t)]
        supervisor: StormSupervisor,
    },
    /// Carry out the storm that is kept, or what is left of it
    Work(StormPlace),
    /// Write what the worker says, until the outcome
    Follow {
        /// Where the storm is kept.
        #[command(flatten)]
        place: StormPlace,
        /// Number of the first line
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        from: u64,
    },
    /// Stop the storm, or change its rate
    Control {
        /// Where the storm is kept.
        #[command(flatten)]
        place: StormPlace,
        /// What
        #[command(subcommand)]
        message: StormControlArgs,
    },
    /// Say which storm is kept, and how far it is
    State(StormPlace),
}

/// Where a storm is kept.
#[derive(Debug, Args)]
pub(crate) struct StormPlace {
    /// Directory of the storm
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

/// Who starts a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum StormSupervisor {
    /// systemd, as a transient unit.
    #[default]
    Systemd,
    /// Nobody: it is a process by itself.
    None,
}

/// What a worker can be told.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum StormControlArgs {
    /// End now
    Stop,
    /// Let users arrive so many times as fast as planned
    Rate {
        /// How many times
        #[arg(value_name = "TIMES", value_parser = rate_factor)]
        times: f64,
    },
}
