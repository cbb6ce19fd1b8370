//! Amazon Web Services behind the engine's [`Cloud`]: what is desired to SDK calls, what
//! exists to a snapshot.
//!
//! The only module that names a type of the AWS SDK. One file for each service. Knows
//! nothing of plans, hosts or the command line, and decides nothing: it does what it is
//! told, once, and classifies what goes wrong. Waiting and repeating is the engine's
//! business.

pub mod world;
mod cache;
mod empty;
mod error;
mod iam;
mod images;
mod instances;
mod keys;
mod network;
mod rds;
mod rds_groups;
mod routes;
mod s3;
mod search;
mod security;
mod snapshot;
mod ssm;
mod tags;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region};
use aws_credential_types::Credentials;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use crate::blueprint::{Address, Desired, Kind};
use crate::engine::{
    Account, Cloud, CloudError, FailureClass, Looked, Observed, Request, Snapshot,
};

use error::{During, incomplete, refused};
use images::Image;

/// How to reach AWS.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Region, for example `us-east-1`.
    pub region: String,
    /// Profile of the shared configuration; `None` takes `AWS_PROFILE` or the default one.
    pub profile: Option<String>,
    /// Where every service is reached instead of at AWS; `None` takes `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<String>,
    /// Fixed key id and secret; `None` takes the SDK's default chain.
    pub credentials: Option<(String, SecretString)>,
}

/// One account and region of AWS.
#[derive(Debug)]
pub struct Aws {
    ec2: aws_sdk_ec2::Client,
    elasticache: aws_sdk_elasticache::Client,
    iam: aws_sdk_iam::Client,
    opensearch: aws_sdk_opensearch::Client,
    rds: aws_sdk_rds::Client,
    s3: aws_sdk_s3::Client,
    ssm: aws_sdk_ssm::Client,
    sts: aws_sdk_sts::Client,
    region: String,
    account: OnceCell<Account>,
    zones: OnceCell<Vec<String>>,
    image: OnceCell<Image>,
}

impl Aws {
    /// Sets the clients up. Sends nothing: credentials are first tried by a call.
    ///
    /// # Errors
    /// When the connection itself is invalid.
    pub async fn connect(connection: Connection) -> Result<Self, CloudError> {
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
            .operation_attempt_timeout(Duration::from_secs(60))
            .operation_timeout(Duration::from_secs(180))
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(connection.region.clone()))
            .app_name(app)
            .retry_config(RetryConfig::standard().with_max_attempts(5))
            .timeout_config(timeouts);
        if let Some(profile) = &connection.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = &connection.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        loader = match &connection.credentials {
            Some((id, secret)) => loader.credentials_provider(Credentials::new(
                id,
                secret.expose_secret(),
                None,
                None,
                "loadrig",
            )),
            None => loader.credentials_provider(default_credentials(&connection).await),
        };
        let config = loader.load().await;
        // Bucket names as host names do not resolve anywhere but at AWS.
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(config.endpoint_url().is_some())
            .build();
        Ok(Self {
            ec2: aws_sdk_ec2::Client::new(&config),
            elasticache: aws_sdk_elasticache::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            opensearch: aws_sdk_opensearch::Client::new(&config),
            rds: aws_sdk_rds::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            ssm: aws_sdk_ssm::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
            region: connection.region,
            account: OnceCell::new(),
            zones: OnceCell::new(),
            image: OnceCell::new(),
        })
    }

    async fn known_account(&self) -> Result<&Account, CloudError> {
        self.account
            .get_or_try_init(|| async {
                let operation = "sts:GetCallerIdentity";
                let answer = self
                    .sts
                    .get_caller_identity()
                    .send()
                    .await
                    .during(operation, "credentials")?;
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
}

/// The SDK's chain, but on a laptop its last link (instance metadata) gives up at once.
async fn default_credentials(connection: &Connection) -> DefaultCredentialsChain {
    let metadata = aws_config::imds::Client::builder()
        .connect_timeout(Duration::from_millis(500))
        .read_timeout(Duration::from_secs(1))
        .max_attempts(1)
        .build();
    let mut chain = DefaultCredentialsChain::builder()
        .region(Region::new(connection.region.clone()))
        .imds_client(metadata);
    if let Some(profile) = &connection.profile {
        chain = chain.profile_name(profile);
    }
    chain.build().await
}

/// What a request refers to, which has to exist already.
fn needed<'a>(
    request: &'a Request<'_>,
    operation: &str,
    address: &Address,
) -> Result<&'a Observed, CloudError> {
    request.world.get(address).ok_or_else(|| CloudError {
        class: FailureClass::Converging,
        ..refused(
            operation,
            request.address,
            "DependencyMissing",
            format!("`{address}`, which it refers to, does not exist yet"),
        )
    })
}

/// The ids of several resources that a request refers to.
fn needed_ids(
    request: &Request<'_>,
    operation: &str,
    addresses: &[Address],
) -> Result<Vec<String>, CloudError> {
    addresses
        .iter()
        .map(|address| needed(request, operation, address).map(|found| found.id.clone()))
        .collect()
}

impl Cloud for Aws {
    async fn account(&self) -> Result<Account, CloudError> {
        self.known_account().await.cloned()
    }

    async fn snapshot(&self, environment: &str) -> Result<Snapshot, CloudError> {
        self.take_snapshot(environment).await
    }

