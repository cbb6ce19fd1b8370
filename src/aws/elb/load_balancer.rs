//! The application load balancer and its listener.
//!
//! Elastic Load Balancing has no client tokens: names are unique in a region, and a create
//! call with the same settings answers with what is there already. What has our name and
//! not our tag is left alone. A listener has no name; it is found by its tag.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate, IpAddressType, Listener, LoadBalancer,
    LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerTypeEnum, ProtocolEnum,
};

use crate::aws::Aws;
use crate::aws::elb::tags::elb_tags;
use crate::aws::elb::targets::RawTargets;
use crate::aws::error::{CallContext, ErrorPolicy, refused};
use crate::aws::ownership::Ownership;
use crate::aws::request::{dependency, dependency_ids, require_listed};
use crate::aws::tags::{self, observed};
use crate::blueprint::kinds::{ApplicationLoadBalancer, BalancerListener};
use crate::blueprint::{Address, AttributeValue, Attributes, Kind, ValueForm};
use crate::engine::{CloudError, FailureClass, Observed, Request, State};
use crate::identity::names::Names;
use crate::spec::Scheme;

/// TLS 1.2 and 1.3 with forward secrecy, AWS's recommendation: "Security policies for your
/// Application Load Balancer".
const TLS: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";
const IDLE: &str = "idle_timeout.timeout_seconds";
/// What a load balancer has whose attributes nobody has set.
const DEFAULT_IDLE: &str = "60";

/// What stands in front of the application nodes, as the API answers.
#[derive(Default)]
pub(in crate::aws) struct RawLoadBalancing {
    balancer: Option<LoadBalancer>,
    /// Seconds.
    idle: Option<String>,
    listeners: Vec<Listener>,
    targets: RawTargets,
    /// Whose each is, by ARN.
    owners: Vec<(String, Ownership<Address>)>,
}

impl Aws {
    pub(in crate::aws) async fn create_load_balancer(
        &self,
        request: &Request<'_>,
        wanted: &ApplicationLoadBalancer,
    ) -> Result<Observed, CloudError> {
        let operation = "elasticloadbalancing:CreateLoadBalancer";
        let ApplicationLoadBalancer {
            scheme,
            subnets,
            group,
            idle_timeout,
        } = wanted;
        let name = Names::of(request.environment).load_balancer();
        let scheme = match scheme {
            Scheme::Public => LoadBalancerSchemeEnum::InternetFacing,
            Scheme::Internal => LoadBalancerSchemeEnum::Internal,
        };
        let created = self
            .elb
            .create_load_balancer()
            .name(&name)
            .r#type(LoadBalancerTypeEnum::Application)
            .ip_address_type(IpAddressType::Ipv4)
            .scheme(scheme)
            .set_subnets(Some(dependency_ids(request, operation, subnets)?))
            .security_groups(&dependency(request, operation, group)?.id)
            .set_tags(Some(elb_tags(request)))
            .send()
            .await
            .context(operation, request.address)
            .map_err(not_enabled)
            .ok_if_code(&["DuplicateLoadBalancerName"])
            .retry_if_not_found()?;
        let raw = self.raw_load_balancing(request.environment).await?;
        let ownership = raw.ownership(Kind::LoadBalancer);
        let found =
            self.resolve_creation(request, operation, &name, created.is_some(), ownership)?;
        // The rest follows once it is active.
        let settings = [("idle_timeout", (*idle_timeout).into())];
        self.changes.note(
            &found.id,
            Attributes::default(),
            settings.into_iter().collect(),
        );
        Ok(self.changes.judge(found))
    }

    /// Everything but the scheme, which never changes. Only what is active is sure to take it:
    /// Terraform's AWS provider waits for that, too.
    pub(in crate::aws) async fn complete_load_balancer(
        &self,
        request: &Request<'_>,
        arn: &str,
        wanted: &ApplicationLoadBalancer,
    ) -> Result<Observed, CloudError> {
        let operation = "elasticloadbalancing:ModifyLoadBalancerAttributes";
        let ApplicationLoadBalancer {
            subnets,
            group,
            idle_timeout,
            ..
        } = wanted;
        let raw = self.raw_load_balancing(request.environment).await?;
        let status = raw.balancer.as_ref().map_or("missing", status_of);
        if matches!(status, "missing" | "provisioning") {
            return Err(not_active(operation, arn, status));
        }
        if raw.idle.as_deref() != Some(idle_timeout.to_string().as_str()) {
            let idle = LoadBalancerAttribute::builder()
                .key(IDLE)
                .value(idle_timeout.to_string())
                .build();
            self.elb
                .modify_load_balancer_attributes()
                .load_balancer_arn(arn)
                .attributes(idle)
                .send()
                .await
                .context(operation, arn)
                .retry_if_not_found()?;
        }
        if let Some(balancer) = &raw.balancer {
            let mut wanted = dependency_ids(request, operation, subnets)?;
            let mut seen: Vec<String> = subnet_ids(balancer).map(str::to_owned).collect();
            wanted.sort();
            seen.sort();
            if wanted != seen {
                self.elb
                    .set_subnets()
                    .load_balancer_arn(arn)
                    .set_subnets(Some(wanted))
                    .send()
                    .await
                    .context("elasticloadbalancing:SetSubnets", arn)
                    .retry_if_not_found()?;
            }
            let group = &dependency(request, operation, group)?.id;
            if balancer.security_groups() != [group.as_str()] {
                self.elb
                    .set_security_groups()
                    .load_balancer_arn(arn)
                    .security_groups(group)
                    .send()
                    .await
                    .context("elasticloadbalancing:SetSecurityGroups", arn)
                    .retry_if_not_found()?;
            }
        }
        let found = self
            .load_balancing_of_kind(request.environment, Kind::LoadBalancer)
            .await?;
        require_listed(found, "elasticloadbalancing:DescribeLoadBalancers", arn)
    }

