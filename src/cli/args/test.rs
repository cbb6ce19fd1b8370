//! Scenarios: started, left, found again.

use clap::Args;

use super::environment::LockArgs;
use super::values::{rate_factor, up_to_a_day, up_to_an_hour};

/// `loadrig test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// `smoke`, `login-storm`, `reconnect-storm`, `node-loss`, `database-failover`, `rolling-restart`,
    /// or a path to a scenario's YAML
    #[arg(required_unless_present_any = ["attach", "stop", "rate"])]
    pub scenario: Option<String>,
    /// What is changed of a storm.
    #[command(flatten)]
    pub changes: StormChangeArgs,
    /// Start the storm and leave it to itself
    #[arg(long)]
    pub detach: bool,
    /// Come back to the storm that goes on, from any machine, and read its result
    #[arg(long, conflicts_with_all = ["scenario", "stop", "rate", "detach"])]
    pub attach: bool,
    /// End the storm that goes on, unless it is over, and read its result
    #[arg(long, conflicts_with_all = ["scenario", "rate", "detach"])]
    pub stop: bool,
    /// Make the users of the storm that goes on arrive so many times as fast as planned, up to 100;
    /// 0 holds them
    #[arg(long, value_name = "TIMES", value_parser = rate_factor, allow_hyphen_values = true, conflicts_with_all = ["scenario", "detach"])]
    pub rate: Option<f64>,
    /// The environment's lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// What is changed of a storm.
#[derive(Debug, Args)]
#[group(id = "changes", multiple = true, conflicts_with_all = ["attach", "stop", "rate"])]
pub(crate) struct StormChangeArgs {
    /// How many users a storm has; its phases keep their proportions
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=250_000), allow_hyphen_values = true)]
    pub users: Option<u32>,
    /// Within which time a storm's users come, up to a day
    #[arg(long, value_name = "TIME", value_parser = up_to_a_day, allow_hyphen_values = true)]
    pub within: Option<std::time::Duration>,
    /// How long a storm's clients wait for their login
    #[arg(long, value_name = "TIME", value_parser = up_to_an_hour, allow_hyphen_values = true)]
    pub patience: Option<std::time::Duration>,
    /// What is random in a storm follows from it
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(0..=9_007_199_254_740_991), allow_hyphen_values = true)]
    pub seed: Option<u64>,
}
