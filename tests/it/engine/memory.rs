//! The in-memory cloud behind the engine's trait: the adapter's calls, one by one.
//!
//! Each function makes the same API calls in the same order as its namesake in `src/aws`,
//! and judges the answers alike. What it calls is in `wire.rs`, what answers in `ec2.rs`,
//! `iam.rs` and `data.rs`. What makes things is
//! in `make_*.rs`, what reads them in `looks*.rs`, what removes them in `removals.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};

use loadrig::blueprint::{Address, Desired, Kind, kinds};
use loadrig::engine::{
    Account as Identity, Blocker, Cloud, CloudError, LeftoverCheck, Observed, Request, Snapshot,
    State,
};
use loadrig::identity::names::Names;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use super::account::ENVIRONMENT;
use super::judge::Seen;
use super::wire::Wire;

/// The account's number.
pub const ACCOUNT: &str = "123456789012";
/// The region.
pub const REGION: &str = "xx-test-1";

/// One process's view of the account.
#[derive(Debug)]
pub struct Memory {
    pub(super) wire: Arc<Wire>,
    pub(super) zones: OnceCell<Vec<String>>,
    pub(super) image: OnceCell<()>,
    identity: OnceCell<()>,
    made: Mutex<BTreeMap<Address, String>>,
}

impl Memory {
    /// A fresh process: it remembers nothing.
    pub fn new(wire: Arc<Wire>) -> Self {
        Self {
            wire,
            zones: OnceCell::new(),
            image: OnceCell::new(),
            identity: OnceCell::new(),
            made: Mutex::default(),
        }
    }

    /// What this process made at the request's address, or what lists show there.
    pub(super) async fn known(
        &self,
        request: &Request<'_>,
        look: impl Future<Output = Result<Vec<String>, CloudError>>,
    ) -> Result<Option<String>, CloudError> {
        let made = self
            .made
            .lock()
            .expect("no panic")
            .get(request.address)
            .cloned();
        match made {
            Some(id) => Ok(Some(id)),
            None => Ok(look.await?.pop()),
        }
    }

    pub(super) fn remember(&self, request: &Request<'_>, id: &str) {
        let mut made = self.made.lock().expect("no panic");
        made.insert(request.address.clone(), id.to_owned());
    }

    pub(super) fn forget(&self, id: &str) {
        self.made
            .lock()
            .expect("no panic")
            .retain(|_, known| known != id);
    }

    pub(super) async fn who(&self) -> Result<(), CloudError> {
        self.identity
            .get_or_try_init(|| self.wire.call("sts:GetCallerIdentity", "", |_| Ok(())))
            .await
            .copied()
    }

    pub(super) async fn bucket_name(&self, environment: &str) -> Result<String, CloudError> {
        self.who().await?;
        Ok(Names::of(environment).bucket(ACCOUNT, REGION))
    }
}

impl Cloud for Memory {
    async fn account(&self) -> Result<Identity, CloudError> {
        self.who().await?;
        Ok(Identity {
            id: ACCOUNT.to_owned(),
            arn: format!("arn:aws:iam::{ACCOUNT}:user/test"),
            region: REGION.to_owned(),
        })
    }

    async fn snapshot(&self, environment: &str) -> Result<Snapshot, CloudError> {
        self.take_snapshot(environment).await
    }

