//! A role that wants a second factor: the SDK knows the setting but does not ask for the code.
//!
//! The session is kept in memory for as long as AWS gave it, and nowhere else.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::Result as Provided;
use aws_credential_types::provider::error::CredentialsError;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::aws::Connection;
use crate::aws::credentials::profile::profile;
use crate::aws::credentials::prompt::Prompt;
use crate::aws::credentials::source::MfaProfile;

/// How long before its end a session is not used any more.
const MARGIN: Duration = Duration::from_mins(1);

/// Assumes a role with a code.
#[derive(Debug)]
pub(super) struct MfaRole {
    role: MfaProfile,
    region: String,
    endpoint_url: Option<String>,
    prompt: Arc<dyn Prompt>,
    /// Locked while somebody is asked, so that nobody is asked twice.
    session: Mutex<Option<Credentials>>,
    /// A question that is open: the call that asked it may have timed out meanwhile.
    asking: Mutex<Option<JoinHandle<Result<SecretString, String>>>>,
}

impl MfaRole {
    pub(super) fn new(connection: &Connection, role: MfaProfile, prompt: Arc<dyn Prompt>) -> Self {
        Self {
            role,
            region: connection.region.clone(),
            endpoint_url: connection.endpoint_url.clone(),
            prompt,
            session: Mutex::new(None),
            asking: Mutex::new(None),
        }
    }

    pub(super) async fn credentials(&self) -> Provided {
        let mut session = self.session.lock().await;
        if let Some(held) = session.as_ref().filter(|held| lives(held)) {
            return Ok(held.clone());
        }
        let fresh = self.assume().await?;
        *session = Some(fresh.clone());
        Ok(fresh)
    }

    async fn assume(&self) -> Provided {
        let code = self.ask().await?;
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.region.clone()));
        if let Some(url) = &self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        loader = match &self.role.source_profile {
            Some(name) => loader.credentials_provider(profile(name, &self.region)),
            None => loader.credentials_provider(
                aws_config::environment::EnvironmentVariableCredentialsProvider::new(),
            ),
        };
        let sts = aws_sdk_sts::Client::new(&loader.load().await);
        let session_name = self.role.session_name.as_deref().unwrap_or("loadrig");
        let answer = sts
            .assume_role()
            .role_arn(&self.role.role_arn)
            .role_session_name(session_name)
            .serial_number(&self.role.device)
            .token_code(code.expose_secret())
            .set_external_id(self.role.external_id.clone())
            .set_duration_seconds(self.role.seconds)
            .send()
            .await
            .map_err(CredentialsError::provider_error)?;
        let keys = answer
            .credentials
            .ok_or_else(|| CredentialsError::unhandled("the answer has no credentials"))?;
        let end = SystemTime::try_from(keys.expiration).map_err(CredentialsError::unhandled)?;
        Ok(Credentials::new(
            keys.access_key_id,
            keys.secret_access_key,
            Some(keys.session_token),
            Some(end),
            "loadrig-mfa",
        ))
    }

    /// People take their time; the runtime must not wait for them.
    async fn ask(&self) -> Result<SecretString, CredentialsError> {
        let mut asking = self.asking.lock().await;
        let question = asking.get_or_insert_with(|| {
            let prompt = Arc::clone(&self.prompt);
            let device = self.role.device.clone();
            tokio::task::spawn_blocking(move || prompt.code(&device))
        });
        let answer = question.await;
        *asking = None;
        answer.map_err(CredentialsError::unhandled)?.map_err(|why| {
            CredentialsError::not_loaded(format!(
                "the role wants the code of {}, and {why}",
                self.role.device
            ))
        })
    }
}

fn lives(session: &Credentials) -> bool {
    session
        .expiry()
        .is_none_or(|end| end > SystemTime::now() + MARGIN)
}
