//! The parameter group of the Aurora cluster.

use std::collections::BTreeMap;

use super::super::Attributes;
use super::database_cluster::CLUSTERS;
use super::database_parameters::{GROUP_ATTRIBUTES, PUBLISHED_SETTINGS, group_attributes};
use super::grants::{CREATE, CREATE_AND_UPDATE, DELETE, TAKING_DOWN, read};
use super::info::{Band, KindInfo};
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
        group_attributes(&self.family, &self.parameters)
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    attributes: GROUP_ATTRIBUTES,
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
            PUBLISHED_SETTINGS,
        ),
        CLUSTERS.grant(
            CREATE_AND_UPDATE,
            "rds:ModifyDBClusterParameterGroup rds:ResetDBClusterParameterGroup",
            PUBLISHED_SETTINGS,
        ),
        CLUSTERS.grant(DELETE, "rds:DeleteDBClusterParameterGroup", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};
