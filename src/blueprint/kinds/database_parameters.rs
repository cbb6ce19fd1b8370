//! Parameter groups of database instances, and what those of clusters have in common with them.

use std::collections::BTreeMap;

use super::super::{AttributeValue, Attributes, parameter_lines};
use super::database::DATABASES;
use super::grants::{CREATE, CREATE_AND_UPDATE, DELETE, TAKING_DOWN, read};
use super::info::{AttributeInfo, Band, KindInfo, OnDifference};
use super::resource::Resource;

/// The parameter group of the writer or of the readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseParameters {
    /// Whose group it is.
    pub reader: bool,
    /// For example `postgres15`.
    pub family: String,
    /// The parameters that differ from the family's own.
    pub parameters: BTreeMap<String, String>,
}

impl Resource for DatabaseParameters {
    fn attributes(&self) -> Attributes {
        group_attributes(&self.family, &self.parameters)
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    attributes: GROUP_ATTRIBUTES,
    band: Band::ManagedServices,
    grants: &[
        read(
            "rds:DescribeDBParameterGroups rds:DescribeDBParameters rds:ListTagsForResource",
            "finding databases and what they use",
        ),
        DATABASES.grant(
            CREATE,
            "rds:AddTagsToResource rds:CreateDBParameterGroup",
            PUBLISHED_SETTINGS,
        ),
        DATABASES.grant(
            CREATE_AND_UPDATE,
            "rds:ModifyDBParameterGroup rds:ResetDBParameterGroup",
            PUBLISHED_SETTINGS,
        ),
        DATABASES.grant(DELETE, "rds:DeleteDBParameterGroup", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};

/// The attributes of a parameter group, of instances or of a cluster.
pub(super) const GROUP_ATTRIBUTES: &[AttributeInfo] = &[
    AttributeInfo::text("family").or(OnDifference::Refuse(
        "a parameter group cannot change its family",
    )),
    AttributeInfo::lines("parameters"),
];

/// What permissions for parameter groups are needed for.
pub(super) const PUBLISHED_SETTINGS: &str = "the published settings of the database";

/// The values of those attributes.
pub(super) fn group_attributes(family: &str, parameters: &BTreeMap<String, String>) -> Attributes {
    [
        ("family", AttributeValue::from(family)),
        ("parameters", parameter_lines(parameters)),
    ]
    .into_iter()
    .collect()
}
