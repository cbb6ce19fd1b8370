//! Parameter groups of database instances.

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
            "rds:DescribeDBParameterGroups rds:DescribeDBParameters rds:ListTagsForResource",
            "finding databases and what they use",
        ),
        DATABASES.grant(
            CREATE,
            "rds:AddTagsToResource rds:CreateDBParameterGroup",
            "the published settings of the database",
        ),
        DATABASES.grant(
            CREATE_AND_UPDATE,
            "rds:ModifyDBParameterGroup rds:ResetDBParameterGroup",
            "the published settings of the database",
        ),
        DATABASES.grant(DELETE, "rds:DeleteDBParameterGroup", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};
