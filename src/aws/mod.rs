//! Amazon Web Services behind the engine's [`Cloud`]: what is desired to SDK calls, what
//! exists to a snapshot.
//!
//! The only module that names a type of the AWS SDK. One file for each service. Knows
//! nothing of plans, hosts or the command line, and decides nothing: it does what it is
//! told, once, and classifies what goes wrong. Waiting and repeating is the engine's
//! business.

mod adopted;
mod aurora;
mod aurora_instances;
mod balancer;
mod blockers;
mod cache;
mod claim;
pub mod credentials;
mod dns;
mod empty;
mod empty_databases;
mod endpoint;
mod environments;
mod error;
mod glance;
mod iam;
mod iam_profile;
mod images;
mod instances;
mod keys;
mod made;
mod nat;
mod network;
mod offers;
mod pace;
mod permissions;
mod quotas;
mod rds;
mod rds_changes;
mod rds_groups;
mod rds_restore;
mod registry;
mod restorable;
mod routes;
mod s3;
mod s3_removal;
mod s3_settings;
mod search;
mod security;
mod snapshot;
mod ssm;
mod tags;
mod targets;
mod vpc_users;
#[cfg(target_os = "linux")]
pub mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::blueprint::{Address, Desired, Kind};
use crate::engine::{
    Account, Blocker, Cloud, CloudError, FailureClass, Looked, Observed, Request, Snapshot,
};

use credentials::{NobodyToAsk, Prompt, Renewing, Source};
pub use error::class_of_code;
use error::{During, incomplete, refused};
use images::Image;
use made::Made;
use pace::Pace;
pub use registry::Registry;

/// How to reach AWS.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Region, for example `us-east-1`.
    pub region: String,
    /// Profile of the shared configuration; `None` takes `AWS_PROFILE` or the default one.
    pub profile: Option<String>,
    /// Where every service is reached instead of at AWS; `None` takes `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<String>,
    /// Whether calls keep to the rates that AWS publishes. Off only where nothing throttles.
    pub paced: bool,
    /// Fixed key id and secret; `None` takes the SDK's default chain.
    pub credentials: Option<(String, SecretString)>,
}

/// One account and region of AWS.
#[derive(Debug)]
pub struct Aws {
    ec2: aws_sdk_ec2::Client,
    elasticache: aws_sdk_elasticache::Client,
    elb: aws_sdk_elasticloadbalancingv2::Client,
    iam: aws_sdk_iam::Client,
    opensearch: aws_sdk_opensearch::Client,
    rds: aws_sdk_rds::Client,
    route53: aws_sdk_route53::Client,
    s3: aws_sdk_s3::Client,
    servicequotas: aws_sdk_servicequotas::Client,
    ssm: aws_sdk_ssm::Client,
    sts: aws_sdk_sts::Client,
    region: String,
    pace: Arc<Pace>,
    source: Source,
    account: OnceCell<Account>,
    zones: OnceCell<Vec<String>>,
    image: OnceCell<Image>,
    /// Ids by environment and address, see `made`.
    made: Mutex<BTreeMap<(String, String), Made>>,
    /// When a launch was first said to be another than before, see `instances`.
    mismatched: Mutex<BTreeMap<String, Instant>>,
}

