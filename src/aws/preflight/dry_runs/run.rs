//! Each action as a dry run.

use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, BlockDeviceMapping, DomainType, HttpTokensState,
    IamInstanceProfileSpecification, InstanceNetworkInterfaceSpecification, InstanceType,
};

use crate::aws::Aws;
use crate::aws::answer_status::AnswerStatus;
use crate::aws::ec2::launch::{metadata_options, root_disk};
use crate::aws::error::CallContext;
use crate::blueprint::{Address, CANARY_HOST, SubnetTier};
use crate::engine::{CloudError, FailureClass};
use crate::plan::Inventory;
use crate::preflight::{DryRun, DryRunOutcome, DryRunWants};

use super::grounds::{
    Grounds, NO_ADDRESS, NO_FLAG, NO_GATEWAY, NO_INSTANCE, NO_RESOURCE, NOT_KNOWN, Tried, dry,
};

/// A key of nobody: dry runs import nothing.
const PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUSNw2vJ1ZBVL1hGVmTXWWm2KCEFMwvV3b9nYZp0Vb1 dry-run";

impl Aws {
    /// Tries each action as a dry run on what exists of an environment; stops at the first that is
    /// carried out.
    pub async fn dry_runs(
        &self,
        environment: &str,
        inventory: &Inventory,
        wants: &DryRunWants,
    ) -> Vec<DryRun> {
        let grounds = Grounds {
            environment,
            inventory,
            tags: &wants.tags,
            answered: AnswerStatus::default(),
        };
        let mut done = Vec::new();
        for action in &wants.actions {
            let launches: Vec<(String, u32)> = match *action {
                "ec2:RunInstances" => wants.launches.iter().cloned().collect(),
                _ => vec![(String::new(), 0)],
            };
            for (of, disk_gib) in launches {
                let tried = match *action {
                    "ec2:RunInstances" => self.dry_launch(action, &of, disk_gib, &grounds).await,
                    _ => Box::pin(self.try_dry(action, &grounds)).await,
                };
                let outcome = match tried {
                    Ok(answer) => outcome(answer, &grounds.answered),
                    Err(why) => DryRunOutcome::NotMade(why),
                };
                let carried_out = matches!(outcome, DryRunOutcome::CarriedOut { .. });
                done.push(DryRun {
                    action,
                    of,
                    outcome,
                });
                if carried_out {
                    return done;
                }
            }
        }
        done
    }

    async fn try_dry(&self, action: &'static str, on: &Grounds<'_>) -> Tried {
        let (_, call) = action.split_once(':').unwrap_or_default();
        let instance = call.contains("Instance");
        match call {
            "AllocateAddress" => dry!(
                self,
                on,
                action,
                allocate_address,
                domain(DomainType::Vpc),
                tag_specifications(on.tags("elastic-ip")),
            ),
            "ImportKeyPair" => dry!(
                self,
                on,
                action,
                import_key_pair,
                key_name(format!("lr-{}-dry-run", on.environment)),
                public_key_material(Blob::new(PUBLIC_KEY)),
                tag_specifications(on.tags("key-pair")),
            ),
            "DeleteKeyPair" => {
                let key = on.own(&Address::key_pair()).ok_or(NO_RESOURCE)?;
                dry!(self, on, action, delete_key_pair, key_name(key))
            }
            "AssociateIamInstanceProfile"
            | "ReplaceIamInstanceProfileAssociation"
            | "ModifyVpcAttribute"
            | "ModifySubnetAttribute" => Err(NO_FLAG),
            _ if instance => self.dry_instance(action, on).await,
            "ReleaseAddress" => Err(NO_ADDRESS),
            "DeleteNatGateway" => Err(NO_GATEWAY),
            _ if call.contains("SecurityGroup") => self.dry_groups(action, on).await,
            _ if call.contains("Route") => self.dry_routes(action, on).await,
            _ => self.dry_network(action, on).await,
        }
    }

    async fn dry_instance(&self, action: &'static str, on: &Grounds<'_>) -> Tried {
        let host = on.own(&Address::instance(CANARY_HOST)).ok_or(NO_INSTANCE)?;
        match action {
            "ec2:TerminateInstances" => {
                dry!(self, on, action, terminate_instances, instance_ids(host))
            }
            "ec2:ModifyInstanceAttribute" => {
                let off = AttributeBooleanValue::builder().value(false).build();
                dry!(
                    self,
                    on,
                    action,
                    modify_instance_attribute,
                    instance_id(host),
                    disable_api_termination(off),
                )
            }
            "ec2:ModifyInstanceMetadataOptions" => dry!(
                self,
                on,
                action,
                modify_instance_metadata_options,
                instance_id(host),
                http_tokens(HttpTokensState::Required),
            ),
            _ => Err(NOT_KNOWN),
        }
    }

    /// A launch as an environment has it: policies look at the disk, the address and the metadata.
    async fn dry_launch(
        &self,
        action: &'static str,
        of: &str,
        disk_gib: u32,
        on: &Grounds<'_>,
    ) -> Tried {
        let public = on.id(&Address::subnet(SubnetTier::Public, 0));
        let has_address = public.is_some();
        let subnet = public.or_else(|| on.id(&Address::subnet(SubnetTier::Private, 0)));
        let subnet = subnet.ok_or(NO_RESOURCE)?;
        let group = on.first_group().ok_or(NO_RESOURCE)?;
        let profile = on.own(&Address::instance_profile()).ok_or(NO_RESOURCE)?;
        let key = on.own(&Address::key_pair()).ok_or(NO_RESOURCE)?;
        let image = match self.image().await {
            Ok(image) => image,
            Err(error) => return Ok(Err(error)),
        };
        let interface = InstanceNetworkInterfaceSpecification::builder()
            .device_index(0)
            .subnet_id(subnet)
            .groups(&group.id)
            .associate_public_ip_address(has_address)
            .delete_on_termination(true);
        let disk = BlockDeviceMapping::builder()
            .device_name(&image.root_device)
            .ebs(root_disk(disk_gib));
        let profile = IamInstanceProfileSpecification::builder().name(profile);
        dry!(
            self,
            on,
            action,
            run_instances,
            image_id(&image.id),
            instance_type(InstanceType::from(of)),
            min_count(1),
            max_count(1),
            key_name(key),
            iam_instance_profile(profile.build()),
            network_interfaces(interface.build()),
            block_device_mappings(disk.build()),
            metadata_options(metadata_options()),
            tag_specifications(on.tags("instance")),
            tag_specifications(on.tags("volume")),
            tag_specifications(on.tags("network-interface")),
        )
    }
}

/// A dry run never succeeds: its code tells.
fn outcome(answer: Result<(), CloudError>, answered: &AnswerStatus) -> DryRunOutcome {
    let Err(error) = answer else {
        return DryRunOutcome::CarriedOut {
            status: answered.last(),
        };
    };
    match error.code.as_str() {
        "DryRunOperation" => DryRunOutcome::Permitted,
        "UnauthorizedOperation" => DryRunOutcome::Denied(error.message),
        _ if error.class == FailureClass::Transient => DryRunOutcome::Unanswered(error.to_string()),
        _ => DryRunOutcome::Refused {
            code: error.code,
            message: error.message,
            status: error.status,
        },
    }
}
