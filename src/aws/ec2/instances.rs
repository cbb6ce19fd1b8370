//! EC2 instances: the hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use aws_sdk_ec2::types::{
    BlockDeviceMapping, IamInstanceProfileSpecification, Instance, InstanceMetadataOptionsState,
    InstanceNetworkInterfaceSpecification, InstanceType, ResourceType, ShutdownBehavior, Volume,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::ExposeSecret;
use tokio::time::Instant;

use crate::aws::Aws;
use crate::aws::ec2::launch::{metadata_options, root_disk};
use crate::aws::error::{CallContext, ErrorPolicy, incomplete, refused};
use crate::aws::idempotency::unknown_outcome::without_sdk_retries;
use crate::aws::request::dependency;
use crate::aws::tags::{self, Select, filter, observed, pairs, specification};
use crate::blueprint::{Address, AttributeValue, Kind, kinds};
use crate::engine::{CloudError, FailureClass, Observed, Request, State};
use crate::identity::names::{Names, digest};

const RUN: &str = "ec2:RunInstances";

/// How often a client token is varied when it stands for a terminated instance.
const TOKENS: u32 = 8;

/// An instance that is not listed so long after AWS knew of its launch is there no more.
const TOKEN_RETRY_TIME: Duration = Duration::from_mins(1);

impl Aws {
    pub(in crate::aws) async fn create_instance(
        &self,
        request: &Request<'_>,
        wanted: &kinds::Instance,
    ) -> Result<Observed, CloudError> {
        let vpc = dependency(request, RUN, &Address::vpc())?;
        for attempt in 0..TOKENS {
            let token = token(request, wanted, &vpc.id, attempt);
            let instance = match self.run(request, wanted, token.clone()).await {
                // The spec changed since an earlier call.
                Err(error) if error.code == "IdempotentParameterMismatch" => {
                    let select = Select::Address(request.environment, request.address);
                    let live = self.instances(select).await?;
                    let live = live.into_iter().find(|found| !found.state.is_leaving());
                    match live {
                        Some(found) => return Ok(found),
                        // What that call launched is terminated, and shown no more.
                        None if self.mismatched_for(token) > TOKEN_RETRY_TIME => continue,
                        None => {
                            return Err(CloudError {
                                class: FailureClass::Converging,
                                ..error
                            });
                        }
                    }
                }
                // AWS remembers tokens for longer than it lists who bore them.
                Err(error) if error.code == "IdempotentInstanceTerminated" => continue,
                other => other?,
            };
            // The tags of a terminated instance go before the instance does.
            if state_of(&instance).0.is_leaving() {
                continue;
            }
            return observe(&instance, request.environment, None)
                .ok_or_else(|| incomplete(RUN, request.address, "tagged instance"));
        }
        Err(refused(
            RUN,
            request.address,
            "TokensUsedUp",
            format!("{TOKENS} client tokens all stand for terminated instances"),
        ))
    }

    /// How long ago a token was first refused as that of another launch.
    fn mismatched_for(&self, token: String) -> Duration {
        let mut known = self
            .mismatched_tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.entry(token).or_insert_with(Instant::now).elapsed()
    }

    async fn run(
        &self,
        request: &Request<'_>,
        wanted: &kinds::Instance,
        token: String,
    ) -> Result<Instance, CloudError> {
        let kinds::Instance {
            instance_type,
            disk_gib,
            protected,
            subnet,
            group,
            key_pair,
            profile,
            lifetime,
            ..
        } = wanted;
        let subnet = dependency(request, RUN, subnet)?;
        let image = self.image().await?;
        let interface = InstanceNetworkInterfaceSpecification::builder()
            .device_index(0)
            .subnet_id(&subnet.id)
            .groups(&dependency(request, RUN, group)?.id)
            .associate_public_ip_address(subnet.is("public_addresses")?)
            .delete_on_termination(true)
            .build();
        let user_data = request
            .secrets
            .user_data
            .as_ref()
            .map(|text| BASE64_STANDARD.encode(text.expose_secret()));
        let answer = self
            .ec2
            .run_instances()
            .client_token(token)
            .image_id(&image.id)
            .instance_type(InstanceType::from(instance_type.as_str()))
            .min_count(1)
            .max_count(1)
            .key_name(&dependency(request, RUN, key_pair)?.id)
            .iam_instance_profile(
                IamInstanceProfileSpecification::builder()
                    .name(&dependency(request, RUN, profile)?.id)
                    .build(),
            )
            .network_interfaces(interface)
            .block_device_mappings(
                BlockDeviceMapping::builder()
                    .device_name(&image.root_device)
                    .ebs(root_disk(*disk_gib))
                    .build(),
            )
            .metadata_options(metadata_options())
            .set_user_data(user_data)
            .disable_api_termination(*protected)
            .set_instance_initiated_shutdown_behavior(lifetime.map(|_| ShutdownBehavior::Terminate))
            .tag_specifications(specification(request, ResourceType::Instance))
            .tag_specifications(specification(request, ResourceType::Volume))
            .tag_specifications(specification(request, ResourceType::NetworkInterface))
            .customize()
            // Lack of capacity is answered as a server error (HTTP 500), which the SDK would repeat
            // in this zone; the engine repeats what is worth it, with the same token.
            .config_override(without_sdk_retries())
            .send()
            .await
            .context(RUN, request.address)
            .retry_if_not_found()?;
        answer
            .instances
            .unwrap_or_default()
            .pop()
            .ok_or_else(|| incomplete(RUN, request.address, "instance"))
    }

