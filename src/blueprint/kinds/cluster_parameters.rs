//! The parameter group of the Aurora cluster.

use std::collections::BTreeMap;

use super::super::{AttributeValue, Attributes, parameter_lines};
use super::database_cluster::CLUSTERS;
use super::grants::{CREATE, CREATE_AND_UPDATE, DELETE, TAKING_DOWN, read};
use super::info::{AttributeInfo, Band, KindInfo, OnDifference};
use super::resource::Resource;

/// What the instances of an Aurora cluster have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterParameters {
    /// For example `aurora-postgresql15`.
    pub family: String,
    /// The parameters that differ from the family's own.
    pub parameters: BTreeMap<String, String>,
}

impl Resource for ClusterParameters {
    fn attributes(&self) -> Attributes {
        [
            ("family", AttributeValue::from(self.family.as_str())),
            ("parameters", parameter_lines(&self.parameters)),
        ]
        .into_iter()
        .collect()
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    attributes: &[
        AttributeInfo::text("family").or(OnDifference::Refuse(
            "a parameter group cannot change its family",
        )),
        AttributeInfo::lines("parameters"),
    ],
    band: Band::ManagedServices,
    grants: &[
        read(
            "rds:DescribeDBClusterParameterGroups rds:DescribeDBClusterParameters \
         rds:ListTagsForResource",
            "finding databases and what they use",
        ),
        CLUSTERS.grant(
            CREATE,
            "rds:AddTagsToResource rds:CreateDBClusterParameterGroup",
            "the published settings of the database",
        ),
        CLUSTERS.grant(
            CREATE_AND_UPDATE,
            "rds:ModifyDBClusterParameterGroup rds:ResetDBClusterParameterGroup",
            "the published settings of the database",
        ),
        CLUSTERS.grant(DELETE, "rds:DeleteDBClusterParameterGroup", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};