impl Aws {
    /// Sets the clients up. Sends nothing: credentials are first tried by a call.
    ///
    /// # Errors
    /// When the connection itself is invalid.
    pub async fn connect(connection: Connection) -> Result<Self, CloudError> {
        Self::connect_asking(connection, Arc::new(NobodyToAsk)).await
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
        let pace = Pace::new(connection.paced);
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(connection.region.clone()))
            .app_name(app)
            .http_client(pace::client(&pace))
            .retry_config(RetryConfig::standard().with_max_attempts(5))
            .timeout_config(timeouts)
            // Renewed a minute before they end; a person may have to be asked.
            .identity_cache(
                IdentityCache::lazy()
                    .buffer_time(Duration::from_secs(60))
                    .load_timeout(Duration::from_secs(300))
                    .build(),
            );
        if let Some(profile) = &connection.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = &connection.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let source = match &connection.credentials {
            Some(_) => Source::fixed(),
            None => Source::find(connection.profile.as_deref()).await,
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
            image: OnceCell::new(),
            made: Mutex::default(),
            mismatched: Mutex::default(),
        })
    }

    /// How often each action was called so far, repetitions included, for example
    /// `ec2:RunInstances`. S3's are told by method: `s3:GET`.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.pace.calls()
    }

    /// Credentials that AWS refuses, with what renews them.
    fn with_remedy(&self, mut error: CloudError) -> CloudError {
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
    pub fn source(&self) -> &Source {
        &self.source
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
                    .during(operation, "credentials")
                    .map_err(|error| self.with_remedy(error))?;
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

fn not_ours(operation: &str, request: &Request<'_>) -> CloudError {
    refused(
        operation,
        request.address,
        "NotOurs",
        "it belongs to somebody else and is only looked up",
    )
}

// The SDK's futures are large: each sits in a box of its own, so that none has to find
// room for all of them on a thread's stack.
impl Cloud for Aws {
    async fn account(&self) -> Result<Account, CloudError> {
        self.known_account().await.cloned()
    }

    async fn snapshot(&self, environment: &str) -> Result<Snapshot, CloudError> {
        let found = self.take_snapshot(environment).await;
        found.map_err(|error| self.with_remedy(error))
    }

    async fn create(&self, request: Request<'_>) -> Result<Observed, CloudError> {
        let work: BoxFuture<'_, Result<Observed, CloudError>> = match request.desired {
            Desired::Vpc { cidr } => Box::pin(self.create_vpc(&request, *cidr)),
            Desired::InternetGateway => Box::pin(self.create_internet_gateway(&request)),
            Desired::Subnet { tier, zone, cidr } => {
                Box::pin(self.create_subnet(&request, *tier, *zone, *cidr))
            }
            Desired::RouteTable { subnets, gateway } => {
                Box::pin(self.create_route_table(&request, subnets, gateway))
            }
            Desired::ElasticAddress => Box::pin(self.create_elastic_address(&request)),
            Desired::NatGateway { subnet, address } => {
                Box::pin(self.create_nat_gateway(&request, subnet, address))
            }
            Desired::Adopted { .. } => return Err(not_ours("create", &request)),
            Desired::Endpoint { tables } => Box::pin(self.create_endpoint(&request, tables)),
            Desired::LoadBalancer { .. } => Box::pin(self.create_load_balancer(&request)),
            Desired::Listener { .. } => Box::pin(self.set_listener(&request)),
            Desired::TargetGroup { .. } => Box::pin(self.create_target_group(&request)),
            Desired::Targets { .. } => Box::pin(self.set_targets(&request)),
            Desired::Zone => Box::pin(self.create_zone(&request)),
            Desired::Records { .. } => Box::pin(self.set_records(&request)),
            Desired::SecurityGroup { group, description } => {
                Box::pin(self.create_security_group(&request, *group, description))
            }
            Desired::SecurityRules { group, rules } => {
                Box::pin(self.set_security_rules(&request, *group, rules))
            }
            Desired::Seed => Box::pin(self.create_seed(&request)),
            Desired::KeyPair => Box::pin(self.create_key_pair(&request)),
            Desired::Role { bucket } => Box::pin(self.create_role(&request, bucket)),
            Desired::InstanceProfile { .. } => Box::pin(self.create_instance_profile(&request)),
            Desired::Bucket { .. } => Box::pin(self.create_bucket(&request)),
            Desired::DatabaseSubnets { subnets } => {
                Box::pin(self.create_database_subnets(&request, subnets))
            }
            Desired::DatabaseParameters {
                reader,
                family,
                parameters,
            } => Box::pin(self.create_database_parameters(&request, *reader, family, parameters)),
            Desired::Database { role, .. } | Desired::ClusterInstance { role, .. } => {
                Box::pin(self.create_database(&request, *role))
            }
            Desired::DatabaseCluster { .. } => Box::pin(self.create_cluster(&request)),
            Desired::DatabaseClusterParameters { family, parameters } => {
                Box::pin(self.create_cluster_parameters(&request, family, parameters))
            }
            Desired::Search { .. } => Box::pin(self.create_search(&request)),
            Desired::CacheSubnets { subnets } => {
                Box::pin(self.create_cache_subnets(&request, subnets))
            }
            Desired::Cache { .. } => Box::pin(self.create_cache(&request)),
            Desired::Instance { .. } => Box::pin(self.create_instance(&request)),
        };
        work.await.map_err(|error| self.with_remedy(error))
    }

    async fn update(
        &self,
        request: Request<'_>,
        existing: &Observed,
    ) -> Result<Observed, CloudError> {
        let work: BoxFuture<'_, Result<Observed, CloudError>> = match request.desired {
            Desired::SecurityRules { group, rules } => {
                Box::pin(self.set_security_rules(&request, *group, rules))
            }
            Desired::Vpc { .. } => Box::pin(self.complete_vpc(request.environment, &existing.id)),
            Desired::InternetGateway => {
                Box::pin(self.complete_internet_gateway(&request, &existing.id))
            }
            Desired::Subnet { tier, .. } => {
                Box::pin(self.complete_subnet(request.environment, &existing.id, *tier))
            }
            Desired::RouteTable { subnets, gateway } => {
                Box::pin(self.complete_route_table(&request, &existing.id, subnets, gateway))
            }
            Desired::Adopted { .. } => return Err(not_ours("update", &request)),
            Desired::Endpoint { tables } => {
                Box::pin(self.complete_endpoint(&request, &existing.id, tables))
            }
            Desired::LoadBalancer { .. } => {
                Box::pin(self.complete_load_balancer(&request, &existing.id))
            }
            Desired::Listener { .. } => Box::pin(self.set_listener(&request)),
            Desired::TargetGroup { .. } => {
                Box::pin(self.complete_target_group(&request, &existing.id))
            }
            Desired::Targets { .. } => Box::pin(self.set_targets(&request)),
            Desired::Zone => Box::pin(self.complete_zone(&request, &existing.id)),
            Desired::Records { .. } => Box::pin(self.set_records(&request)),
            Desired::Role { .. } => Box::pin(self.complete_role(&request)),
            Desired::InstanceProfile { .. } => Box::pin(self.complete_instance_profile(&request)),
            Desired::Bucket { .. } => Box::pin(self.change_bucket(&request, existing)),
            Desired::DatabaseParameters {
                reader, parameters, ..
            } => Box::pin(self.update_database_parameters(&request, *reader, parameters)),
            Desired::Database { .. } | Desired::ClusterInstance { .. } => {
                Box::pin(self.update_database(&request, existing))
            }
            Desired::DatabaseCluster { .. } => Box::pin(self.update_cluster(&request, existing)),
            Desired::DatabaseClusterParameters { parameters, .. } => {
                Box::pin(self.update_cluster_parameters(&request, parameters))
            }
            Desired::Search { .. } => Box::pin(self.update_search(&request, existing)),
            Desired::Cache { .. } => Box::pin(self.update_cache(&request, existing)),
            Desired::Instance { .. } => Box::pin(self.update_instance(&request, existing)),
            Desired::ElasticAddress
            | Desired::NatGateway { .. }
            | Desired::SecurityGroup { .. }
            | Desired::Seed
            | Desired::KeyPair
            | Desired::DatabaseSubnets { .. }
            | Desired::CacheSubnets { .. } => {
                return Err(refused(
                    "update",
                    request.address,
                    "NotUpdatable",
                    "it cannot be changed in place, only replaced",
                ));
            }
        };
        work.await.map_err(|error| self.with_remedy(error))
    }

    async fn list(&self, environment: &str, kind: Kind) -> Result<Vec<Observed>, CloudError> {
        let found = self.list_kind(environment, kind).await;
        found.map_err(|error| self.with_remedy(error))
    }

    async fn delete(&self, environment: &str, existing: &Observed) -> Result<(), CloudError> {
        let id = existing.id.as_str();
        self.forget(id);
        let work: BoxFuture<'_, Result<(), CloudError>> = match existing.kind {
            Kind::Vpc => Box::pin(self.delete_vpc(id)),
            Kind::InternetGateway => Box::pin(self.delete_internet_gateway(environment, id)),
            Kind::Subnet => Box::pin(self.delete_subnet(id)),
            Kind::RouteTable => Box::pin(self.delete_route_table(environment, id)),
            Kind::ElasticAddress => Box::pin(self.delete_elastic_address(id)),
            Kind::NatGateway => Box::pin(self.delete_nat_gateway(id)),
            Kind::Adopted => {
                return Err(refused(
                    "delete",
                    id,
                    "NotOurs",
                    "it belongs to somebody else",
                ));
            }
            Kind::Endpoint => Box::pin(self.delete_endpoint(id)),
            Kind::LoadBalancer => Box::pin(self.delete_load_balancer(id)),
            Kind::Listener => Box::pin(self.delete_listener(id)),
            Kind::TargetGroup => Box::pin(self.delete_target_group(id)),
            Kind::Targets => Box::pin(self.delete_targets(id)),
            Kind::Zone => Box::pin(self.delete_zone(id)),
            Kind::Records => Box::pin(self.delete_records(id)),
            Kind::SecurityGroup => Box::pin(self.delete_security_group(environment, id)),
            Kind::SecurityRules => Box::pin(self.delete_security_rules(id)),
            Kind::Seed => Box::pin(self.delete_parameter(id)),
            Kind::KeyPair => Box::pin(self.delete_key_pair(id)),
            Kind::Role => Box::pin(self.delete_role(environment, id)),
            Kind::InstanceProfile => Box::pin(self.delete_instance_profile(id)),
            Kind::Bucket => Box::pin(self.delete_files(environment, id)),
            Kind::DatabaseSubnets => Box::pin(self.delete_database_subnets(id)),
            Kind::DatabaseParameters => Box::pin(self.delete_database_parameters(id)),
            Kind::Database => Box::pin(self.delete_database(environment, existing)),
            Kind::DatabaseCluster => Box::pin(self.delete_cluster(environment, existing)),
            Kind::DatabaseClusterParameters => Box::pin(self.delete_cluster_parameters(id)),
            Kind::Search => Box::pin(self.delete_search(id)),
            Kind::CacheSubnets => Box::pin(self.delete_cache_subnets(id)),
            Kind::Cache => Box::pin(self.delete_cache(environment, existing)),
            Kind::Instance => Box::pin(self.delete_instance(existing)),
        };
        work.await.map_err(|error| self.with_remedy(error))
    }

    async fn blockers(
        &self,
        environment: &str,
        existing: &Observed,
    ) -> Result<Vec<Blocker>, CloudError> {
        Box::pin(self.find_blockers(environment, existing)).await
    }

    async fn adopted(&self, wanted: &[(&Address, &Desired)]) -> Result<Vec<Observed>, CloudError> {
        self.look_up_adopted(wanted).await
    }

    async fn seed(&self, environment: &str) -> Result<Option<SecretString>, CloudError> {
        self.read_seed(environment).await
    }

    async fn environments(&self) -> Result<BTreeSet<String>, CloudError> {
        self.find_environments().await
    }

    async fn prove_empty(&self, environment: &str) -> Result<Vec<Looked>, CloudError> {
        let looked = self.look_everywhere(environment).await;
        looked.map_err(|error| self.with_remedy(error))
    }
}
