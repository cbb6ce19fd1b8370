//! Where credentials come from, and how they are had.
//!
//! The sources are those of the AWS command line, in its order: an explicit profile, the
//! environment, the profile of the environment or the default one, web identity, container,
//! instance role. Two things are done here that the SDK does not: a profile is read anew
//! whenever credentials have to be renewed, so that a tool that rewrites the file in the middle
//! of a run is noticed; and a role that wants a second factor asks for its code, and keeps the
//! session in memory alone.
//!
//! An error of a source says which command renews it.

use std::sync::Arc;
use std::time::Duration;

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, Result as Provided, future};

use crate::aws::Connection;
use crate::aws::credentials::mfa::MfaRole;
use crate::aws::credentials::profile::profile;
use crate::aws::credentials::prompt::Prompt;
use crate::aws::credentials::source::{CredentialMethod, CredentialSource};

/// The credentials of a connection, renewed whenever the SDK asks: shortly before they
/// expire, or every quarter of an hour where they bear no date.
#[derive(Debug)]
pub(in crate::aws) struct Renewing {
    region: String,
    source: CredentialSource,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    /// A profile, read anew each time.
    Profile(String),
    /// A role of a profile with a second factor.
    Mfa(Box<MfaRole>),
    /// Whatever else the SDK looks through.
    Chain(DefaultCredentialsChain),
}

impl Renewing {
    /// For a connection without fixed credentials.
    pub(in crate::aws) async fn of(
        connection: &Connection,
        source: CredentialSource,
        prompt: Arc<dyn Prompt>,
    ) -> Self {
        let inner = match (&source.way, &source.profile) {
            (CredentialMethod::RoleWithMfa(role), Some(_)) => {
                Inner::Mfa(Box::new(MfaRole::new(connection, role.clone(), prompt)))
            }
            (
                CredentialMethod::Keys
                | CredentialMethod::SingleSignOn { .. }
                | CredentialMethod::Role { .. }
                | CredentialMethod::Process
                | CredentialMethod::Login,
                Some(profile),
            ) => Inner::Profile(profile.clone()),
            // A profile that was asked for by name and is not there is an error, not a
            // reason to look elsewhere.
            (CredentialMethod::Unknown | CredentialMethod::Unreadable(_), Some(profile))
                if connection.profile.is_some() =>
            {
                Inner::Profile(profile.clone())
            }
            _ => Inner::Chain(default_chain(connection).await),
        };
        Self {
            region: connection.region.clone(),
            source,
            inner,
        }
    }

    /// Whether somebody has to be asked first: better before the first call than in it, where
    /// a time-out would cut the answer off.
    pub(in crate::aws) fn asks(&self) -> bool {
        matches!(self.inner, Inner::Mfa(_))
    }

    async fn get(&self) -> Provided {
        let provided = match &self.inner {
            Inner::Profile(name) => profile(name, &self.region).provide_credentials().await,
            Inner::Mfa(role) => role.credentials().await,
            Inner::Chain(chain) => chain.provide_credentials().await,
        };
        provided.map_err(|error| {
            let remedy = self.source.remedy();
            CredentialsError::provider_error(Explained {
                text: if self.source.is_nothing_named() {
                    format!(
                        "none found (tried environment, profile, container or instance role); \
                         {remedy}"
                    )
                } else {
                    format!("{} gives no credentials; {remedy}", self.source)
                },
                cause: error,
            })
        })
    }
}

impl ProvideCredentials for Renewing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.get())
    }
}

/// A source's failure with the command that fixes it.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Explained {
    text: String,
    #[source]
    cause: CredentialsError,
}

/// The SDK's chain, but on a laptop its last link (instance metadata) gives up at once.
async fn default_chain(connection: &Connection) -> DefaultCredentialsChain {
    let metadata = aws_config::imds::Client::builder()
        .connect_timeout(Duration::from_millis(500))
        .read_timeout(Duration::from_secs(1))
        .max_attempts(1)
        .build();
    DefaultCredentialsChain::builder()
        .region(Region::new(connection.region.clone()))
        .imds_client(metadata)
        .build()
        .await
}
