//! What changes of a host in place, and its end.

use std::sync::PoisonError;

use aws_sdk_ec2::types::{
    AttributeBooleanValue, HttpTokensState, IamInstanceProfileSpecification, Tag,
};

use crate::aws::Aws;
use crate::aws::ec2::instances::state_of;
use crate::aws::error::{CallContext, ErrorPolicy};
use crate::aws::error_table::class_of_refusal;
use crate::aws::request::{dependency, differs, require_listed};
use crate::aws::tags::{self, Select, filter};
use crate::blueprint::{Kind, kinds};
use crate::engine::{CloudError, FailureClass, Observed, Request};

/// How often a protection is lifted that EC2 still sees. With the engine's pauses that is half a
/// minute; cdkd 8ee4235, which has to do the same, tries five times.
const PROTECTION_TRIES: u32 = 12;

impl Aws {
    /// Termination protection, group, profile and metadata options, all that can be changed in
    /// place: first the tag that says the protection, so that what is protected always shows.
    pub(in crate::aws) async fn update_instance(
        &self,
        request: &Request<'_>,
        existing: &Observed,
        wanted: &kinds::Instance,
    ) -> Result<Observed, CloudError> {
        let id = &existing.id;
        let others = ["deletion_protection", "groups", "metadata_tokens"];
        let only_finishes = existing.says("finished", false)
            && !others.iter().any(|name| differs(request, existing, name));
        if only_finishes {
            self.give_profile(request, existing, wanted).await?;
            let one = Select::Id(request.environment, id);
            return require_listed(self.instances(one).await?, "ec2:DescribeInstances", id);
        }
        let policy = request.desired.protection();
        let tag = Tag::builder()
            .key(tags::PROTECTION)
            .value(tags::protection_text(policy))
            .build();
        self.ec2
            .create_tags()
            .resources(id)
            .tags(tag)
            .send()
            .await
            .context("ec2:CreateTags", id)?;
        self.set_termination_protection(id, policy.deletion).await?;
        let operation = "ec2:ModifyInstanceAttribute";
        self.ec2
            .modify_instance_attribute()
            .instance_id(id)
            .groups(&dependency(request, operation, &wanted.group)?.id)
            .send()
            .await
            .context(operation, id)?;
        self.ec2
            .modify_instance_metadata_options()
            .instance_id(id)
            .http_tokens(HttpTokensState::Required)
            .http_put_response_hop_limit(1)
            .send()
            .await
            .context("ec2:ModifyInstanceMetadataOptions", id)?;
        self.give_profile(request, existing, wanted).await?;
        let one = Select::Id(request.environment, id);
        require_listed(self.instances(one).await?, "ec2:DescribeInstances", id)
    }

    async fn set_termination_protection(&self, id: &str, on: bool) -> Result<(), CloudError> {
        self.ec2
            .modify_instance_attribute()
            .instance_id(id)
            .disable_api_termination(AttributeBooleanValue::builder().value(on).build())
            .send()
            .await
            .context("ec2:ModifyInstanceAttribute", id)?;
        Ok(())
    }

    /// Gives a host its profile where it has none or another: a launch that AWS accepts moments
    /// after the profile was created may go on without it.
    async fn give_profile(
        &self,
        request: &Request<'_>,
        existing: &Observed,
        wanted: &kinds::Instance,
    ) -> Result<(), CloudError> {
        if !differs(request, existing, "profile") {
            return Ok(());
        }
        let (id, operation) = (existing.id.as_str(), "ec2:AssociateIamInstanceProfile");
        let profile = IamInstanceProfileSpecification::builder()
            .name(&dependency(request, operation, &wanted.profile)?.id)
            .build();
        let associations = self
            .ec2
            .describe_iam_instance_profile_associations()
            .filters(filter("instance-id", [id]))
            .filters(filter("state", ["associating", "associated"]))
            .send()
            .await
            .context("ec2:DescribeIamInstanceProfileAssociations", id)?
            .iam_instance_profile_associations
            .unwrap_or_default();
        match associations.first().and_then(|one| one.association_id()) {
            None => {
                let call = self.ec2.associate_iam_instance_profile();
                let call = call.instance_id(id).iam_instance_profile(profile);
                call.send().await.context(operation, id)?;
            }
            Some(association) => {
                let call = self.ec2.replace_iam_instance_profile_association();
                let call = call
                    .association_id(association)
                    .iam_instance_profile(profile);
                let operation = "ec2:ReplaceIamInstanceProfileAssociation";
                call.send().await.context(operation, id)?;
            }
        }
        Ok(())
    }

    /// Lifts the termination protection that the plan saw; one that came later stands.
    pub(in crate::aws) async fn delete_instance(
        &self,
        environment: &str,
        existing: &Observed,
    ) -> Result<(), CloudError> {
        let id = existing.id.as_str();
        let lifts = existing.is("deletion_protection")?;
        if lifts {
            let lifted = self.set_termination_protection(id, false).await;
            lifted.ok_if_not_found()?;
        }
        let answer = self.ec2.terminate_instances().instance_ids(id).send().await;
        match answer.context("ec2:TerminateInstances", id) {
            Err(error) if error.code == "OperationNotPermitted" && lifts => {
                Err(self.lifted_lately(error))
            }
            Err(error) if error.code == "OperationNotPermitted" => Err(protected_by_hand(error)),
            // Seconds after a launch EC2 may deny that there is such an instance, which then
            // lives on.
            Err(error) if error.class == FailureClass::NotFound => {
                let found = self.raw_instances(Select::Id(environment, id)).await?;
                match found.iter().any(|one| !state_of(one).0.is_leaving()) {
                    true => Err(CloudError {
                        class: FailureClass::Converging,
                        ..error
                    }),
                    false => Ok(()),
                }
            }
            other => other.map(|_| ()),
        }
    }

    /// A protection that was lifted a moment ago may still be seen: it is lifted again and
    /// the termination repeated, a few times.
    fn lifted_lately(&self, error: CloudError) -> CloudError {
        let mut known = self
            .lifted_protections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let times = known.entry(error.target.clone()).or_default();
        *times += 1;
        if *times < PROTECTION_TRIES {
            return CloudError {
                class: FailureClass::Converging,
                ..error
            };
        }
        CloudError {
            class: FailureClass::Blocked,
            message: format!(
                "{}; loadrig lifted that {times} times, and it is still there: somebody or \
                 something protects the instance again",
                error.message
            ),
            ..error
        }
    }
}

/// What the end of something that was waited for means, by the reason that EC2 gives.
pub(in crate::aws) fn class_of_failed(seen: &Observed) -> FailureClass {
    let operation = match seen.kind {
        Kind::Instance => "ec2:RunInstances",
        Kind::NatGateway => "ec2:CreateNatGateway",
        _ => return FailureClass::Terminal,
    };
    let code = seen.text("reason_code").unwrap_or_default();
    let message = seen.text("reason").unwrap_or_default();
    class_of_refusal(operation, code, message).unwrap_or(FailureClass::Unknown)
}

/// EC2 reports termination protection only for one host per call; what loadrig sets it
/// writes on the host too.
fn protected_by_hand(error: CloudError) -> CloudError {
    CloudError {
        class: FailureClass::Blocked,
        message: format!(
            "{}; somebody protected it by hand: `aws ec2 modify-instance-attribute --instance-id {} \
             --no-disable-api-termination` lifts that",
            error.message, error.target
        ),
        ..error
    }
}
