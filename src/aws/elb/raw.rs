//! What stands in front of the application nodes, read in as few calls as it takes.

use aws_sdk_elasticloadbalancingv2::types::{Listener, LoadBalancer, LoadBalancerSchemeEnum};

use crate::aws::Aws;
use crate::aws::elb::targets::RawTargets;
use crate::aws::error::{CallContext, ErrorPolicy};
use crate::aws::ownership::Ownership;
use crate::aws::tags::{self, observed};
use crate::blueprint::{Address, AttributeValue, Kind, ValueForm};
use crate::engine::{CloudError, Observed, State};
use crate::identity::names::Names;
use crate::spec::Scheme;

pub(super) const IDLE: &str = "idle_timeout.timeout_seconds";
/// What a load balancer has whose attributes nobody has set.
const DEFAULT_IDLE: &str = "60";

/// What stands in front of the application nodes, as the API answers.
#[derive(Default)]
pub(in crate::aws) struct RawLoadBalancing {
    pub(super) balancer: Option<LoadBalancer>,
    /// Seconds.
    pub(super) idle: Option<String>,
    listeners: Vec<Listener>,
    targets: RawTargets,
    /// Whose each is, by ARN.
    owners: Vec<(String, Ownership<Address>)>,
}

impl Aws {
    /// Whatever has the load balancer's name.
    pub(in crate::aws) async fn raw_load_balancer(
        &self,
        environment: &str,
    ) -> Result<Option<LoadBalancer>, CloudError> {
        let operation = "elasticloadbalancing:DescribeLoadBalancers";
        let name = Names::of(environment).load_balancer();
        let answer = self.elb.describe_load_balancers().names(&name).send().await;
        let found = answer.context(operation, &name).ok_if_not_found()?;
        Ok(found.and_then(|answer| answer.load_balancers.unwrap_or_default().pop()))
    }

    /// All there is of the load balancer: two calls where there is none.
    pub(in crate::aws) async fn raw_load_balancing(
        &self,
        environment: &str,
    ) -> Result<RawLoadBalancing, CloudError> {
        let (balancer, group) = futures::try_join!(
            self.raw_load_balancer(environment),
            self.raw_target_group(environment),
        )?;
        let arn = balancer.as_ref().and_then(|one| one.load_balancer_arn());
        let group_arn = group.as_ref().and_then(|one| one.target_group_arn());
        let (listeners, idle, details) = futures::try_join!(
            self.raw_listeners(arn),
            self.idle_timeout(arn),
            self.target_details(group_arn),
        )?;
        let arns: Vec<&str> = arn
            .into_iter()
            .chain(group_arn)
            .chain(listeners.iter().filter_map(|one| one.listener_arn()))
            .collect();
        let owners = self.owners_by_arn(environment, &arns).await?;
        Ok(RawLoadBalancing {
            idle,
            listeners,
            targets: RawTargets::new(group, details),
            owners,
            balancer,
        })
    }

    async fn raw_listeners(&self, balancer: Option<&str>) -> Result<Vec<Listener>, CloudError> {
        let Some(arn) = balancer else {
            return Ok(vec![]);
        };
        let found = self
            .elb
            .describe_listeners()
            .load_balancer_arn(arn)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("elasticloadbalancing:DescribeListeners", arn)
            .ok_if_not_found()?;
        Ok(found.unwrap_or_default())
    }

    async fn idle_timeout(&self, balancer: Option<&str>) -> Result<Option<String>, CloudError> {
        let Some(arn) = balancer else {
            return Ok(None);
        };
        let answer = self
            .elb
            .describe_load_balancer_attributes()
            .load_balancer_arn(arn)
            .send()
            .await
            .context("elasticloadbalancing:DescribeLoadBalancerAttributes", arn)
            .ok_if_not_found()?;
        Ok(answer.map(|answer| {
            let mut attributes = answer.attributes.unwrap_or_default().into_iter();
            let told = attributes.find(|one| one.key() == Some(IDLE));
            told.and_then(|one| one.value)
                .unwrap_or_else(|| DEFAULT_IDLE.to_owned())
        }))
    }

    /// Whose the resources are.
    async fn owners_by_arn(
        &self,
        environment: &str,
        arns: &[&str],
    ) -> Result<Vec<(String, Ownership<Address>)>, CloudError> {
        let mut found = Vec::new();
        // Twenty resources a call is what AWS takes.
        for some in arns.chunks(20) {
            match self.described(environment, some).await.ok_if_not_found()? {
                Some(described) => found.extend(described),
                // One that goes at this moment hides the others.
                None => {
                    for one in some {
                        let described = self.described(environment, &[one]).await;
                        found.extend(described.ok_if_not_found()?.unwrap_or_default());
                    }
                }
            }
        }
        Ok(found)
    }

    /// Whose one resource is; `None` where there is none, or its tags cannot be read any more.
    pub(in crate::aws) async fn owner_of_arn(
        &self,
        environment: &str,
        arn: Option<String>,
    ) -> Result<Option<Ownership<Address>>, CloudError> {
        let Some(arn) = arn else {
            return Ok(None);
        };
        let owners = self.owners_by_arn(environment, &[&arn]).await?;
        Ok(owners.into_iter().next().map(|(_, owner)| owner))
    }

    async fn described(
        &self,
        environment: &str,
        arns: &[&str],
    ) -> Result<Vec<(String, Ownership<Address>)>, CloudError> {
        let arns = arns.iter().map(|arn| (*arn).to_owned()).collect();
        let call = self.elb.describe_tags().set_resource_arns(Some(arns));
        let answer = call
            .send()
            .await
            .context("elasticloadbalancing:DescribeTags", environment)?;
        let described = answer.tag_descriptions.unwrap_or_default();
        let list = described.iter().filter_map(|one| {
            let pairs = one.tags().iter().map(|tag| (tag.key(), tag.value()));
            let owner = tags::ownership(pairs, environment);
            Some((one.resource_arn()?.to_owned(), owner))
        });
        Ok(list.collect())
    }

