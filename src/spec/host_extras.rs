//! What hosts of a role get beyond what loadrig puts there: files and commands of the operator's.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The operator's own files and commands for the hosts of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostExtras {
    /// Written before anything of the role is installed.
    pub files: Vec<ExtraFile>,
    /// Commands before anything of the role is installed.
    pub before: Vec<String>,
    /// Commands once the role works.
    pub after: Vec<String>,
}

/// A file of the operator's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraFile {
    /// Where it goes, from the root directory.
    pub path: String,
    /// The file on the operator's machine.
    pub source: PathBuf,
    /// Permissions.
    pub mode: u32,
}

/// The operator's own files and commands, by role, and what all hosts trust.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HostsShape {
    /// PEM files of authorities that every host trusts besides those of its system (relative to this file).
    #[schemars(example = &["./company-authority.pem"])]
    pub(crate) authorities: Option<Vec<PathBuf>>,
    /// On Mattermost application nodes.
    pub(crate) app: Option<HostExtrasShape>,
    /// On the job server's host.
    pub(crate) job: Option<HostExtrasShape>,
    /// On the proxies.
    pub(crate) proxy: Option<HostExtrasShape>,
    /// On the search proxies.
    pub(crate) search_proxy: Option<HostExtrasShape>,
    /// On the metrics host.
    pub(crate) metrics: Option<HostExtrasShape>,
    /// On the agents.
    pub(crate) agent: Option<HostExtrasShape>,
    /// On the bastion.
    pub(crate) bastion: Option<HostExtrasShape>,
}

/// The operator's own files and commands for the hosts of a role.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostExtrasShape {
    /// Files of the operator's machine, written before anything of the role is installed.
    pub(crate) files: Option<Vec<ExtraFileShape>>,
    /// Commands that root runs before anything of the role is installed.
    pub(crate) before: Option<Vec<String>>,
    /// Commands that root runs once the role works, and again when one of these files or commands changes.
    pub(crate) after: Option<Vec<String>>,
}

/// A file of the operator's machine.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtraFileShape {
    /// Where it goes, from the root directory.
    #[schemars(required, example = &"/etc/motd")]
    pub(crate) path: Option<String>,
    /// The file on the operator's machine (relative to this file).
    #[schemars(required, example = &"./motd")]
    pub(crate) source: Option<PathBuf>,
    /// Permissions, as `chmod` takes them. Default: `0644`.
    #[schemars(example = &"0644")]
    pub(crate) mode: Option<String>,
}
