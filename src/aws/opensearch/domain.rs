//! The OpenSearch domain.

use aws_sdk_opensearch::types::{
    ClusterConfig, DomainEndpointOptions, DomainStatus, EbsOptions, EncryptionAtRestOptions,
    NodeToNodeEncryptionOptions, OpenSearchPartitionInstanceType, Tag, TlsSecurityPolicy,
    VolumeType, VpcOptions, ZoneAwarenessConfig,
};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, built, refused};
use crate::aws::iam::tags::PATH;
use crate::aws::opensearch::status::{failed_change, observe};
use crate::aws::ownership::Ownership;
use crate::aws::request::{dependency, dependency_ids, differs, require_listed};
use crate::aws::tags;
use crate::blueprint::Address;
use crate::blueprint::kinds::SearchDomain;
use crate::engine::{CloudError, FailureClass, Observed, Request, State};
use crate::identity::names::Names;

const CREATE: &str = "es:CreateDomain";
/// The attributes whose change copies the domain to other nodes or grows its volumes.
const NODES: [&str; 6] = [
    "nodes",
    "instance_type",
    "storage_gib",
    "iops",
    "throughput_mibps",
    "masters",
];

impl Aws {
    pub(in crate::aws) async fn create_search(
        &self,
        request: &Request<'_>,
        wanted: &SearchDomain,
    ) -> Result<Observed, CloudError> {
        let name = Names::of(request.environment).search();
        let created = self
            .create_domain(request, wanted, &name)
            .await
            .ok_if_code(&["ResourceAlreadyExistsException"])
            .retry_if_not_found();
        let created = match created {
            // It was created before the walk, and is not known everywhere yet.
            Err(error) if lacks_service_role(&error) => {
                return Err(CloudError {
                    class: FailureClass::Converging,
                    ..error
                });
            }
            other => other?,
        };
        let ownership = self.domain_ownership(request.environment).await?;
        self.resolve_creation(request, CREATE, &name, created.is_some(), ownership)
    }

    async fn create_domain(
        &self,
        request: &Request<'_>,
        wanted: &SearchDomain,
        name: &str,
    ) -> Result<(), CloudError> {
        let SearchDomain {
            version,
            subnets,
            group,
            ..
        } = wanted;
        let mut tags = Vec::new();
        for (key, value) in tags::of(request) {
            let tag = Tag::builder().key(key).value(value).build();
            tags.push(built(tag, CREATE, request.address)?);
        }
        let vpc = VpcOptions::builder()
            .set_subnet_ids(Some(dependency_ids(request, CREATE, subnets)?))
            .security_group_ids(&dependency(request, CREATE, group)?.id)
            .build();
        let endpoint = DomainEndpointOptions::builder()
            .enforce_https(true)
            .tls_security_policy(TlsSecurityPolicy::PolicyMinTls12201907)
            .build();
        self.opensearch
            .create_domain()
            .domain_name(name)
            .engine_version(version)
            .cluster_config(cluster(wanted, subnets.len()))
            .ebs_options(volumes(wanted))
            .vpc_options(vpc)
            .encryption_at_rest_options(EncryptionAtRestOptions::builder().enabled(true).build())
            .node_to_node_encryption_options(
                NodeToNodeEncryptionOptions::builder().enabled(true).build(),
            )
            .domain_endpoint_options(endpoint)
            .access_policies(
                self.access_policy(name, request.environment)
                    .await?
                    .to_string(),
            )
            .set_tag_list(Some(tags))
            .send()
            .await
            .context(CREATE, request.address)?;
        Ok(())
    }

