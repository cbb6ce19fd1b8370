//! Security groups: what may not be deleted.
//!
//! DeleteSecurityGroup: "If you attempt to delete a security group that is associated with
//! an instance or network interface, is referenced by another security group in the same
//! VPC […] the operation fails with `DependencyViolation`"; "Delete a security group": a
//! default group cannot be deleted.

use super::super::call::Call;
use super::super::errors::Refusal;
use super::super::{Inner, xml};
use super::{dependency, interfaces};

pub(super) async fn may_delete(front: &Inner, call: &Call) -> Result<(), Refusal> {
    let Some(id) = call.get("GroupId") else {
        return Ok(());
    };
    let own = front
        .upstream
        .text(call, "ec2", "DescribeSecurityGroups", &[("GroupId.1", id)])
        .await?;
    let named_default = xml::read(&own, |document| {
        xml::items(document, "securityGroupInfo")
            .any(|item| xml::text_of(item, "groupName") == Some("default"))
    });
    if named_default {
        return Err(Refusal::new(
            "CannotDelete",
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
        ));
    }
    let refused = || dependency(format!("resource {id} has a dependent object"));
    if !interfaces::using(front, call, "group-id", id)
        .await?
        .is_empty()
    {
        return Err(refused());
    }
    for filter in ["ip-permission.group-id", "egress.ip-permission.group-id"] {
        let fields = [("Filter.1.Name", filter), ("Filter.1.Value.1", id)];
        let referring = front
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
