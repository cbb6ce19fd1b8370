//! The account: its policy, its trial and its registry.

use clap::{Args, Subcommand};

use super::OutputFormat;
use super::values::{account, hosted_zone, positive, principal};

/// `loadrig doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The environment that is to be brought up there: a name under environments/, a path to a
    /// file, or the name of a size
    #[arg(default_value = "1k")]
    pub env: String,
    /// Try the account itself, with a canary; required, since resources are created and removed
    #[arg(long)]
    pub live: bool,
    /// Launch one small host too, if it costs at most USD until it ends itself, after 20 minutes
    #[arg(long, value_name = "USD", value_parser = positive, allow_hyphen_values = true)]
    pub spend: Option<f64>,
}

/// `loadrig iam-policy`.
#[derive(Debug, Args)]
pub(crate) struct IamPolicyArgs {
    /// Name under environments/, or a path to a file, or the name of a size
    pub env: String,
    /// Account that the policy is for, 12 digits; that of the credentials without it
    #[arg(long, value_name = "ID", value_parser = account)]
    pub account: Option<String>,
    /// Id of the environment's private DNS zone, without which its grants reach every zone of the
    /// account; looked up with the credentials where --account is not given
    #[arg(long, value_name = "ID", value_parser = hosted_zone, conflicts_with_all = ["canary", "seed_key"])]
    pub zone: Option<String>,
    /// `json` is one document, `policies` and with --explain `reasons`
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<OutputFormat>,
    /// Show for each single action what it is for
    #[arg(long)]
    pub explain: bool,
    /// Print what `doctor --live` needs to try an account for the environment
    #[arg(long, conflicts_with = "seed_key")]
    pub canary: bool,
    /// Print the policy of a KMS key for `access.seed_key`, which only --operator may read seeds with
    #[arg(long, requires = "operator", conflicts_with = "explain")]
    pub seed_key: bool,
    /// ARN of a role or user that brings environments up; may be given more than once
    #[arg(long, value_name = "ARN", value_parser = principal, requires = "seed_key")]
    pub operator: Vec<String>,
    /// ARN of a role or user that may change or delete the key; may be given more than once, the
    /// operators without it
    #[arg(long, value_name = "ARN", value_parser = principal, requires = "seed_key")]
    pub administrator: Vec<String>,
}

/// `loadrig registry`.
#[derive(Debug, Args)]
pub(crate) struct RegistryArgs {
    /// What to do
    #[command(subcommand)]
    pub command: RegistryCommand,
}

/// Subcommands of `loadrig registry`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum RegistryCommand {
    /// Show its name, and who holds which lock
    Show,
    /// Remove it; refused while an environment exists
    Remove,
}