    /// The search proxies' role alone may use the domain: they sign with it what Mattermost sends
    /// unsigned. By condition and not as principal: a principal has to exist when the policy is set,
    /// and a role that is created anew under the same name would be another one.
    async fn access_policy(&self, name: &str, environment: &str) -> Result<Value, CloudError> {
        let account = self.known_account().await?;
        let partition = account.arn.split(':').nth(1).unwrap_or("aws");
        let resource = format!(
            "arn:{partition}:es:{}:{}:domain/{name}/*",
            account.region, account.id
        );
        let role = format!(
            "arn:{partition}:iam::{}:role{PATH}{}",
            account.id,
            Names::of(environment).search_role(&self.region)
        );
        Ok(json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": "es:ESHttp*",
                "Resource": resource,
                "Condition": {"ArnEquals": {"aws:PrincipalArn": role}},
            }],
        }))
    }

    pub(in crate::aws) async fn update_search(
        &self,
        request: &Request<'_>,
        existing: &Observed,
        wanted: &SearchDomain,
    ) -> Result<Observed, CloudError> {
        let operation = "es:UpdateDomainConfig";
        let SearchDomain { version, .. } = wanted;
        if existing
            .text("version")
            .is_some_and(|found| found != version)
        {
            return Err(refused(
                operation,
                request.address,
                "VersionChange",
                format!("the engine's version is not changed to `{version}` in place"),
            ));
        }
        // Whatever a new one would get: its subnets stay those that it was created with.
        let zones = existing.number("zones").ok().flatten();
        let zones = zones.and_then(|zones| usize::try_from(zones).ok());
        let zones = zones.unwrap_or(wanted.subnets.len());
        // A policy by itself is there in seconds, and copies no node.
        let is_of_nodes = NODES.iter().any(|name| differs(request, existing, name));
        let policy = self
            .access_policy(&existing.id, request.environment)
            .await?;
        let answer = self
            .opensearch
            .update_domain_config()
            .domain_name(&existing.id)
            .set_cluster_config(is_of_nodes.then(|| cluster(wanted, zones)))
            .set_ebs_options(is_of_nodes.then(|| volumes(wanted)))
            .set_access_policies(differs(request, existing, "access").then(|| policy.to_string()))
            .send()
            .await
            .context(operation, &existing.id)
            .map_err(needs_newer_software)?;
        let change = answer.domain_config();
        let change = change.and_then(|config| config.change_progress_details());
        let name = change.and_then(|change| change.change_id());
        let wanted = request.desired.attributes();
        self.changes
            .note_named(&existing.id, name, wanted.clone(), wanted);
        let found = self.domain(request.environment).await?;
        require_listed(found.into_iter().collect(), operation, &existing.id)
    }

    pub(in crate::aws) async fn domain(
        &self,
        environment: &str,
    ) -> Result<Option<Observed>, CloudError> {
        Ok(self.domain_ownership(environment).await?.ours())
    }

    /// Whose the domain of the environment's name is.
    pub(in crate::aws) async fn domain_ownership(
        &self,
        environment: &str,
    ) -> Result<Ownership, CloudError> {
        let name = Names::of(environment).search();
        let Some(domain) = self.raw_domain(&name).await? else {
            return Ok(Ownership::NotListed);
        };
        let answer = self.opensearch.list_tags().arn(&domain.arn).send().await;
        let tags = answer.context("es:ListTags", &name).ok_if_not_found()?;
        let owner = tags.map_or(Ownership::NotListed, |answer| {
            let tags = answer.tag_list().iter();
            let pairs = tags.map(|tag| (Some(tag.key()), Some(tag.value())));
            tags::ownership(pairs, environment)
        });
        let policy = self.access_policy(&name, environment).await?;
        Ok(owner.and_then(|address| Some(self.observe_domain(&domain, address, &policy))))
    }

    /// The domain as far as the answer can be believed.
    fn observe_domain(&self, domain: &DomainStatus, address: Address, policy: &Value) -> Observed {
        let mut seen = observe(domain, address);
        let found = domain.access_policies().unwrap_or_default();
        let access = match is_policy(found, policy) {
            true => Address::search_role().to_string(),
            false => "changed".to_owned(),
        };
        seen.attributes.insert("access", access);
        // A change of ours that AWS gave up: the domain goes on as it was.
        if let Some(failed) = failed_change(domain)
            && seen.state == State::Ready
            && failed.name.is_some()
            && self.changes.name_of(&seen.id).as_deref() == failed.name
        {
            self.changes.forget(&seen.id);
            seen.state = State::Failed;
            failed.status.clone_into(&mut seen.status);
            seen.attributes.insert("reason", failed.reason);
        }
        self.changes.apply_to(seen)
    }

    /// Whatever has the domain's name.
    pub(in crate::aws) async fn raw_domain(
        &self,
        name: &str,
    ) -> Result<Option<DomainStatus>, CloudError> {
        let answer = self
            .opensearch
            .describe_domain()
            .domain_name(name)
            .send()
            .await;
        let found = answer
            .context("es:DescribeDomain", name)
            .ok_if_not_found()?;
        Ok(found.and_then(|answer| answer.domain_status))
    }

    pub(in crate::aws) async fn delete_search(&self, name: &str) -> Result<(), CloudError> {
        self.changes.forget(name);
        let answer = self
            .opensearch
            .delete_domain()
            .domain_name(name)
            .send()
            .await;
        answer.context("es:DeleteDomain", name).ok_if_not_found()?;
        Ok(())
    }
}

