//! The clients of every service, connected once for an account and region.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use secrecy::ExposeSecret as _;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::aws::connection::Connection;
use crate::aws::credentials::{CredentialSource, NobodyToAsk, Prompt, Renewing};
use crate::aws::ec2::images::{Image, newest_image};
use crate::aws::error::{self, CallContext, incomplete, refused};
use crate::aws::iam::denied_roles::DeniedRoles;
use crate::aws::idempotency::unknown_outcome::Creations;
use crate::aws::pace::{self, Pace};
use crate::aws::recent_changes::RecentChanges;
use crate::aws::route53::changes::ZoneChanges;
use crate::engine::{Account, CloudError};

/// One account and region of AWS.
#[derive(Debug)]
pub struct Aws {
    pub(in crate::aws) ec2: aws_sdk_ec2::Client,
    pub(in crate::aws) elasticache: aws_sdk_elasticache::Client,
    pub(in crate::aws) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(in crate::aws) iam: aws_sdk_iam::Client,
    pub(in crate::aws) opensearch: aws_sdk_opensearch::Client,
    pub(in crate::aws) rds: aws_sdk_rds::Client,
    pub(in crate::aws) route53: aws_sdk_route53::Client,
    pub(in crate::aws) s3: aws_sdk_s3::Client,
    pub(in crate::aws) servicequotas: aws_sdk_servicequotas::Client,
    pub(in crate::aws) ssm: aws_sdk_ssm::Client,
    pub(in crate::aws) sts: aws_sdk_sts::Client,
    pub(in crate::aws) region: String,
    pub(in crate::aws) pace: Arc<Pace>,
    pub(in crate::aws) source: CredentialSource,
    pub(in crate::aws) account: OnceCell<Account>,
    pub(in crate::aws) zones: OnceCell<Vec<String>>,
    /// The zones that were chosen for new subnets, by their index.
    pub(in crate::aws) chosen_zones: Mutex<BTreeMap<u8, String>>,
    pub(in crate::aws) image: OnceCell<Image>,
    /// What this process created, so that nothing is created twice.
    pub(in crate::aws) creations: Creations,
    /// What this process changed, so that no older look is believed.
    pub(in crate::aws) changes: RecentChanges,
    /// What this process changed of zones, until every server of Route 53 has it.
    pub(in crate::aws) zone_changes: ZoneChanges,
    /// When a client token was first refused as one of another launch, see `ec2/instances`.
    pub(in crate::aws) mismatched_tokens: Mutex<BTreeMap<String, Instant>>,
    /// Services whose roles this process was not allowed to create.
    pub(in crate::aws) denied_roles: DeniedRoles,
    /// How often a lifted termination protection still stood, by instance.
    pub(in crate::aws) lifted_protections: Mutex<BTreeMap<String, u32>>,
}

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the answer to the first call may take to begin.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

impl Aws {
    /// The region that it talks to.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Sets the clients up. Sends nothing: credentials are first tried by a call.
    ///
    /// # Errors
    /// When the connection itself is invalid.
    pub async fn connect(connection: Connection) -> Result<Self, CloudError> {
        Self::connect_with(connection, Arc::new(NobodyToAsk), None).await
    }

    /// The same, with somebody who can be asked for a second factor. Then the role is assumed
    /// at once, so that the question comes before anything else is on the screen.
    ///
    /// # Errors
    /// When the connection itself is invalid, or the second factor is.
    pub async fn connect_asking(
        connection: Connection,
        prompt: Arc<dyn Prompt>,
    ) -> Result<Self, CloudError> {
        Self::connect_with(connection, prompt, None).await
    }

    /// The same, over an HTTP client of the caller's: every request of every service goes to
    /// it instead of to a socket.
    ///
    /// Tests answer in process so, through the very adapter that is used on AWS. The client
    /// gets complete, signed requests, to the URL of the service or of
    /// [`Connection::endpoint_url`]. It is called below the counters and the pace of the
    /// adapter, and below the SDK's retries and time-outs: each attempt is a call of its own,
    /// and a connector error made with `ConnectorError::io` is a connection that broke. Give
    /// fixed credentials; the sources of others have HTTP clients of their own.
    ///
    /// # Errors
    /// When the connection itself is invalid.
    pub async fn connect_over(
        connection: Connection,
        http_client: SharedHttpClient,
    ) -> Result<Self, CloudError> {
        Self::connect_with(connection, Arc::new(NobodyToAsk), Some(http_client)).await
    }

