//! The engine's [`Cloud`]: each kind of resource to the functions of its service.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use secrecy::SecretString;

use crate::aws::Aws;
use crate::aws::ec2::instance_changes::class_of_failed;
use crate::aws::error::refused;
use crate::aws::request::not_ours;
use crate::blueprint::{Address, Desired, Kind};
use crate::engine::{
    Account, Blocker, Cloud, CloudError, FailureClass, LeftoverCheck, Observed, Request, Snapshot,
};

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

    async fn create_service_roles(&self, services: &[&str]) -> Result<bool, CloudError> {
        let work = Box::pin(self.create_service_roles(services));
        work.await.map_err(|error| self.with_remedy(error))
    }

    async fn create(&self, request: Request<'_>) -> Result<Observed, CloudError> {
        let work: BoxFuture<'_, Result<Observed, CloudError>> = match request.desired {
            Desired::Vpc(vpc) => Box::pin(self.create_vpc(&request, vpc)),
            Desired::InternetGateway(_) => Box::pin(self.create_internet_gateway(&request)),
            Desired::Subnet(subnet) => Box::pin(self.create_subnet(&request, subnet)),
            Desired::RouteTable(table) => Box::pin(self.create_route_table(&request, table)),
            Desired::ElasticAddress(_) => Box::pin(self.create_elastic_address(&request)),
            Desired::NatGateway(nat) => Box::pin(self.create_nat_gateway(&request, nat)),
            Desired::Adopted(_) => return Err(not_ours("create", &request)),
            Desired::Endpoint(endpoint) => Box::pin(self.create_endpoint(&request, endpoint)),
            Desired::LoadBalancer(balancer) => {
                Box::pin(self.create_load_balancer(&request, balancer))
            }
            Desired::Listener(listener) => Box::pin(self.set_listener(&request, listener)),
            Desired::TargetGroup(group) => Box::pin(self.create_target_group(&request, group)),
            Desired::Targets(targets) => Box::pin(self.set_targets(&request, targets)),
            Desired::Zone(_) => Box::pin(self.create_zone(&request)),
            Desired::Records(records) => Box::pin(self.set_records(&request, records)),
            Desired::SecurityGroup(group) => Box::pin(self.create_security_group(&request, group)),
            Desired::SecurityRules(rules) => Box::pin(self.set_security_rules(&request, rules)),
            Desired::Seed(seed) => Box::pin(self.create_seed(&request, seed)),
            Desired::KeyPair(_) => Box::pin(self.create_key_pair(&request)),
            Desired::Role(role) => Box::pin(self.create_role(&request, role)),
            Desired::InstanceProfile(_) => Box::pin(self.create_instance_profile(&request)),
            Desired::Bucket(bucket) => Box::pin(self.create_bucket(&request, bucket)),
            Desired::DatabaseSubnets(group) => {
                Box::pin(self.create_database_subnets(&request, group))
            }
            Desired::DatabaseParameters(group) => {
                Box::pin(self.create_database_parameters(&request, group))
            }
            Desired::Database(database) => Box::pin(self.create_database(&request, database)),
            Desired::ClusterInstance(instance) => {
                Box::pin(self.create_cluster_instance(&request, instance))
            }
            Desired::DatabaseCluster(cluster) => Box::pin(self.create_cluster(&request, cluster)),
            Desired::DatabaseClusterParameters(group) => {
                Box::pin(self.create_cluster_parameters(&request, group))
            }
            Desired::Search(domain) => Box::pin(self.create_search(&request, domain)),
            Desired::CacheSubnets(group) => Box::pin(self.create_cache_subnets(&request, group)),
            Desired::Cache(cache) => Box::pin(self.create_cache(&request, cache)),
            Desired::Instance(instance) => Box::pin(self.create_instance(&request, instance)),
        };
        work.await
            .map_err(|error| self.with_remedy(self.denied_roles.explain(error)))
    }

    async fn update(
        &self,
        request: Request<'_>,
        existing: &Observed,
    ) -> Result<Observed, CloudError> {
        let id = existing.id.as_str();
        let work: BoxFuture<'_, Result<Observed, CloudError>> = match request.desired {
            Desired::SecurityRules(rules) => Box::pin(self.set_security_rules(&request, rules)),
            Desired::Vpc(_) => Box::pin(self.complete_vpc(request.environment, id)),
            Desired::InternetGateway(_) => Box::pin(self.complete_internet_gateway(&request, id)),
            Desired::Subnet(subnet) => {
                Box::pin(self.complete_subnet(request.environment, id, subnet.tier))
            }
            Desired::RouteTable(table) => Box::pin(self.complete_route_table(&request, id, table)),
            Desired::Adopted(_) => return Err(not_ours("update", &request)),
            Desired::Endpoint(endpoint) => Box::pin(self.complete_endpoint(&request, id, endpoint)),
            Desired::LoadBalancer(balancer) => {
                Box::pin(self.complete_load_balancer(&request, id, balancer))
            }
            Desired::Listener(listener) => Box::pin(self.set_listener(&request, listener)),
            Desired::TargetGroup(group) => {
                Box::pin(self.complete_target_group(&request, id, group))
            }
            Desired::Targets(targets) => Box::pin(self.set_targets(&request, targets)),
            Desired::Zone(_) => Box::pin(self.complete_zone(&request, id)),
            Desired::Records(records) => Box::pin(self.set_records(&request, records)),
            Desired::Role(role) => Box::pin(self.complete_role(&request, role)),
            Desired::InstanceProfile(_) => Box::pin(self.complete_instance_profile(&request)),
            Desired::Bucket(bucket) => Box::pin(self.change_bucket(&request, existing, bucket)),
            Desired::DatabaseParameters(group) => {
                Box::pin(self.update_database_parameters(&request, group))
            }
            Desired::Database(database) => {
                Box::pin(self.update_database(&request, existing, database))
            }
            Desired::ClusterInstance(instance) => {
                Box::pin(self.update_cluster_instance(&request, existing, instance))
            }
            Desired::DatabaseCluster(cluster) => {
                Box::pin(self.update_cluster(&request, existing, cluster))
            }
            Desired::DatabaseClusterParameters(group) => {
                Box::pin(self.update_cluster_parameters(&request, group))
            }
            Desired::Search(domain) => Box::pin(self.update_search(&request, existing, domain)),
            Desired::Cache(cache) => Box::pin(self.update_cache(&request, existing, cache)),
            Desired::Instance(instance) => {
                Box::pin(self.update_instance(&request, existing, instance))
            }
            Desired::ElasticAddress(_)
            | Desired::NatGateway(_)
            | Desired::SecurityGroup(_)
            | Desired::Seed(_)
            | Desired::KeyPair(_)
            | Desired::DatabaseSubnets(_)
            | Desired::CacheSubnets(_) => {
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
        self.creations.forget(id);
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
                    "it is not part of the environment",
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
            Kind::Instance => Box::pin(self.delete_instance(environment, existing)),
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

    async fn reasons(&self, existing: &Observed) -> Result<Vec<String>, CloudError> {
        match existing.kind {
            Kind::Instance => Box::pin(self.failed_status_checks(&existing.id)).await,
            _ => Box::pin(self.database_failures(existing)).await,
        }
    }

    fn class_of_failed(&self, seen: &Observed) -> FailureClass {
        class_of_failed(seen)
    }

    async fn adopted(&self, wanted: &[(&Address, &Desired)]) -> Result<Vec<Observed>, CloudError> {
        self.find_adopted(wanted).await
    }

    async fn seed(&self, environment: &str) -> Result<Option<SecretString>, CloudError> {
        self.read_seed(environment).await
    }

    async fn environments(&self) -> Result<BTreeSet<String>, CloudError> {
        self.find_environments().await
    }

    async fn find_leftovers(&self, environment: &str) -> Result<Vec<LeftoverCheck>, CloudError> {
        let looked = self.check_every_service(environment).await;
        looked.map_err(|error| self.with_remedy(error))
    }
}