    /// Makes the listener, or brings the one that is there to what is desired.
    pub(in crate::aws) async fn set_listener(
        &self,
        request: &Request<'_>,
        wanted: &BalancerListener,
    ) -> Result<Observed, CloudError> {
        let operation = "elasticloadbalancing:CreateListener";
        let BalancerListener {
            load_balancer,
            target_group,
            port,
            certificate,
        } = wanted;
        let balancer = &dependency(request, operation, load_balancer)?.id;
        let forward = Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .target_group_arn(&dependency(request, operation, target_group)?.id)
            .build();
        let (protocol, policy) = match certificate {
            Some(_) => (ProtocolEnum::Https, Some(TLS.to_owned())),
            None => (ProtocolEnum::Http, None),
        };
        let port = i32::from(*port);
        let certificates = certificate.as_ref().map(|arn| {
            let certificate = Certificate::builder().certificate_arn(arn).build();
            vec![certificate]
        });
        let existing = self
            .load_balancing_of_kind(request.environment, Kind::Listener)
            .await?;
        if let Some(listener) = existing.first() {
            self.elb
                .modify_listener()
                .listener_arn(&listener.id)
                .protocol(protocol)
                .port(port)
                .set_ssl_policy(policy)
                .set_certificates(certificates)
                .default_actions(forward)
                .send()
                .await
                .context("elasticloadbalancing:ModifyListener", &listener.id)
                .retry_if_not_found()?;
        } else {
            self.elb
                .create_listener()
                .load_balancer_arn(balancer)
                .protocol(protocol)
                .port(port)
                .set_ssl_policy(policy)
                .set_certificates(certificates)
                .default_actions(forward)
                .set_tags(Some(elb_tags(request)))
                .send()
                .await
                .context(operation, request.address)
                .retry_if_not_found()?;
        }
        let found = self
            .load_balancing_of_kind(request.environment, Kind::Listener)
            .await?;
        require_listed(found, operation, request.address.as_str())
    }

    pub(in crate::aws) async fn delete_listener(&self, arn: &str) -> Result<(), CloudError> {
        let answer = self.elb.delete_listener().listener_arn(arn).send().await;
        answer
            .context("elasticloadbalancing:DeleteListener", arn)
            .ok_if_not_found()?;
        Ok(())
    }

    pub(in crate::aws) async fn delete_load_balancer(&self, arn: &str) -> Result<(), CloudError> {
        self.changes.forget(arn);
        let answer = self
            .elb
            .delete_load_balancer()
            .load_balancer_arn(arn)
            .send()
            .await;
        answer
            .context("elasticloadbalancing:DeleteLoadBalancer", arn)
            .ok_if_not_found()?;
        Ok(())
    }

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
            .map(|one| self.changes.judge(one))
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

fn status_of(balancer: &LoadBalancer) -> &str {
    let code = balancer.state().and_then(|state| state.code());
    code.map_or("provisioning", |code| code.as_str())
}

fn not_active(operation: &str, arn: &str, status: &str) -> CloudError {
    CloudError {
        class: FailureClass::Converging,
        ..refused(
            operation,
            arn,
            "NotActive",
            format!("it is `{status}`, and AWS changes only what is active"),
        )
    }
}

/// New accounts may have to ask for load balancers.
fn not_enabled(mut error: CloudError) -> CloudError {
    if error.code == "OperationNotPermitted" {
        error.message = format!(
            "{}; open a case with AWS Support, or set `load_balancer: none` until they answer",
            error.message
        );
    }
    error
}

fn subnet_ids(balancer: &LoadBalancer) -> impl Iterator<Item = &str> {
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
