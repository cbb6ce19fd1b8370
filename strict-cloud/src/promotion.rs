//! Which instance of an Aurora cluster a failover promotes.
//!
//! "High availability for Amazon Aurora", Amazon Aurora User Guide: "the Aurora Replica that has the
//! highest priority", and of those "the replica that is largest in size". Texts:
//! [`crate::refusals::rds`].

use std::cmp::Reverse;

use crate::errors::AwsError;
use crate::refusals::rds::FAILOVER_ALONE;

/// An instance of a cluster.
#[derive(Debug, Clone)]
pub(crate) struct ClusterMember {
    pub(crate) id: String,
    /// It is the one that writes.
    pub(crate) writes: bool,
    /// It is available.
    pub(crate) usable: bool,
    /// From 0, which is promoted first, to 15.
    pub(crate) tier: u32,
    pub(crate) class: String,
}

/// The reader that becomes the writer: the one that a call names, or else the best.
pub(crate) fn promoted<'a>(
    members: &'a [ClusterMember],
    target: Option<&str>,
) -> Result<&'a ClusterMember, AwsError> {
    let can_be = |member: &&ClusterMember| !member.writes && member.usable;
    let Some(target) = target else {
        let readers = members.iter().filter(can_be);
        let best = readers.min_by_key(|member| (member.tier, Reverse(size_of(&member.class))));
        return best.ok_or_else(|| AwsError::known(&FAILOVER_ALONE));
    };
    let named = members.iter().find(|member| member.id == target);
    let named = named.ok_or_else(|| {
        AwsError::new(
            "InvalidParameterValue",
            format!("Cannot find target instance: {target}"),
        )
    })?;
    Some(named).filter(can_be).ok_or_else(|| {
        AwsError::new(
            "InvalidDBInstanceState",
            format!("Instance {target} should be in valid state for failover."),
        )
    })
}

/// Where a class stands among those of its family, by the last part of its name.
fn size_of(class: &str) -> u32 {
    match class.rsplit('.').next().unwrap_or_default() {
        "small" => 1,
        "medium" => 2,
        "large" => 3,
        "xlarge" => 4,
        size => match size.strip_suffix("xlarge").map(str::parse::<u32>) {
            Some(Ok(times)) => 3 + times,
            _ => 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, tier: u32, class: &str) -> ClusterMember {
        ClusterMember {
            id: id.to_owned(),
            writes: false,
            usable: true,
            tier,
            class: class.to_owned(),
        }
    }

    #[test]
    fn priority_goes_before_size_and_size_before_order() {
        let mut members = vec![
            member("a", 1, "db.r6g.large"),
            member("b", 1, "db.r6g.large"),
            member("c", 1, "db.r6g.2xlarge"),
            member("d", 0, "db.r6g.large"),
        ];
        let promotes = |members: &[ClusterMember]| promoted(members, None).unwrap().id.clone();
        assert_eq!(promotes(&members), "d");
        members[3].writes = true;
        assert_eq!(promotes(&members), "c");
        members[2].usable = false;
        assert_eq!(promotes(&members), "a");
    }

    #[test]
    fn a_target_has_to_be_an_available_reader() {
        let mut members = vec![member("a", 1, "c"), member("b", 1, "c")];
        members[0].writes = true;
        let code = |members: &[ClusterMember], target| promoted(members, target).unwrap_err().code;
        assert_eq!(code(&members, Some("x")), "InvalidParameterValue");
        assert_eq!(code(&members, Some("a")), "InvalidDBInstanceState");
        assert_eq!(promoted(&members, Some("b")).unwrap().id, "b");
        members[1].usable = false;
        assert_eq!(code(&members, Some("b")), "InvalidDBInstanceState");
        assert_eq!(code(&members, None), "InvalidDBClusterStateFault");
    }
}
