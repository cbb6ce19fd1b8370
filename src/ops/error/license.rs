//! Why a license does not carry an environment.

use crate::diagnose::{Diagnose, ExitCode};
use crate::hosts::BundleError;

/// Why a license does not carry an environment.
#[derive(Debug, thiserror::Error)]
pub enum LicenseRefusal {
    /// It is over.
    #[error("the license ended on {on}")]
    Expired {
        /// The day.
        on: String,
    },
    /// It is not there yet.
    #[error("the license begins on {on}")]
    NotStarted {
        /// The day.
        on: String,
    },
    /// Its edition lacks something.
    #[error(
        "{part} need{} {} license, and this is {} license",
        plural(part),
        with_article(wanted),
        with_article(edition)
    )]
    Edition {
        /// What is lacking, in words.
        part: String,
        /// The edition.
        edition: String,
        /// The edition that has it.
        wanted: &'static str,
        /// The setting that leaves the part out.
        key: &'static str,
    },
    /// It is for fewer users, and the server counts them.
    #[error(
        "the license is for {seats} users, and the server refuses more, but the size is for {users}"
    )]
    Seats {
        /// How many may be.
        seats: i64,
        /// How many the size is for.
        users: u32,
    },
    /// It cannot be read, or is none.
    #[error(transparent)]
    Unusable(#[from] BundleError),
}

/// The ending of the verb.
fn plural(part: &str) -> &'static str {
    match part.starts_with("the ") {
        true => "s",
        false => "",
    }
}

fn with_article(name: &str) -> String {
    let article = match name.starts_with(['E', 'A', 'u']) {
        true => "an",
        false => "a",
    };
    format!("{article} {name}")
}

impl Diagnose for LicenseRefusal {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            LicenseRefusal::Expired { .. } => {
                "set `mattermost.license_file` to the renewed license".to_owned()
            }
            LicenseRefusal::NotStarted { .. } => {
                "use the license that counts until then; if the day has come, set this machine's clock".to_owned()
            }
            LicenseRefusal::Edition { wanted, key, .. } => {
                format!("take an {wanted} license, or set `{key}`")
            }
            LicenseRefusal::Seats { .. } => {
                "take a license for more users, or a smaller `architecture`".to_owned()
            }
            LicenseRefusal::Unusable(error) => return error.hints(),
        };
        vec![hint]
    }

    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
}
