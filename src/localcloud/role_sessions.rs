//! Credentials of the instances' roles: the metadata service hands them out, and the domains know them
//! again. Nothing is kept: they follow from what they say and a secret of the daemon's.

use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Makes credentials and knows them again.
#[derive(Debug, Clone)]
pub(crate) struct RoleSessions {
    secret: Arc<str>,
}

/// What a client signs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionCredentials {
    pub access_key: String,
    pub secret_key: String,
    pub token: String,
}

impl Default for RoleSessions {
    fn default() -> Self {
        Self {
            secret: hex::encode(rand::random::<[u8; 24]>()).into(),
        }
    }
}

impl RoleSessions {
    /// Credentials of a role, by its ARN.
    pub(crate) fn issue(&self, role: &str, until: Timestamp) -> SessionCredentials {
        let token = hex::encode(format!("{} {role}", until.as_second()));
        let drawn = self.drawn(&token, "access");
        SessionCredentials {
            access_key: format!("ASIA{}", drawn[..16].to_uppercase()),
            secret_key: self.drawn(&token, "secret"),
            token,
        }
    }

    /// The role that credentials are of, and their secret; or what is wrong with them.
    pub(crate) fn known(
        &self,
        access_key: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<(String, String), String> {
        let invalid = || "The security token included in the request is invalid.".to_owned();
        let text = hex::decode(token).map_err(|_| invalid())?;
        let text = String::from_utf8(text).map_err(|_| invalid())?;
        let (until, role) = text.split_once(' ').ok_or_else(invalid)?;
        let until: i64 = until.parse().map_err(|_| invalid())?;
        let until = Timestamp::from_second(until).map_err(|_| invalid())?;
        let issued = self.issue(role, until);
        if issued.access_key != access_key {
            return Err(invalid());
        }
        if until < now {
            return Err("The security token included in the request is expired".to_owned());
        }
        Ok((role.to_owned(), issued.secret_key))
    }

    fn drawn(&self, token: &str, what: &str) -> String {
        hex::encode(Sha256::digest(format!("{} {what} {token}", self.secret)))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn credentials_are_known_again_by_who_made_them_until_they_expire() {
        let (sessions, other) = (RoleSessions::default(), RoleSessions::default());
        let now = Timestamp::now();
        let until = now + SignedDuration::from_hours(1);
        let role = "arn:aws:iam::1:role/loadrig/lr-demo-search";
        let made = sessions.issue(role, until);
        let known = sessions.known(&made.access_key, &made.token, now);
        assert_eq!(known, Ok((role.to_owned(), made.secret_key)));
        assert!(other.known(&made.access_key, &made.token, now).is_err());
        assert!(sessions.known("ASIAOTHER", &made.token, now).is_err());
        let late = until + SignedDuration::from_secs(1);
        let late = sessions.known(&made.access_key, &made.token, late);
        assert!(late.unwrap_err().ends_with("is expired"));
    }
}