    /// Instances, those terminated lately included: the caller needs their ids.
    pub(in crate::aws) async fn instances(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<Observed>, CloudError> {
        let (instances, disks) =
            futures::try_join!(self.raw_instances(select), self.disks(select))?;
        Ok(instances
            .iter()
            .filter_map(|instance| {
                let disk = instance.instance_id().and_then(|id| disks.get(id));
                observe(instance, select.environment(), disk.copied())
            })
            .collect())
    }

    pub(in crate::aws) async fn raw_instances(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<Instance>, CloudError> {
        let reservations: Vec<_> = self
            .ec2
            .describe_instances()
            .set_filters(select.filters("instance-id"))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeInstances", select)?;
        Ok(reservations
            .into_iter()
            .flat_map(|reservation| reservation.instances.unwrap_or_default())
            .collect())
    }

    /// The same without their disks: polled often.
    pub(in crate::aws) async fn instances_without_disks(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<Observed>, CloudError> {
        let found = self.raw_instances(select).await?;
        Ok(found
            .iter()
            .filter_map(|instance| observe(instance, select.environment(), None))
            .collect())
    }

    /// Sizes of the root volumes by instance id, GiB. Root volumes bear the instance's tags.
    async fn disks(&self, select: Select<'_>) -> Result<BTreeMap<String, i32>, CloudError> {
        let volumes: Vec<Volume> = self
            .ec2
            .describe_volumes()
            .set_filters(select.filters("attachment.instance-id"))
            .filters(filter("attachment.status", ["attaching", "attached"]))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeVolumes", select)?;
        let sizes = volumes.iter().filter_map(|volume| {
            let instance = volume.attachments().first()?.instance_id()?;
            Some((instance.to_owned(), volume.size()?))
        });
        Ok(sizes.collect())
    }
}

/// The same for every repetition of one creation, different for every new one.
fn token(request: &Request<'_>, wanted: &kinds::Instance, vpc: &str, attempt: u32) -> String {
    let attempt = attempt.to_string();
    let mut parts = vec![request.environment, request.address.as_str(), vpc, &attempt];
    // Another type or zone is another launch: with the token of the refused one AWS would
    // answer with a mismatch.
    parts.extend([wanted.instance_type.as_str(), wanted.subnet.as_str()]);
    parts.extend(request.predecessors.iter().map(String::as_str));
    digest(&parts)
}

/// The security groups that a host is in: ours by their address, others by their id.
fn groups(instance: &Instance, environment: &str) -> Option<AttributeValue> {
    let ours = Names::of(environment);
    let of_interfaces = instance
        .network_interfaces()
        .iter()
        .flat_map(|interface| interface.groups());
    let list: BTreeSet<String> = instance
        .security_groups()
        .iter()
        .chain(of_interfaces)
        .filter_map(|group| {
            let address = group.group_name().and_then(|name| ours.group_address(name));
            address.or_else(|| group.group_id().map(str::to_owned))
        })
        .collect();
    // A host that is terminated is in none.
    (!list.is_empty()).then_some(AttributeValue::Names(list))
}

pub(in crate::aws) fn state_of(instance: &Instance) -> (State, &str) {
    let status = instance
        .state()
        .and_then(|state| state.name())
        .map_or("pending", |name| name.as_str());
    let state = match status {
        "pending" => State::Pending,
        // What was changed of them is applied some seconds after the call.
        "running" if applies_metadata_options(instance) => State::Pending,
        "running" => State::Ready,
        "shutting-down" => State::Deleting,
        "terminated" => State::Gone,
        // `stopping` and `stopped`: it does not come back by itself.
        _ => State::Failed,
    };
    (state, status)
}

fn applies_metadata_options(instance: &Instance) -> bool {
    let options = instance.metadata_options();
    options.and_then(|options| options.state()) == Some(&InstanceMetadataOptionsState::Pending)
}

/// The profile that a host has: ours by its address, another by its name.
fn profile(instance: &Instance, environment: &str) -> AttributeValue {
    let arn = instance.iam_instance_profile().and_then(|one| one.arn());
    let name = arn.map(|arn| arn.rsplit('/').next().unwrap_or(arn));
    let zone = instance.placement().and_then(|one| one.availability_zone());
    // A zone is its region and a letter.
    let region = zone.map(|zone| zone.trim_end_matches(|c: char| c.is_ascii_lowercase()));
    let names = Names::of(environment);
    let is = |own: String| Some(own.as_str()) == name;
    let ours = match region {
        Some(region) if is(names.instance_profile(region)) => Some(Address::instance_profile()),
        Some(region) if is(names.search_role(region)) => Some(Address::search_profile()),
        _ => None,
    };
    let ours = ours.map(|address| address.to_string());
    AttributeValue::names(ours.or_else(|| name.map(str::to_owned)))
}

fn observe(instance: &Instance, environment: &str, disk: Option<i32>) -> Option<Observed> {
    let text = |value: Option<&str>| value.filter(|text| !text.is_empty()).map(Into::into);
    let (state, status) = state_of(instance);
    // Running instances have one too: that of their last stop.
    let reason = instance
        .state_reason()
        .filter(|_| state == State::Failed || state.is_leaving());
    let reason_code = reason.and_then(|reason| reason.code());
    let reason = reason.and_then(|reason| reason.message());
    Some(observed(
        tags::address(pairs(instance.tags()), environment)?,
        Kind::Instance,
        instance.instance_id()?,
        (state, status),
        [
            ("private_ip", text(instance.private_ip_address())),
            ("private_dns", text(instance.private_dns_name())),
            ("public_ip", text(instance.public_ip_address())),
            (
                "zone",
                text(
                    instance
                        .placement()
                        .and_then(|place| place.availability_zone()),
                ),
            ),
            ("image", text(instance.image_id())),
            (
                "instance_type",
                instance.instance_type().map(|name| name.as_str().into()),
            ),
            (
                "public_address",
                // The address comes a moment after the instance.
                (state == State::Ready).then(|| {
                    instance
                        .public_ip_address()
                        .is_some_and(|ip| !ip.is_empty())
                        .into()
                }),
            ),
            ("disk_gib", disk.map(Into::into)),
            ("groups", groups(instance, environment)),
            (
                "profile",
                (state == State::Ready).then(|| profile(instance, environment)),
            ),
            // The launch went without the profile: it can be given once the host runs.
            (
                "finished",
                (state == State::Ready).then(|| instance.iam_instance_profile().is_some().into()),
            ),
            (
                "metadata_tokens",
                instance
                    .metadata_options()
                    .and_then(|options| options.http_tokens())
                    .map(|tokens| tokens.as_str().into()),
            ),
            (
                "deletion_protection",
                Some(tags::protection(pairs(instance.tags())).deletion.into()),
            ),
            ("reason", text(reason)),
            ("reason_code", text(reason_code)),
            (
                "created",
                instance.launch_time().map(|time| time.to_string().into()),
            ),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{InstanceState, InstanceStateName, StateReason, Tag};

    use super::*;

    fn instance(state: InstanceStateName) -> Instance {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        Instance::builder()
            .instance_id("i-1")
            .state(InstanceState::builder().name(state).build())
            .tags(tag(tags::ENVIRONMENT, "demo"))
            .tags(tag(tags::ADDRESS, "instance/app-1"))
            .build()
    }

    #[test]
    fn states_are_those_of_the_engine() {
        for (name, state) in [
            (InstanceStateName::Pending, State::Pending),
            (InstanceStateName::Running, State::Ready),
            (InstanceStateName::Stopped, State::Failed),
            (InstanceStateName::ShuttingDown, State::Deleting),
            (InstanceStateName::Terminated, State::Gone),
        ] {
            let found = observe(&instance(name), "demo", Some(20)).unwrap();
            assert_eq!(found.state, state);
            assert!(found.says("disk_gib", 20_u32));
        }
    }

    #[test]
    fn a_terminated_instance_reports_its_reason() {
        let mut lost = instance(InstanceStateName::Terminated);
        lost.state_reason = Some(
            StateReason::builder()
                .message("Client.InternalError: Client error on launch")
                .build(),
        );
        let found = observe(&lost, "demo", None).unwrap();
        assert_eq!(found.status, "terminated");
        assert_eq!(
            found.text("reason"),
            Some("Client.InternalError: Client error on launch")
        );
    }
}