    async fn connect_with(
        connection: Connection,
        prompt: Arc<dyn Prompt>,
        http_client: Option<SharedHttpClient>,
    ) -> Result<Self, CloudError> {
        let app = AppName::new("loadrig").map_err(|error| {
            refused(
                "configure",
                "application name",
                "InvalidAppName",
                error.to_string(),
            )
        })?;
        // A call that hangs is cut off and repeated, so that no wait is without an end.
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_mins(1))
            .operation_timeout(Duration::from_mins(3))
            .connect_timeout(CONNECT)
            .build();
        let pace = Pace::new(connection.paced);
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(connection.region.clone()))
            .app_name(app)
            .http_client(pace::paced(
                &pace,
                http_client
                    .unwrap_or_else(|| pace::https_client(connection.endpoint_url.as_deref())),
                connection.endpoint_url.as_deref(),
            ))
            .retry_config(RetryConfig::standard().with_max_attempts(5))
            .timeout_config(timeouts)
            // Renewed a minute before they end; a person may have to be asked.
            .identity_cache(
                IdentityCache::lazy()
                    .buffer_time(Duration::from_mins(1))
                    .load_timeout(Duration::from_mins(5))
                    .build(),
            );
        if let Some(profile) = &connection.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = &connection.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let source = match &connection.credentials {
            Some(_) => CredentialSource::fixed(),
            None => CredentialSource::find(connection.profile.as_deref()).await,
        };
        loader = match &connection.credentials {
            Some((id, secret)) => loader.credentials_provider(Credentials::new(
                id,
                secret.expose_secret(),
                None,
                None,
                "loadrig",
            )),
            None => {
                let renewing = Renewing::of(&connection, source.clone(), prompt).await;
                if renewing.asks() {
                    let first = renewing.provide_credentials().await;
                    first.map_err(|error| error::without_credentials(&error))?;
                }
                loader.credentials_provider(renewing)
            }
        };
        let config = loader.load().await;
        // Bucket names as host names do not resolve anywhere but at AWS.
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(config.endpoint_url().is_some())
            .build();
        Ok(Self {
            ec2: aws_sdk_ec2::Client::new(&config),
            elasticache: aws_sdk_elasticache::Client::new(&config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            opensearch: aws_sdk_opensearch::Client::new(&config),
            rds: aws_sdk_rds::Client::new(&config),
            route53: aws_sdk_route53::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            servicequotas: aws_sdk_servicequotas::Client::new(&config),
            ssm: aws_sdk_ssm::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
            region: connection.region,
            pace,
            source,
            account: OnceCell::new(),
            zones: OnceCell::new(),
            chosen_zones: Mutex::default(),
            image: OnceCell::new(),
            creations: Creations::default(),
            changes: RecentChanges::default(),
            zone_changes: ZoneChanges::default(),
            mismatched_tokens: Mutex::default(),
            denied_roles: DeniedRoles::default(),
            lifted_protections: Mutex::default(),
        })
    }

    /// How often each action was called so far, repetitions included, for example
    /// `ec2:RunInstances`. S3's are named by method: `s3:GET`.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.pace.calls()
    }

    /// Credentials that AWS refuses, with what renews them.
    pub(in crate::aws) fn with_remedy(&self, mut error: CloudError) -> CloudError {
        // Where none could be had, the message says so already.
        if error.is_about_credentials() && error.code != "NoCredentials" {
            error.message = format!(
                "{}; they are those of {}: {}",
                error.message,
                self.source,
                self.source.remedy()
            );
        }
        error
    }

    /// Where the credentials come from.
    #[must_use]
    pub fn source(&self) -> &CredentialSource {
        &self.source
    }

    pub(in crate::aws) async fn known_account(&self) -> Result<&Account, CloudError> {
        self.account
            .get_or_try_init(|| async {
                let operation = "sts:GetCallerIdentity";
                // The first call of every command: it finds out soon whether anybody answers.
                // Only the connection has the short limits; credentials may take a person.
                let short = TimeoutConfig::builder()
                    .connect_timeout(CONNECT)
                    .read_timeout(FIRST_ANSWER)
                    .build();
                let short = aws_sdk_sts::Config::builder()
                    .timeout_config(short)
                    .retry_config(RetryConfig::standard().with_max_attempts(2));
                let answer = self
                    .sts
                    .get_caller_identity()
                    .customize()
                    .config_override(short)
                    .send()
                    .await
                    .context(operation, "credentials");
                let answer = match answer {
                    Ok(answer) => answer,
                    Err(error) => {
                        let error = Box::pin(self.with_region(error)).await;
                        return Err(self.with_remedy(error));
                    }
                };
                let (Some(id), Some(arn)) = (answer.account, answer.arn) else {
                    return Err(incomplete(operation, "credentials", "account"));
                };
                Ok(Account {
                    id,
                    arn,
                    region: self.region.clone(),
                })
            })
            .await
    }

    /// The image that hosts start from, looked up once.
    pub(in crate::aws) async fn image(&self) -> Result<&Image, CloudError> {
        self.image
            .get_or_try_init(|| newest_image(&self.ec2, &self.region))
            .await
    }
}
