//! Instance profiles of instances: "IamInstanceProfileAssociation" (EC2 API Reference). An instance
//! has one at the most; giving it a second is `IncorrectState`.

use crate::errors::AwsError;

use super::super::account::{AwsAccount, QueryResult};
use super::super::form::QueryForm;
use super::super::iam::profile_arn;
use super::super::writer::{XmlWriter, xml};
use super::launch::knows_profile;
use super::listing::{filters, matches_any};
use super::{Ec2, not_found};

/// The id of an instance's association follows from the instance's.
fn association(instance: &str) -> String {
    instance.replacen("i-", "iip-assoc-", 1)
}

fn instance_of(association: &str) -> String {
    association.replacen("iip-assoc-", "i-", 1)
}

impl Ec2 {
    /// Takes the profile of an instance away.
    pub(in super::super) fn take_profile(&mut self, instance: &str) {
        if let Some(instance) = self.instances.get_mut(instance) {
            instance.profile.clear();
        }
    }
}

pub(super) fn associate(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("InstanceId")?;
    set(
        account,
        id,
        form.required("IamInstanceProfile.Name")?,
        false,
    )
}

pub(super) fn replace(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = instance_of(form.required("AssociationId")?);
    set(
        account,
        &id,
        form.required("IamInstanceProfile.Name")?,
        true,
    )
}

fn set(account: &mut AwsAccount, id: &str, profile: &str, replaces: bool) -> QueryResult {
    knows_profile(account, profile)?;
    let instance = account.ec2.instances.get_mut(id);
    let Some(instance) = instance else {
        return Err(not_found("InvalidInstanceID.NotFound", "instance ID", id));
    };
    let at_rest = matches!(instance.state, "running" | "stopped");
    if !at_rest || (!replaces && !instance.profile.is_empty()) {
        return Err(AwsError::new(
            "IncorrectState",
            format!("There is an existing association for instance {id}"),
        ));
    }
    profile.clone_into(&mut instance.profile);
    Ok(xml(|xml| {
        xml.node("iamInstanceProfileAssociation", |xml| {
            write(id, profile, xml);
        });
    }))
}

/// DescribeIamInstanceProfileAssociations: "Describes your IAM instance profile associations."
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeIamInstanceProfileAssociations.html>).
pub(super) fn describe(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    form.accept(&["MaxResults"]);
    let filters = filters(form, &["instance-id", "state"])?;
    let instances = account.ec2.instances.iter();
    let with_profile = instances.filter(|(_, one)| !one.profile.is_empty());
    let admitted = with_profile.filter(|(id, _)| {
        filters.iter().all(|(name, wanted)| match *name {
            "instance-id" => matches_any(wanted, id),
            _ => matches_any(wanted, "associated"),
        })
    });
    Ok(xml(|xml| {
        xml.list(
            "iamInstanceProfileAssociationSet",
            "item",
            admitted,
            |xml, (id, one)| write(id, &one.profile, xml),
        );
    }))
}

fn write(instance: &str, profile: &str, xml: &mut XmlWriter) {
    xml.text("associationId", association(instance));
    xml.text("instanceId", instance);
    xml.text("state", "associated");
    xml.node("iamInstanceProfile", |xml| {
        xml.text("arn", profile_arn(profile));
        xml.text("id", "AIPAOFINSTANCE");
    });
}