    async fn create(&self, request: Request<'_>) -> Result<Observed, CloudError> {
        match request.desired {
            Desired::Vpc { cidr } => self.create_vpc(&request, *cidr).await,
            Desired::InternetGateway => self.create_internet_gateway(&request).await,
            Desired::Subnet { tier, zone, cidr } => {
                self.create_subnet(&request, *tier, *zone, *cidr).await
            }
            Desired::RouteTable { subnets } => self.create_route_table(&request, subnets).await,
            Desired::SecurityGroup { group, description } => {
                self.create_security_group(&request, *group, description)
                    .await
            }
            Desired::SecurityRules { group, rules } => {
                self.set_security_rules(&request, *group, rules).await
            }
            Desired::Seed => self.create_seed(&request).await,
            Desired::KeyPair => self.create_key_pair(&request).await,
            Desired::Role { bucket } => self.create_role(&request, bucket).await,
            Desired::InstanceProfile { .. } => self.create_instance_profile(&request).await,
            Desired::Bucket => self.create_bucket(&request).await,
            Desired::DatabaseSubnets { subnets } => {
                self.create_database_subnets(&request, subnets).await
            }
            Desired::DatabaseParameters {
                reader,
                family,
                parameters,
            } => {
                self.create_database_parameters(&request, *reader, family, parameters)
                    .await
            }
            Desired::Database { role, .. } => self.create_database(&request, *role).await,
            Desired::Search { .. } => self.create_search(&request).await,
            Desired::CacheSubnets { subnets } => self.create_cache_subnets(&request, subnets).await,
            Desired::Cache { .. } => self.create_cache(&request).await,
            Desired::Instance { .. } => self.create_instance(&request).await,
        }
    }

    async fn update(
        &self,
        request: Request<'_>,
        existing: &Observed,
    ) -> Result<Observed, CloudError> {
        match request.desired {
            Desired::SecurityRules { group, rules } => {
                self.set_security_rules(&request, *group, rules).await
            }
            Desired::Vpc { .. } => self.complete_vpc(request.environment, &existing.id).await,
            Desired::InternetGateway => {
                self.complete_internet_gateway(&request, &existing.id).await
            }
            Desired::Subnet { tier, .. } => {
                self.complete_subnet(request.environment, &existing.id, *tier)
                    .await
            }
            Desired::RouteTable { subnets } => {
                self.complete_route_table(&request, &existing.id, subnets)
                    .await
            }
            Desired::Role { .. } => self.complete_role(&request).await,
            Desired::InstanceProfile { .. } => self.complete_instance_profile(&request).await,
            Desired::Bucket => self.complete_bucket(&request, &existing.id).await,
            Desired::DatabaseParameters {
                reader, parameters, ..
            } => {
                self.update_database_parameters(&request, *reader, parameters)
                    .await
            }
            Desired::Database { .. } => self.update_database(&request, existing).await,
            Desired::Search { .. } => self.update_search(&request, existing).await,
            Desired::Cache { .. } => self.update_cache(&request, existing).await,
            Desired::SecurityGroup { .. }
            | Desired::Seed
            | Desired::KeyPair
            | Desired::DatabaseSubnets { .. }
            | Desired::CacheSubnets { .. }
            | Desired::Instance { .. } => Err(refused(
                "update",
                request.address,
                "NotUpdatable",
                "it cannot be changed in place, only replaced",
            )),
        }
    }

    async fn read(
        &self,
        environment: &str,
        existing: &Observed,
    ) -> Result<Option<Observed>, CloudError> {
        self.read_one(environment, existing).await
    }

    async fn delete(&self, environment: &str, existing: &Observed) -> Result<(), CloudError> {
        let id = existing.id.as_str();
        match existing.kind {
            Kind::Vpc => self.delete_vpc(id).await,
            Kind::InternetGateway => self.delete_internet_gateway(environment, id).await,
            Kind::Subnet => self.delete_subnet(id).await,
            Kind::RouteTable => self.delete_route_table(environment, id).await,
            Kind::SecurityGroup => self.delete_security_group(environment, id).await,
            Kind::SecurityRules => self.delete_security_rules(id).await,
            Kind::Seed => self.delete_parameter(id).await,
            Kind::KeyPair => self.delete_key_pair(id).await,
            Kind::Role => self.delete_role(id).await,
            Kind::InstanceProfile => self.delete_instance_profile(id).await,
            Kind::Bucket => self.delete_bucket(id).await,
            Kind::DatabaseSubnets => self.delete_database_subnets(id).await,
            Kind::DatabaseParameters => self.delete_database_parameters(id).await,
            Kind::Database => self.delete_database(id).await,
            Kind::Search => self.delete_search(id).await,
            Kind::CacheSubnets => self.delete_cache_subnets(id).await,
            Kind::Cache => self.delete_cache(id).await,
            Kind::Instance => self.delete_instance(id).await,
        }
    }

    async fn seed(&self, environment: &str) -> Result<Option<SecretString>, CloudError> {
        self.read_seed(environment).await
    }

    async fn environments(&self) -> Result<Vec<String>, CloudError> {
        let vpcs = self.tagged_vpcs().await?;
        let names: BTreeSet<String> = vpcs
            .iter()
            .flat_map(|vpc| vpc.tags())
            .filter(|tag| tag.key() == Some(tags::ENVIRONMENT))
            .filter_map(|tag| tag.value().map(str::to_owned))
            .collect();
        Ok(names.into_iter().collect())
    }

    async fn prove_empty(&self, environment: &str) -> Result<Vec<Looked>, CloudError> {
        self.look_everywhere(environment).await
    }
}
