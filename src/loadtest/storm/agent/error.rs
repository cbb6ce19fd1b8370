//! Why a detached agent does not do what it is told.

use std::path::PathBuf;

use crate::loadtest::storm::wire::STORM_ORDER_FORMAT;

/// Why a detached agent does not do what it is told.
#[derive(Debug, thiserror::Error)]
pub enum StormAgentError {
    /// Standard input is unreadable.
    #[error("cannot read the order from standard input")]
    Input(#[source] std::io::Error),
    /// The order makes no sense.
    #[error("standard input holds no order for a storm: {0}")]
    Order(#[source] serde_json::Error),
    /// The answer cannot be written as JSON.
    #[error("cannot encode the answer: {0}")]
    Answer(#[source] serde_json::Error),
    /// Another version's order.
    #[error("the order has format {theirs}, this agent knows {STORM_ORDER_FORMAT}")]
    OrderFormat {
        /// The order's.
        theirs: u32,
    },
    /// The plan contradicts itself.
    #[error(transparent)]
    Plan(#[from] loadrig_storm::StormError),
    /// The moment of the start has gone by.
    #[error("the storm was to start {late_ms} ms ago by this host's clock")]
    Late {
        /// How long ago, milliseconds.
        late_ms: u64,
    },
    /// The worker may not have as many sockets as its clients need.
    #[error(
        "{users} users need at least {needed} open files, and this host allows a program {limit}: at most {most} \
         users for each agent; more agents (`sizes.nodes.agent.count`) or fewer users (`--users`) help"
    )]
    OpenFiles {
        /// How many users the agent has.
        users: u32,
        /// Files and sockets that they need at the least.
        needed: u64,
        /// How many there may be.
        limit: u64,
        /// How many users that is enough for.
        most: u64,
    },
    /// A storm is there already.
    #[error("storm `{run}` of environment `{environment}` {state} on this host")]
    Busy {
        /// The run that started it.
        run: String,
        /// Its environment.
        environment: String,
        /// What it does, in words.
        state: &'static str,
    },
    /// The worker cannot be started.
    #[error("cannot start the worker: {0}")]
    Start(String),
    /// There is no storm.
    #[error("there is no storm on this host")]
    NoStorm,
    /// The storm is over.
    #[error("the storm on this host is over")]
    Over,
    /// The worker ended, and nobody started it again.
    #[error("the worker ended before the storm did, and was not started again")]
    Interrupted,
    /// Nobody reads standard output any more.
    #[error("standard output is closed: the operator has gone")]
    Output,
    /// The worker does not answer.
    #[error("the worker does not answer: {0}")]
    NoAnswer(String),
    /// A file cannot be used.
    #[error("cannot use `{}`", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("`{}` cannot be read: {source}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Two parts of a result do not fit together.
    #[error("what was measured before and after the interruption does not fit together")]
    Merge(#[from] loadrig_storm::MergeError),
}
