//! YAML files and their schema.

use clap::{Args, ValueEnum};

/// `loadrig init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Name of the environment: a letter, then letters, digits and hyphens; at most 16
    pub name: String,
    /// Size to start from
    #[arg(long, default_value = "1k", value_name = "SIZE")]
    pub architecture: String,
}

/// `loadrig validate`.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Environments, reference architectures or scenarios
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
}

/// `loadrig architectures`.
#[derive(Debug, Args)]
pub(crate) struct ArchitecturesArgs {
    /// A size to show in full
    pub show: Option<String>,
}

/// `loadrig schema`.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Which files
    #[arg(value_enum, default_value_t = SchemaOf::Environment)]
    pub of: SchemaOf,
}

/// What the schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// environments/*.yaml
    Environment,
    /// reference-architectures/*.yaml
    Architecture,
    /// scenarios/*.yaml
    Scenario,
}
