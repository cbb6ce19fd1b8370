//! Why there is no way to a host.

use crate::diagnose::Diagnose;
use crate::spec::HostName;

/// Why there is no way to a host.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// What the tunnel should lead to does not exist.
    #[error("`{environment}` has no {what}")]
    NoService {
        /// Name of the environment.
        environment: String,
        /// What is missing.
        what: &'static str,
    },
    /// The local end cannot be set up.
    #[error("cannot open the tunnel's local end")]
    Local(#[source] std::io::Error),
    /// The host went away.
    #[error("the tunnel is closed: the connection to `{0}` ended")]
    Closed(HostName),
}

impl Diagnose for AccessError {
    fn hints(&self) -> Vec<String> {
        vec![match self {
            AccessError::NoService { environment, .. } => {
                format!("`loadrig up {environment}` creates what the YAML asks for")
            }
            AccessError::Local(_) => "set TMPDIR to a directory that you may write to".to_owned(),
            AccessError::Closed(_) => {
                "`loadrig verify` shows whether the host answers; then open the tunnel again"
                    .to_owned()
            }
        }]
    }
}