    /// The parts of one kind, without what only a plan compares.
    pub(in crate::aws) async fn load_balancing_of_kind(
        &self,
        environment: &str,
        kind: Kind,
    ) -> Result<Vec<Observed>, CloudError> {
        let mut found = self.raw_load_balancing(environment).await?.observe(&[]);
        // A group without targets is no targets.
        found.retain(|one| {
            one.kind == kind
                && (kind != Kind::Targets
                    || one.set("targets").is_none_or(|targets| !targets.is_empty()))
        });
        Ok(found
            .into_iter()
            .map(|one| self.changes.apply_to(one))
            .collect())
    }
}

impl RawLoadBalancing {
    /// Whose the one of this kind is: the load balancer or its target group.
    pub(in crate::aws) fn ownership(&self, kind: Kind) -> Ownership {
        let arn = match kind {
            Kind::TargetGroup => self.targets.arn(),
            _ => self
                .balancer
                .as_ref()
                .and_then(|one| one.load_balancer_arn()),
        };
        let owner = arn.and_then(|arn| self.owner(arn)).cloned();
        owner
            .unwrap_or(Ownership::NotListed)
            .and_then(|_| self.observe(&[]).into_iter().find(|one| one.kind == kind))
    }

    /// As resources; `known` are the environment's subnets, groups and instances, by which
    /// ids are replaced by addresses.
    pub(in crate::aws) fn observe(&self, known: &[Observed]) -> Vec<Observed> {
        let mut list = Vec::new();
        if let Some(balancer) = &self.balancer
            && let Some(arn) = balancer.load_balancer_arn()
            && let Some(address) = self.address(arn)
        {
            list.push(observe_balancer(
                balancer,
                address,
                arn,
                self.idle.clone(),
                known,
            ));
        }
        for listener in &self.listeners {
            if let Some(arn) = listener.listener_arn()
                && let Some(address) = self.address(arn)
            {
                list.push(self.observe_listener(listener, address, arn));
            }
        }
        if let Some(arn) = self.targets.arn()
            && let Some(address) = self.address(arn)
        {
            list.extend(self.targets.observe(address, arn, known));
        }
        list
    }

    fn owner(&self, arn: &str) -> Option<&Ownership<Address>> {
        let found = self.owners.iter().find(|(of, _)| of == arn);
        found.map(|(_, owner)| owner)
    }

    fn address(&self, arn: &str) -> Option<Address> {
        self.owner(arn).cloned()?.ours()
    }

    fn observe_listener(&self, listener: &Listener, address: Address, arn: &str) -> Observed {
        let certificate = listener
            .certificates()
            .first()
            .and_then(|one| one.certificate_arn());
        let target = listener
            .default_actions()
            .first()
            .and_then(|action| action.target_group_arn());
        let target = target.map(|arn| match self.address(arn) {
            Some(address) => address.to_string(),
            None => arn.to_owned(),
        });
        observed(
            address,
            Kind::Listener,
            arn,
            (State::Ready, "available"),
            [
                ("port", listener.port().map(Into::into)),
                ("certificate", Some(certificate.unwrap_or("none").into())),
                (
                    "target_group",
                    Some(target.unwrap_or("none".to_owned()).into()),
                ),
            ],
        )
    }
}

fn observe_balancer(
    balancer: &LoadBalancer,
    address: Address,
    arn: &str,
    idle: Option<String>,
    known: &[Observed],
) -> Observed {
    let status = status_of(balancer);
    let state = match status {
        "active" | "active_impaired" => State::Ready,
        "failed" => State::Failed,
        _ => State::Pending,
    };
    let scheme = match balancer.scheme() {
        Some(LoadBalancerSchemeEnum::Internal) => Scheme::Internal,
        _ => Scheme::Public,
    };
    let groups = balancer.security_groups().iter().map(String::as_str);
    observed(
        address,
        Kind::LoadBalancer,
        arn,
        (state, status),
        [
            ("scheme", Some(scheme.as_str().into())),
            ("subnets", in_addresses(subnet_ids(balancer), known)),
            ("group", in_addresses(groups, known)),
            (
                "idle_timeout",
                idle.map(|seconds| AttributeValue::read(ValueForm::Number, &seconds)),
            ),
            ("endpoint", balancer.dns_name().map(Into::into)),
            (
                "created",
                balancer.created_time().map(|time| time.to_string().into()),
            ),
        ],
    )
}

pub(super) fn status_of(balancer: &LoadBalancer) -> &str {
    let code = balancer.state().and_then(|state| state.code());
    code.map_or("provisioning", |code| code.as_str())
}

pub(super) fn subnet_ids(balancer: &LoadBalancer) -> impl Iterator<Item = &str> {
    balancer
        .availability_zones()
        .iter()
        .filter_map(|zone| zone.subnet_id())
}

/// The addresses of what these ids are, in order; nothing when one of them belongs
/// to somebody else, as subnets of an existing VPC do.
fn in_addresses<'a>(
    ids: impl Iterator<Item = &'a str>,
    known: &[Observed],
) -> Option<AttributeValue> {
    let addresses: Option<Vec<&str>> = ids
        .map(|id| {
            let found = known.iter().find(|one| one.id == id);
            found.map(|one| one.address.as_str())
        })
        .collect();
    addresses.map(AttributeValue::names)
}
