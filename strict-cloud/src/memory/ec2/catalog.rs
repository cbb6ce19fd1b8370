//! What every account is told: zones, images, instance types, default network ACLs; and key
//! pairs.

use crate::errors::AwsError;

use super::super::account::{
    AwsAccount, CreationTime, NUMBER, QueryResult, TagMap, unknown_action,
};
use super::super::form::QueryForm;
use super::super::writer::{XmlWriter, xml};
use super::listing::{Listed, filters, matches_any};
use super::{Ec2, done, tags_for, write_tags};

/// The one image there is, Debian's.
pub(super) const IMAGE: &str = "ami-0aaaaaaaaaaaaaaa1";
const IMAGE_NAME: &str = "debian-12-amd64-20250101-1978";
const IMAGE_OWNER: &str = "136693071363";

/// A key pair, by its name.
#[derive(Debug, Clone, Hash)]
pub(super) struct KeyPairRecord {
    id: String,
    material: String,
    created: CreationTime,
    pub(super) tags: TagMap,
}

pub(super) fn import_key(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = form.required("KeyName")?;
    let material = form.required("PublicKeyMaterial")?;
    let tags = tags_for(form, "key-pair")?;
    if account.ec2.keys.contains_key(name) {
        return Err(AwsError::new(
            "InvalidKeyPair.Duplicate",
            format!("The keypair already exists: '{name}'"),
        ));
    }
    let key = KeyPairRecord {
        id: account.new_id("key"),
        material: material.to_owned(),
        created: CreationTime(account.now),
        tags,
    };
    let answer = xml(|xml| write_key(name, &key, xml));
    account.ec2.keys.insert(name.to_owned(), key);
    Ok(answer)
}

/// Succeeds where there is none, as on AWS.
///
/// DeleteKeyPair: "Deletes the specified key pair, by removing the public key from Amazon EC2."
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteKeyPair.html>).
pub(super) fn delete_key(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    account.ec2.keys.remove(form.required("KeyName")?);
    done()
}

fn write_key(name: &str, key: &KeyPairRecord, xml: &mut XmlWriter) {
    // AWS's is a hash of the key; what matters is that another key has another one.
    let tail = key.material.get(key.material.len().saturating_sub(32)..);
    xml.text("keyPairId", &key.id);
    xml.text("keyName", name);
    xml.text("keyFingerprint", tail.unwrap_or_default());
    write_tags(xml, &key.tags);
}

impl Listed for KeyPairRecord {
    const ID_FIELD: &'static str = "KeyName";
    const MISSING: (&'static str, &'static str) = ("InvalidKeyPair.NotFound", "key pair");
    const TYPE: &'static str = "key-pair";
    const FILTERS: &'static [&'static str] = &["key-name", "key-pair-id"];

    fn tags(&self) -> &TagMap {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut TagMap {
        &mut self.tags
    }

    fn values(&self, filter: &str, name: &str, _: &Ec2) -> Vec<String> {
        vec![match filter {
            "key-name" => name.to_owned(),
            _ => self.id.clone(),
        }]
    }

    fn write(&self, name: &str, _: &Ec2, xml: &mut XmlWriter) {
        write_key(name, self, xml);
        xml.text("keyType", "ed25519");
        xml.value("createTime", self.created);
    }
}

/// The zones of a region: three.
pub(super) fn zone_names(region: &str) -> [String; 3] {
    ["a", "b", "c"].map(|letter| format!("{region}{letter}"))
}

/// Whether filters admit something that has these values.
fn admits(filters: &[(&str, Vec<&str>)], value_of: impl Fn(&str) -> String) -> bool {
    filters
        .iter()
        .all(|(name, wanted)| matches_any(wanted, &value_of(name)))
}

pub(super) fn zones(account: &AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let filters = filters(form, &["zone-name", "zone-type", "state", "region-name"])?;
    let zones = zone_names(&account.region).into_iter().filter(|zone| {
        admits(&filters, |name| match name {
            "zone-type" => "availability-zone".to_owned(),
            "state" => "available".to_owned(),
            "region-name" => account.region.clone(),
            _ => zone.clone(),
        })
    });
    Ok(xml(|xml| {
        xml.list("availabilityZoneInfo", "item", zones, |xml, zone| {
            xml.text("zoneName", &zone);
            xml.text("zoneState", "available");
            xml.text("zoneType", "availability-zone");
            xml.text("regionName", &account.region);
        });
    }))
}