    async fn create(&self, request: Request<'_>) -> Seen {
        let names = Names::of(request.environment);
        match request.desired {
            Desired::Vpc(kinds::Vpc { cidr }) => self.create_vpc(&request, cidr.to_string()).await,
            Desired::InternetGateway(_) => self.create_internet_gateway(&request).await,
            Desired::Subnet(kinds::Subnet { tier, zone, cidr }) => {
                self.create_subnet(&request, *tier, *zone, cidr.to_string())
                    .await
            }
            Desired::RouteTable(kinds::RouteTable { subnets, gateway }) => {
                self.create_route_table(&request, subnets, gateway).await
            }
            Desired::ElasticAddress(_) => self.create_elastic_address(&request).await,
            Desired::NatGateway(kinds::NatGateway { subnet, address }) => {
                self.create_nat_gateway(&request, subnet, address).await
            }
            Desired::SecurityGroup(kinds::SecurityGroup { group, .. }) => {
                self.create_security_group(&request, names.security_group(*group))
                    .await
            }
            Desired::SecurityRules(kinds::SecurityRules { group, rules }) => {
                let group = Address::security_group(*group);
                self.set_security_rules(&request, &group, rules).await
            }
            Desired::Seed(_) => self.create_seed(&request).await,
            Desired::KeyPair(_) => self.create_key_pair(&request).await,
            Desired::Role(kinds::HostRole { bucket }) => self.create_role(&request, bucket).await,
            Desired::InstanceProfile { .. } => self.create_instance_profile(&request).await,
            Desired::Bucket { .. } => self.create_bucket(&request).await,
            Desired::DatabaseSubnets(kinds::DatabaseSubnets { subnets }) => {
                self.create_database_subnets(&request, subnets).await
            }
            Desired::DatabaseParameters(kinds::DatabaseParameters {
                reader,
                family,
                parameters,
            }) => {
                self.create_database_parameters(&request, *reader, family, parameters)
                    .await
            }
            Desired::Database(kinds::DatabaseInstance { role, .. }) => {
                self.create_database(&request, *role).await
            }
            Desired::DatabaseCluster { .. }
            | Desired::DatabaseClusterParameters { .. }
            | Desired::ClusterInstance { .. } => panic!("this account has no Aurora"),
            Desired::Search { .. } => self.create_search(&request).await,
            Desired::CacheSubnets(kinds::CacheSubnets { subnets }) => {
                self.create_cache_subnets(&request, subnets).await
            }
            Desired::Cache { .. } => self.create_cache(&request).await,
            Desired::Instance { .. } => self.create_instance(&request).await,
            other => panic!("{other:?} is not made in memory"),
        }
    }

    async fn update(&self, request: Request<'_>, existing: &Observed) -> Seen {
        let (environment, id) = (request.environment, existing.id.as_str());
        match request.desired {
            Desired::Vpc { .. } => self.complete_vpc(environment, id).await,
            Desired::InternetGateway(_) => self.complete_internet_gateway(&request, id).await,
            Desired::Subnet(kinds::Subnet { tier, .. }) => {
                self.complete_subnet(environment, id, *tier).await
            }
            Desired::RouteTable(kinds::RouteTable { subnets, gateway }) => {
                self.complete_route_table(&request, id, subnets, gateway)
                    .await
            }
            Desired::SecurityRules(kinds::SecurityRules { group, rules }) => {
                let group = Address::security_group(*group);
                self.set_security_rules(&request, &group, rules).await
            }
            Desired::Role { .. } => self.complete_role(&request).await,
            Desired::InstanceProfile { .. } => self.complete_instance_profile(&request).await,
            Desired::Bucket { .. } => self.complete_bucket(&request, id).await,
            Desired::DatabaseParameters(kinds::DatabaseParameters {
                reader, parameters, ..
            }) => {
                self.update_database_parameters(&request, *reader, parameters)
                    .await
            }
            Desired::Database { .. } => self.update_database(&request, existing).await,
            Desired::Search { .. } => self.update_search(&request, existing).await,
            other => panic!("{other:?} is not changed in place"),
        }
    }

    async fn list(&self, environment: &str, kind: Kind) -> Result<Vec<Observed>, CloudError> {
        self.list_kind(environment, kind).await
    }

    async fn delete(&self, environment: &str, existing: &Observed) -> Result<(), CloudError> {
        self.forget(&existing.id);
        self.remove(environment, existing).await
    }

    async fn blockers(
        &self,
        environment: &str,
        existing: &Observed,
    ) -> Result<Vec<Blocker>, CloudError> {
        self.find_blockers(environment, existing).await
    }

    async fn seed(&self, environment: &str) -> Result<Option<SecretString>, CloudError> {
        let name = Names::of(environment).seed();
        self.wire
            .call("ssm:GetParameter", "seed", move |a| {
                Ok(a.living("parameter", &name)
                    .map(|t| SecretString::from(t.attr("value").to_owned())))
            })
            .await
    }

    async fn environments(&self) -> Result<BTreeSet<String>, CloudError> {
        self.wire
            .call("ec2:DescribeVpcs", "", |a| {
                let vpcs = a.listed("vpc");
                Ok(vpcs
                    .filter_map(|t| t.tags.get(ENVIRONMENT).cloned())
                    .collect())
            })
            .await
    }

    async fn find_leftovers(&self, environment: &str) -> Result<Vec<LeftoverCheck>, CloudError> {
        let left = self.take_snapshot(environment).await?.resources;
        Ok(vec![LeftoverCheck {
            at: "everything".to_owned(),
            left: left
                .into_iter()
                .filter(|r| r.state != State::Gone)
                .map(|r| r.id)
                .collect(),
            kept: vec![],
        }])
    }
}
