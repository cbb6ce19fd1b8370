//! The private DNS zone.

use crate::spec::PricedItem;

use super::super::{AttributeValue, Attributes, Kind};
use super::charge::Charge;
use super::grants::{
    CREATE_AND_UPDATE, DELETE, Grant, GrantCondition, GrantUse, NamedResources, READ, TAKING_DOWN,
    read,
};
use super::info::{AttributeInfo, KindInfo, minutes};
use super::resource::Resource;

/// A DNS zone that is seen inside the VPC alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateZone;

impl Resource for PrivateZone {
    fn attributes(&self) -> Attributes {
        [("tagged", AttributeValue::from(true))]
            .into_iter()
            .collect()
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::Vpc, Kind::Seed],
    // Until its name servers have it.
    typical_seconds: 30,
    // Terraform's AWS provider 1a5174b, internal/service/route53/wait.go.
    patience: minutes(15),
    attributes: &[AttributeInfo::flag("tagged")],
    charges: |_, prices| {
        let price = prices.item(PricedItem::PrivateZone);
        Ok(vec![Charge::new("private DNS zone", 1.0, price)])
    },
    grants: &[
        read("route53:ListHostedZonesByName", "finding the private zone"),
        // An existing zone is read even when the YAML has none any more.
        ANY_ZONE.grant(
            READ,
            "route53:ListTagsForResource route53:ListResourceRecordSets",
            "what is in the private zone",
        ),
        Grant::new(
            "PrivateZones",
            CREATE_AND_UPDATE,
            "route53:CreateHostedZone",
            // The action has no resource types: IAM asks for it on `*` alone.
            "*",
            GrantCondition::PrivateZone,
            "a zone that is seen inside the VPC alone",
        ),
        CHANGES.grant(
            CREATE_AND_UPDATE,
            "route53:GetChange",
            "waiting until every name server has a change",
        ),
        ZONE.grant(
            CREATE_AND_UPDATE,
            "route53:ChangeTagsForResource",
            "names for hosts and services inside the VPC",
        ),
        records(DELETE, TAKING_DOWN),
        // AWS deletes no zone that still has records, and of those only the environment's can
        // be changed.
        ZONE.grant(DELETE, "route53:DeleteHostedZone", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};

/// Changes have ids of their own.
const CHANGES: NamedResources = NamedResources {
    statement: "PrivateDnsChanges",
    on: "arn:{partition}:route53:::change/*",
};

/// Reading, before the zone's id is known.
const ANY_ZONE: NamedResources = NamedResources {
    statement: "ReadPrivateDns",
    on: "arn:{partition}:route53:::hostedzone/*",
};

/// Hosted zones have ids and no names in their ARNs, and no condition key is about them.
const ZONE: NamedResources = NamedResources {
    statement: "PrivateDns",
    on: "arn:{partition}:route53:::hostedzone/{zone}",
};

/// Changing records, by their names as long as the zone's id is not known.
pub(super) const fn records(access: &'static [GrantUse], why: &'static str) -> Grant {
    Grant::new(
        "PrivateRecords",
        access,
        "route53:ChangeResourceRecordSets",
        ZONE.on,
        GrantCondition::OwnRecords,
        why,
    )
}
