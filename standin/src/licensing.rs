//! The license of the system: where it comes from, as for the server itself, and what it unlocks
//! now. Only licenses that the stand-in's own key has signed count. It may not know HTTP.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use mattermost_license::{Feature, Issuer, License, LicenseError, sanitized_client_license};
use tracing::{error, info, warn};

use crate::db::{DbError, Store};
use crate::error::chain;
use crate::id::now_ms;

/// The variable that counts before anything else.
pub(crate) const VARIABLE: &str = "MM_LICENSE";

/// Users of a server without a license: from when it complains, and from when it refuses.
const UNLICENSED_USERS: (i64, i64) = (200, 250);

/// Why a license is not taken over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddLicenseError {
    #[error(transparent)]
    License(#[from] LicenseError),
    #[error("the license has ended")]
    Expired,
    #[error("the license is for {seats} users, and there are {users}")]
    Seats { seats: i64, users: i64 },
    #[error("the license cannot be kept")]
    Database(#[from] DbError),
}

/// How many users a system may have: a number to warn of, and one to refuse at. 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UserLimits {
    pub soft: i64,
    pub hard: i64,
}

/// The license that counts now.
#[derive(Debug, Default)]
pub(crate) struct Licensing(RwLock<Option<Arc<License>>>);

impl Licensing {
    /// Reads the license: that of the variable, else that of the database, else that of a file,
    /// which is taken over into the database. A license that is no good is logged and the server
    /// runs without one.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn load(
        &self,
        store: &Store,
        variable: Option<&str>,
        file: &str,
    ) -> Result<(), DbError> {
        let license = if let Some(text) = variable.filter(|text| !text.is_empty()) {
            read(text.as_bytes())
                .inspect_err(|cause| {
                    error!(
                        cause = chain(cause),
                        "Failed to read license set in environment."
                    );
                })
                .ok()
        } else {
            stored(store, file).await?
        };
        match &license {
            Some(license) => info!(
                id = license.id,
                sku = license.sku_short_name,
                users = license.seats(),
                days_left = license.days_left(now_ms()),
                "License key is valid, unlocking enterprise features."
            ),
            None => warn!(
                "License key from https://mattermost.com required to unlock enterprise features."
            ),
        }
        self.set(license);
        Ok(())
    }

    /// Takes over a license and keeps it in the database.
    ///
    /// # Errors
    /// When it is no license of the stand-in, has ended or is for too few users, or the database
    /// fails.
    pub(crate) async fn add(
        &self,
        store: &Store,
        text: &[u8],
    ) -> Result<Arc<License>, AddLicenseError> {
        let license = read(text)?;
        if license.is_expired(now_ms()) {
            return Err(AddLicenseError::Expired);
        }
        let (users, seats) = (store.active_user_count().await?, license.seats());
        if users > seats {
            return Err(AddLicenseError::Seats { seats, users });
        }
        let bytes = String::from_utf8_lossy(text);
        store.save_license(&license.id, bytes.trim()).await?;
        self.set(Some(license.clone()));
        Ok(Arc::new(license))
    }

    /// Goes on without a license.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn remove(&self, store: &Store) -> Result<(), DbError> {
        store.remove_license().await?;
        self.set(None);
        Ok(())
    }

    /// The license, if there is one.
    pub(crate) fn current(&self) -> Option<Arc<License>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether there is a license at all.
    pub(crate) fn is_licensed(&self) -> bool {
        self.current().is_some()
    }

    /// Whether there is a license that unlocks `feature`.
    pub(crate) fn has(&self, feature: Feature) -> bool {
        self.current()
            .is_some_and(|license| license.features.has(feature))
    }

    /// How many users the system may have.
    pub(crate) fn user_limits(&self) -> UserLimits {
        match self.current() {
            None => UserLimits {
                soft: UNLICENSED_USERS.0,
                hard: UNLICENSED_USERS.1,
            },
            Some(license) => license
                .user_limit()
                .map_or(UserLimits { soft: 0, hard: 0 }, |hard| UserLimits {
                    soft: license.seats(),
                    hard,
                }),
        }
    }

    /// What clients are told: a sign of whether anything about the license has changed.
    pub(crate) fn describe(&self) -> std::collections::BTreeMap<&'static str, String> {
        sanitized_client_license(self.current().as_deref())
    }

    fn set(&self, license: Option<License>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = license.map(Arc::new);
    }
}

async fn stored(store: &Store, file: &str) -> Result<Option<License>, DbError> {
    let text = match store.active_license().await? {
        Some(text) => text,
        None if file.is_empty() => return Ok(None),
        None => match std::fs::read_to_string(Path::new(file)) {
            Ok(text) => {
                if let Ok(license) = read(text.as_bytes()) {
                    store.save_license(&license.id, text.trim()).await?;
                }
                text
            }
            Err(cause) => {
                warn!(file, %cause, "Failed to get license from disk");
                return Ok(None);
            }
        },
    };
    Ok(read(text.as_bytes())
        .inspect_err(|cause| warn!(cause = chain(cause), "License key is invalid."))
        .ok())
}

/// A license of the stand-in that has not been over for longer than the days of grace.
fn read(text: &[u8]) -> Result<License, LicenseError> {
    let license = License::read_signed_by(text, Issuer::Standin)?;
    if license.is_past_grace_period(now_ms()) {
        return Err(LicenseError::Signature);
    }
    Ok(license)
}

#[cfg(test)]
mod tests {
    use mattermost_license::{Sku, standin_license};

    use super::*;

    #[test]
    fn nothing_is_unlocked_without_a_license() {
        let licensing = Licensing::default();
        assert!(!licensing.has(Feature::Cluster));
        assert_eq!(
            licensing.user_limits(),
            UserLimits {
                soft: 200,
                hard: 250
            }
        );
        assert_eq!(licensing.describe()["IsLicensed"], "false");
    }

    #[test]
    fn an_edition_unlocks_what_it_includes() {
        let licensing = Licensing::default();
        licensing.set(Some(standin_license(&Sku::Professional, 100)));
        assert!(!licensing.has(Feature::Cluster));
        licensing.set(Some(standin_license(&Sku::Enterprise, 100)));
        assert!(licensing.has(Feature::Cluster) && licensing.has(Feature::Elasticsearch));
        assert_eq!(licensing.user_limits(), UserLimits { soft: 0, hard: 0 });
    }

    #[test]
    fn a_seat_limit_is_enforced_if_the_license_says_so() {
        let licensing = Licensing::default();
        let mut license = standin_license(&Sku::Enterprise, 100);
        license.is_seat_count_enforced = true;
        license.extra_users = Some(5);
        licensing.set(Some(license));
        assert_eq!(
            licensing.user_limits(),
            UserLimits {
                soft: 100,
                hard: 105
            }
        );
    }
}
