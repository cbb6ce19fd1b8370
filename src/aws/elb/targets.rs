//! The load balancer's target group, and the application nodes in it as a resource of its
//! own: the group can exist long before the nodes do.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types::{
    Matcher, ProtocolEnum, TargetDescription, TargetGroup, TargetGroupAttribute,
    TargetHealthDescription, TargetTypeEnum,
};

use crate::aws::Aws;
use crate::aws::elb::tags::elb_tags;
use crate::aws::error::{CallContext, ErrorPolicy, refused};
use crate::aws::request::{dependency, dependency_ids, require_listed};
use crate::aws::tags::observed;
use crate::blueprint::kinds::{self, RegisteredTargets};
use crate::blueprint::{Address, AttributeValue, Kind, ValueForm};
use crate::engine::{CloudError, FailureClass, Observed, Request, State};
use crate::identity::names::Names;

const STICKY: &str = "stickiness.enabled";
const DRAIN: &str = "deregistration_delay.timeout_seconds";

/// A target group with what is in it, as the API answers.
#[derive(Default)]
pub(in crate::aws) struct RawTargets {
    group: Option<TargetGroup>,
    details: Details,
}

/// What takes calls of its own to learn of a group.
#[derive(Default)]
pub(in crate::aws) struct Details {
    attributes: Vec<TargetGroupAttribute>,
    health: Vec<TargetHealthDescription>,
}

impl Aws {
    pub(in crate::aws) async fn create_target_group(
        &self,
        request: &Request<'_>,
        wanted: &kinds::TargetGroup,
    ) -> Result<Observed, CloudError> {
        let operation = "elasticloadbalancing:CreateTargetGroup";
        let kinds::TargetGroup {
            port, health_path, ..
        } = wanted;
        let name = Names::of(request.environment).target_group();
        let created = self
            .elb
            .create_target_group()
            .name(&name)
            .protocol(ProtocolEnum::Http)
            .port(i32::from(*port))
            .vpc_id(&dependency(request, operation, &Address::vpc())?.id)
            .target_type(TargetTypeEnum::Instance)
            .health_check_protocol(ProtocolEnum::Http)
            .health_check_path(health_path)
            .health_check_interval_seconds(10)
            .health_check_timeout_seconds(5)
            .healthy_threshold_count(2)
            .unhealthy_threshold_count(3)
            .matcher(Matcher::builder().http_code("200").build())
            .set_tags(Some(elb_tags(request)))
            .send()
            .await
            .context(operation, request.address)
            .ok_if_code(&["DuplicateTargetGroupName"])
            .retry_if_not_found()?;
        let raw = self.raw_load_balancing(request.environment).await?;
        let ownership = raw.ownership(Kind::TargetGroup);
        let found =
            self.resolve_creation(request, operation, &name, created.is_some(), ownership)?;
        self.complete_target_group(request, &found.id, wanted).await
    }

    pub(in crate::aws) async fn complete_target_group(
        &self,
        request: &Request<'_>,
        arn: &str,
        wanted: &kinds::TargetGroup,
    ) -> Result<Observed, CloudError> {
        let operation = "elasticloadbalancing:ModifyTargetGroup";
        let kinds::TargetGroup {
            health_path,
            drain_seconds,
            ..
        } = wanted;
        self.elb
            .modify_target_group()
            .target_group_arn(arn)
            .health_check_path(health_path)
            .send()
            .await
            .context(operation, arn)
            .retry_if_not_found()?;
        let operation = "elasticloadbalancing:ModifyTargetGroupAttributes";
        let attribute = |key: &str, value: &str| {
            TargetGroupAttribute::builder()
                .key(key)
                .value(value)
                .build()
        };
        self.elb
            .modify_target_group_attributes()
            .target_group_arn(arn)
            .attributes(attribute(STICKY, "false"))
            .attributes(attribute(DRAIN, &drain_seconds.to_string()))
            .send()
            .await
            .context(operation, arn)
            .retry_if_not_found()?;
        let found = self
            .load_balancing_of_kind(request.environment, Kind::TargetGroup)
            .await?;
        require_listed(found, "elasticloadbalancing:DescribeTargetGroups", arn)
    }

