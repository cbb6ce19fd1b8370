//! Security groups: what may not be deleted.
//!
//! DeleteSecurityGroup: "If you attempt to delete a security group that is associated with
//! an instance or network interface, is referenced by another security group in the same
//! VPC […] the operation fails with `DependencyViolation`"; "Delete a security group": a
//! default group cannot be deleted.

use super::{dependency, interfaces};
use crate::call::Call;
use crate::cloud::Core;
use crate::errors::AwsError;
use crate::xml;

pub(crate) async fn check_deletion(core: &Core, call: &Call) -> Result<(), AwsError> {
    let Some(id) = call.get("GroupId") else {
        return Ok(());
    };
    let own = core
        .upstream
        .text(call, "ec2", "DescribeSecurityGroups", &[("GroupId.1", id)])
        .await?;
    let named_default = xml::read(&own, |document| {
        xml::items(document, "securityGroupInfo")
            .any(|item| xml::text_of(item, "groupName") == Some("default"))
    });
    if named_default {
        return Err(AwsError::new(
            "CannotDelete",
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
        ));
    }
    let refused = || dependency(format!("resource {id} has a dependent object"));
    if !interfaces::using(core, call, "group-id", id)
        .await?
        .is_empty()
    {
        return Err(refused());
    }
    for filter in ["ip-permission.group-id", "egress.ip-permission.group-id"] {
        let fields = [("Filter.1.Name", filter), ("Filter.1.Value.1", id)];
        let referring = core
            .upstream
            .text(call, "ec2", "DescribeSecurityGroups", &fields)
            .await?;
        let others = xml::read(&referring, |document| {
            xml::items(document, "securityGroupInfo")
                .any(|item| xml::text_of(item, "groupId") != Some(id))
        });
        if others {
            return Err(refused());
        }
    }
    Ok(())
}