pub(super) fn images(form: &QueryForm<'_>) -> QueryResult {
    form.accept(&["MaxResults"]);
    let (owners, ids) = (form.list("Owner"), form.list("ImageId"));
    let filters = filters(form, &["name", "architecture", "state"])?;
    let found = (owners.is_empty() || owners.contains(&IMAGE_OWNER))
        && (ids.is_empty() || ids.contains(&IMAGE))
        && admits(&filters, |name| {
            match name {
                "name" => IMAGE_NAME,
                "architecture" => "x86_64",
                _ => "available",
            }
            .to_owned()
        });
    Ok(xml(|xml| {
        xml.list("imagesSet", "item", found.then_some(()), |xml, ()| {
            xml.text("imageId", IMAGE);
            xml.text("name", IMAGE_NAME);
            xml.text("imageOwnerId", IMAGE_OWNER);
            xml.text("imageState", "available");
            xml.text("architecture", "x86_64");
            xml.text("creationDate", "2025-01-01T00:00:00.000Z");
            xml.text("rootDeviceName", "/dev/xvda");
            xml.text("rootDeviceType", "ebs");
            xml.text("isPublic", "true");
        });
    }))
}

/// Every type that is asked for exists.
pub(super) fn instance_types(form: &QueryForm<'_>) -> QueryResult {
    let kinds = form.list("InstanceType");
    Ok(xml(|xml| {
        xml.list("instanceTypeSet", "item", kinds, |xml, kind| {
            xml.text("instanceType", kind);
        });
    }))
}

/// Every type that is asked for is offered in every zone.
pub(super) fn offerings(account: &AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    form.accept(&["MaxResults", "LocationType"]);
    let filters = filters(form, &["instance-type"])?;
    let zones = zone_names(&account.region);
    let kinds = filters.into_iter().flat_map(|(_, kinds)| kinds);
    let offers = kinds.flat_map(|kind| zones.iter().map(move |zone| (kind, zone)));
    Ok(xml(|xml| {
        xml.list(
            "instanceTypeOfferingSet",
            "item",
            offers,
            |xml, (kind, zone)| {
                xml.text("instanceType", kind);
                xml.text("locationType", "availability-zone");
                xml.text("location", zone);
            },
        );
    }))
}

/// Each VPC has its default one.
pub(super) fn network_acls(ec2: &Ec2, form: &QueryForm<'_>) -> QueryResult {
    form.accept(&["MaxResults"]);
    let filters = filters(form, &["vpc-id", "default"])?;
    let acls = ec2.vpcs.keys().filter(|vpc| {
        admits(&filters, |name| match name {
            "vpc-id" => (*vpc).clone(),
            _ => "true".to_owned(),
        })
    });
    Ok(xml(|xml| {
        xml.list("networkAclSet", "item", acls, |xml, vpc| {
            xml.text("networkAclId", vpc.replace("vpc-", "acl-"));
            xml.text("vpcId", vpc);
            xml.text("default", "true");
            xml.text("ownerId", NUMBER);
        });
    }))
}

/// Kinds that are listed and that nobody can create here.
///
/// DescribeEgressOnlyInternetGateways: "The default is to describe all your egress-only internet
/// gateways."
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeEgressOnlyInternetGateways.html>);
/// DescribeVpnGateways: "Describes one or more of your virtual private gateways."
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpnGateways.html>).
pub(super) fn none(action: &str, form: &QueryForm<'_>) -> QueryResult {
    let known: (&str, &[&str]) = match action {
        "DescribeSnapshots" => ("snapshotSet", &["volume-id", "status"]),
        "DescribeEgressOnlyInternetGateways" => ("egressOnlyInternetGatewaySet", &[]),
        "DescribeVpnGateways" => ("vpnGatewaySet", &["attachment.vpc-id"]),
        "DescribeVpcPeeringConnections" => (
            "vpcPeeringConnectionSet",
            &["requester-vpc-info.vpc-id", "accepter-vpc-info.vpc-id"],
        ),
        "DescribeLaunchTemplates" => ("launchTemplates", &[]),
        _ => return Err(unknown_action(action)),
    };
    form.accept(&["MaxResults"]);
    form.list("Owner");
    filters(form, known.1)?;
    Ok(xml(|xml| xml.node(known.0, |_| {})))
}