    /// Brings what is in the group to what is desired, the missing first.
    pub(in crate::aws) async fn set_targets(
        &self,
        request: &Request<'_>,
        wanted: &RegisteredTargets,
    ) -> Result<Observed, CloudError> {
        let operation = "elasticloadbalancing:RegisterTargets";
        let RegisteredTargets {
            target_group,
            instances,
            port,
        } = wanted;
        let arn = &dependency(request, operation, target_group)?.id;
        let instances = dependency_ids(request, operation, instances)?;
        let wanted: BTreeSet<(&str, i32)> = instances
            .iter()
            .map(|id| (id.as_str(), i32::from(*port)))
            .collect();
        let details = self.target_details(Some(arn)).await?;
        let there: BTreeSet<(&str, i32)> = details.places().collect();
        let targets =
            |places: BTreeSet<(&str, i32)>| -> Vec<_> { places.into_iter().map(target).collect() };
        let missing: BTreeSet<_> = wanted.difference(&there).copied().collect();
        if !missing.is_empty() {
            self.elb
                .register_targets()
                .target_group_arn(arn)
                .set_targets(Some(targets(missing)))
                .send()
                .await
                .context(operation, arn)
                .retry_if_not_found()?;
        }
        let surplus: BTreeSet<_> = there.difference(&wanted).copied().collect();
        // A node that moves to another port serves at the old one until it does at the new one.
        let moving = surplus.iter().find(|(id, _)| {
            let is_wanted = instances.iter().any(|one| one == id);
            is_wanted && !details.is_healthy((id, i32::from(*port)))
        });
        if let Some((id, _)) = moving {
            let message = format!("`{id}` is not healthy at port {port} yet");
            return Err(CloudError {
                class: FailureClass::Converging,
                ..refused(operation, arn, "TargetNotHealthy", message)
            });
        }
        self.deregister(arn, targets(surplus)).await?;
        let raw = self.raw_load_balancing(request.environment).await?;
        let known: Vec<Observed> = request.inventory.iter().cloned().collect();
        let mut found = raw.observe(&known);
        found.retain(|one| one.kind == Kind::Targets);
        require_listed(found, operation, arn)
    }

    pub(in crate::aws) async fn delete_targets(&self, arn: &str) -> Result<(), CloudError> {
        let details = self.target_details(Some(arn)).await?;
        let there = details.health.iter().filter_map(|one| one.target.clone());
        self.deregister(arn, there.collect()).await
    }

    async fn deregister(
        &self,
        arn: &str,
        targets: Vec<TargetDescription>,
    ) -> Result<(), CloudError> {
        if targets.is_empty() {
            return Ok(());
        }
        self.elb
            .deregister_targets()
            .target_group_arn(arn)
            .set_targets(Some(targets))
            .send()
            .await
            .context("elasticloadbalancing:DeregisterTargets", arn)
            .ok_if_not_found()?;
        Ok(())
    }

    pub(in crate::aws) async fn delete_target_group(&self, arn: &str) -> Result<(), CloudError> {
        let answer = self
            .elb
            .delete_target_group()
            .target_group_arn(arn)
            .send()
            .await;
        answer
            .context("elasticloadbalancing:DeleteTargetGroup", arn)
            .ok_if_not_found()?;
        Ok(())
    }

    /// Whatever has the group's name.
    pub(in crate::aws) async fn raw_target_group(
        &self,
        environment: &str,
    ) -> Result<Option<TargetGroup>, CloudError> {
        let operation = "elasticloadbalancing:DescribeTargetGroups";
        let name = Names::of(environment).target_group();
        let answer = self.elb.describe_target_groups().names(&name).send().await;
        let found = answer.context(operation, &name).ok_if_not_found()?;
        Ok(found.and_then(|answer| answer.target_groups.unwrap_or_default().pop()))
    }

    pub(in crate::aws) async fn target_details(
        &self,
        group: Option<&str>,
    ) -> Result<Details, CloudError> {
        let Some(arn) = group else {
            return Ok(Details::default());
        };
        let health = async {
            let operation = "elasticloadbalancing:DescribeTargetHealth";
            let call = self.elb.describe_target_health().target_group_arn(arn);
            call.send().await.context(operation, arn).ok_if_not_found()
        };
        let attributes = async {
            let operation = "elasticloadbalancing:DescribeTargetGroupAttributes";
            let call = self
                .elb
                .describe_target_group_attributes()
                .target_group_arn(arn);
            call.send().await.context(operation, arn).ok_if_not_found()
        };
        let (health, attributes) = futures::try_join!(health, attributes)?;
        Ok(Details {
            attributes: attributes
                .and_then(|answer| answer.attributes)
                .unwrap_or_default(),
            health: health
                .and_then(|answer| answer.target_health_descriptions)
                .unwrap_or_default(),
        })
    }
}

