//! `mattermost license`: makes a license that this server accepts and no other does.

use std::path::{Path, PathBuf};

use mattermost_license::{Sku, sign_for_standin, standin_license};

use crate::id;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What the license is to be like.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LicenseRequest {
    /// Where it is written to.
    pub(crate) out: PathBuf,
    /// Edition, by the name that licenses use.
    pub(crate) sku: String,
    /// Seats.
    pub(crate) users: i64,
    /// Days until it ends, negative for one that has ended; none for 2100.
    pub(crate) days: Option<i64>,
}

/// Why there is no license.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeLicenseError {
    #[error("there is no edition `{0}`: expected professional, enterprise or advanced")]
    Sku(String),
    #[error("cannot write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// Writes the license.
///
/// # Errors
/// When the edition is unknown or the file cannot be written.
pub(crate) fn write(request: &LicenseRequest) -> Result<(), MakeLicenseError> {
    let sku = Sku::new(&request.sku);
    if matches!(sku, Sku::Other(_)) {
        return Err(MakeLicenseError::Sku(request.sku.clone()));
    }
    let mut license = standin_license(&sku, request.users);
    if let Some(days) = request.days {
        // A renewed license is another license.
        license.id = id::new_id();
        license.expires_at = id::now_ms() + days * DAY_MS;
    }
    let fault = |source| MakeLicenseError::Write {
        path: request.out.clone(),
        source,
    };
    let text = sign_for_standin(&license).map_err(fault)?;
    write_text(&request.out, &text).map_err(fault)
}

fn write_text(out: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(out, format!("{text}\n"))
}

#[cfg(test)]
mod tests {
    use mattermost_license::{Issuer, License};

    use super::*;

    fn request(out: &Path, sku: &str, days: Option<i64>) -> LicenseRequest {
        LicenseRequest {
            out: out.to_owned(),
            sku: sku.to_owned(),
            users: 50,
            days,
        }
    }

    #[test]
    fn license_is_one_of_the_stand_in() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let out = dir.path().join("license");
        let before = id::now_ms();
        write(&request(&out, "enterprise", Some(3))).expect("written");
        let text = std::fs::read(&out).expect("file");
        let license = License::read_signed_by(&text, Issuer::Standin).expect("license");
        assert_eq!((license.seats(), license.sku()), (50, Sku::Enterprise));
        assert_eq!(license.days_left(before), 3);
        write(&request(&out, "enterprise", Some(-1))).expect("written");
        let text = std::fs::read(&out).expect("file");
        let (ended, _) = License::read(&text).expect("license");
        assert!(ended.is_expired(id::now_ms()) && ended.id != license.id);
    }

    #[test]
    fn unknown_edition_is_named() {
        let error = write(&request(Path::new("/nowhere"), "gold", None)).expect_err("refused");
        assert!(
            error.to_string().starts_with("there is no edition `gold`"),
            "{error}"
        );
    }
}