/// Without the service-linked role a VPC domain is refused with the code of any invalid
/// request, so here the message decides.
fn lacks_service_role(error: &CloudError) -> bool {
    error.code == "ValidationException"
        && error.message.to_lowercase().contains("service-linked role")
}

/// A change that the domain's service software is too old for, with what helps.
fn needs_newer_software(mut error: CloudError) -> CloudError {
    let message = error.message.to_lowercase();
    if error.code == "ValidationException" && message.contains("service software") {
        error.message = format!(
            "{}; update it first: `aws opensearch start-service-software-update --domain-name {}` \
             (AWS copies the domain to new nodes, which takes as long as creating one)",
            error.message, error.target
        );
    }
    error
}

/// The nodes of a domain in so many zones.
fn cluster(wanted: &SearchDomain, zones: usize) -> ClusterConfig {
    let SearchDomain {
        nodes,
        instance_type,
        masters,
        ..
    } = wanted;
    let config =
        ClusterConfig::builder()
            .instance_type(OpenSearchPartitionInstanceType::from(
                instance_type.as_str(),
            ))
            .instance_count(i32::try_from(*nodes).unwrap_or(i32::MAX))
            .dedicated_master_enabled(masters.is_some())
            .set_dedicated_master_type(masters.as_ref().map(|masters| {
                OpenSearchPartitionInstanceType::from(masters.instance_type.as_str())
            }))
            .set_dedicated_master_count(
                masters
                    .as_ref()
                    .map(|masters| i32::try_from(masters.count).unwrap_or(i32::MAX)),
            )
            .zone_awareness_enabled(zones > 1);
    if zones == 1 {
        return config.build();
    }
    let count = i32::try_from(zones).unwrap_or(i32::MAX);
    let aware = ZoneAwarenessConfig::builder().availability_zone_count(count);
    config.zone_awareness_config(aware.build()).build()
}

/// Whether a document means what ours says: a list of one is its one element, and everybody is `*` in
/// two ways.
fn is_policy(found: &str, ours: &Value) -> bool {
    let found: Option<Value> = serde_json::from_str(found).ok();
    found.is_some_and(|found| simplified(&found) == simplified(ours))
}

fn simplified(value: &Value) -> Value {
    match value {
        Value::Array(list) => match list.as_slice() {
            [one] => simplified(one),
            several => several.iter().map(simplified).collect(),
        },
        Value::Object(map) => match map.get("AWS") {
            Some(principal) if map.len() == 1 && simplified(principal) == "*" => "*".into(),
            _ => map
                .iter()
                .map(|(key, value)| (key.clone(), simplified(value)))
                .collect(),
        },
        other => other.clone(),
    }
}

fn volumes(wanted: &SearchDomain) -> EbsOptions {
    let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let volume = wanted.volume;
    EbsOptions::builder()
        .ebs_enabled(true)
        .volume_type(VolumeType::Gp3)
        .volume_size(count(wanted.storage_gib))
        .set_iops(volume.map(|volume| count(volume.iops)))
        .set_throughput(volume.map(|volume| count(volume.throughput_mibps)))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_that_is_too_old_for_a_change_is_told_how_to_update_it() {
        let told = |message: &str| {
            let operation = "es:UpdateDomainConfig";
            let error = refused(operation, "lr-demo-search", "ValidationException", message);
            needs_newer_software(error).message
        };
        let old = told("It is not supported by your domain's current service software version");
        let command = "start-service-software-update --domain-name lr-demo-search";
        assert!(old.contains(command), "{old}");
        let other = "You must choose an even number of data nodes";
        assert_eq!(told(other), other);
    }

    #[test]
    fn a_policy_is_known_in_every_spelling() {
        let ours = json!({"Statement": [{
            "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "es:ESHttp*",
        }]});
        let spelt =
            r#"{"Statement": {"Action": ["es:ESHttp*"], "Effect": "Allow", "Principal": "*"}}"#;
        assert!(is_policy(spelt, &ours));
        for other in ["", r#"{"Statement": []}"#, &spelt.replace("Http", "")] {
            assert!(!is_policy(other, &ours), "{other}");
        }
    }

    #[test]
    fn a_missing_service_role_is_recognised_by_its_message() {
        let error = |message: &str| refused(CREATE, "search", "ValidationException", message);
        assert!(lacks_service_role(&error(
            "Before you can proceed, you must enable a service-linked role to give Amazon \
             OpenSearch Service permissions to access your VPC."
        )));
        assert!(!lacks_service_role(&error(
            "You must choose an even number of data nodes"
        )));
    }
}