impl Details {
    /// Instance and port of what is registered and not on its way out, with whether it is healthy.
    fn registered(&self) -> impl Iterator<Item = ((&str, i32), bool)> {
        self.health.iter().filter_map(|one| {
            let state = one.target_health()?.state()?.as_str();
            let target = one.target()?;
            let place = (target.id()?, target.port().unwrap_or_default());
            (state != "draining").then_some((place, state == "healthy"))
        })
    }

    /// What gets no new connections, and still has some.
    fn draining(&self) -> impl Iterator<Item = &str> {
        self.health.iter().filter_map(|one| {
            let state = one.target_health()?.state()?.as_str();
            (state == "draining").then_some(one.target()?.id()?)
        })
    }

    /// The same with their ports.
    fn places(&self) -> impl Iterator<Item = (&str, i32)> {
        self.registered().map(|(place, _)| place)
    }

    fn is_healthy(&self, place: (&str, i32)) -> bool {
        self.registered().any(|(one, well)| one == place && well)
    }

    fn attribute(&self, form: ValueForm, key: &str) -> Option<AttributeValue> {
        let found = self.attributes.iter().find(|one| one.key() == Some(key));
        let text = found.and_then(|one| one.value())?;
        Some(AttributeValue::read(form, text))
    }
}

impl RawTargets {
    pub(in crate::aws) fn new(group: Option<TargetGroup>, details: Details) -> Self {
        Self { group, details }
    }

    pub(in crate::aws) fn arn(&self) -> Option<&str> {
        self.group.as_ref().and_then(|one| one.target_group_arn())
    }

    /// The group, and what is in it; also when that is nothing, so that it shows.
    pub(in crate::aws) fn observe(
        &self,
        address: Address,
        arn: &str,
        known: &[Observed],
    ) -> [Observed; 2] {
        let path = self.group.as_ref().and_then(|one| one.health_check_path());
        let group = observed(
            address,
            Kind::TargetGroup,
            arn,
            (State::Ready, "available"),
            [
                ("health_path", path.map(Into::into)),
                ("sticky", self.details.attribute(ValueForm::Flag, STICKY)),
                (
                    "drain_seconds",
                    self.details.attribute(ValueForm::Number, DRAIN),
                ),
            ],
        );
        let live = |id: &str| {
            let found = known
                .iter()
                .find(|one| one.id == id && !one.state.is_leaving());
            found.map_or(id.to_owned(), |one| one.address.to_string())
        };
        let ids: BTreeSet<&str> = self.details.places().map(|(id, _)| id).collect();
        let names: Vec<String> = ids.into_iter().map(live).collect();
        let ports: BTreeSet<i32> = self.details.places().map(|(_, port)| port).collect();
        let ports: Vec<String> = ports.iter().map(i32::to_string).collect();
        let sick = self.details.registered().filter(|(_, well)| !*well);
        let sick: BTreeSet<&str> = sick.map(|((id, _), _)| id).collect();
        let not_healthy: Vec<String> = sick.into_iter().map(live).collect();
        let draining: BTreeSet<&str> = self.details.draining().collect();
        let draining: Vec<String> = draining.into_iter().map(live).collect();
        let healthy = self.details.registered().filter(|(_, well)| *well).count();
        let targets = observed(
            Address::targets(),
            Kind::Targets,
            arn,
            (State::Ready, "registered"),
            [
                ("healthy", Some(format!("{healthy}/{}", names.len()).into())),
                ("not_healthy", Some(AttributeValue::names(not_healthy))),
                ("draining", Some(AttributeValue::names(draining))),
                ("targets", Some(AttributeValue::names(names))),
                ("ports", (!ports.is_empty()).then(|| ports.join(" ").into())),
            ],
        );
        [group, targets]
    }
}

fn target((id, port): (&str, i32)) -> TargetDescription {
    TargetDescription::builder().id(id).port(port).build()
}
