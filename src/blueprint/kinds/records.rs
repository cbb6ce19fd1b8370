//! The records of the private DNS zone.

use std::collections::BTreeMap;

use super::super::{Address, AttributeValue, Attributes, Kind};
use super::grants::{CREATE_AND_UPDATE, DELETE, TAKING_DOWN};
use super::info::{AttributeInfo, KindInfo, minutes};
use super::resource::Resource;
use super::zone::records;

/// A name for everything that has an address or an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneRecords {
    /// The zone that they are in.
    pub zone: Address,
    /// What each name leads to.
    pub names: BTreeMap<String, Address>,
}

impl Resource for ZoneRecords {
    fn attributes(&self) -> Attributes {
        let lines = self.names.iter();
        let lines = lines.map(|(name, target)| format!("{name} {target}"));
        [("names", AttributeValue::lines(lines))]
            .into_iter()
            .collect()
    }

    fn holds_ids_of(&self) -> Vec<Address> {
        self.names.values().cloned().collect()
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::Zone],
    // Until the zone's name servers have them.
    typical_seconds: 30,
    // Terraform's AWS provider 1a5174b, internal/service/route53/wait.go.
    patience: minutes(15),
    attributes: &[AttributeInfo::lines("names")],
    grants: &[
        records(CREATE_AND_UPDATE, "what each name leads to"),
        records(DELETE, TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};
