//! The instances of hosts.

use std::time::Duration;

use crate::spec::{HostName, PricedItem, Prices, Protection};

use super::super::{Address, AttributeValue, Attributes, Kind, UnreadableAttribute};
use super::charge::{Charge, Priced};
use super::grants::{
    CREATE, CREATE_AND_UPDATE, DELETE, Grant, GrantCondition, TAKING_DOWN, UPDATE,
    UPDATE_AND_DELETE, create, own, read,
};
use super::info::{AttributeInfo, KindInfo, OnDifference, WhenFailed, minutes_each};
use super::quota::Quota;
use super::resource::Resource;

/// A host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its role and number.
    pub host: HostName,
    /// EC2 instance type, for example `c7i.xlarge`.
    pub instance_type: String,
    /// Size of the root volume, GiB.
    pub disk_gib: u32,
    /// Whether AWS refuses to terminate it.
    pub protected: bool,
    /// The subnet that it is in.
    pub subnet: Address,
    /// Subnets of the other zones, for when this one has no capacity.
    pub other_subnets: Vec<Address>,
    /// Types for when no zone has capacity for the first.
    pub fallback_types: Vec<String>,
    /// Security group.
    pub group: Address,
    /// The operators' key.
    pub key_pair: Address,
    /// Instance profile.
    pub profile: Address,
    /// After how long it ends itself; it then is terminated. Rigs' hosts never do.
    pub lifetime: Option<Duration>,
}

impl Resource for Instance {
    fn attributes(&self) -> Attributes {
        [
            (
                "instance_type",
                AttributeValue::from(self.instance_type.as_str()),
            ),
            ("disk_gib", self.disk_gib.into()),
            ("public_address", self.subnet.is_public_subnet().into()),
            ("deletion_protection", self.protected.into()),
            ("groups", AttributeValue::names([&self.group])),
            ("metadata_tokens", "required".into()),
            ("profile", AttributeValue::names([&self.profile])),
        ]
        .into_iter()
        .collect()
    }

    fn accepts(&self, attribute: &str, value: &AttributeValue) -> bool {
        let types = &self.fallback_types;
        attribute == "instance_type" && types.iter().any(|name| *value == name.as_str().into())
    }

    /// The wanted type in every zone, then the next type.
    fn alternatives(&self) -> Vec<Self> {
        let types = std::iter::once(&self.instance_type).chain(&self.fallback_types);
        let places = || std::iter::once(&self.subnet).chain(&self.other_subnets);
        types
            .flat_map(|instance_type| places().map(move |subnet| (instance_type, subnet)))
            .skip(1)
            .map(|(instance_type, subnet)| Self {
                instance_type: instance_type.clone(),
                subnet: subnet.clone(),
                ..self.clone()
            })
            .collect()
    }

    fn placement(&self) -> String {
        format!("{} in {}", self.instance_type, self.subnet)
    }

    fn protection(&self) -> Protection {
        Protection {
            deletion: self.protected,
            final_snapshot: false,
        }
    }

    fn dns_name(&self) -> Option<String> {
        Some(self.host.to_string())
    }

    fn subnet(&self) -> Option<&Address> {
        Some(&self.subnet)
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[
        // Until the last host is gone it may still write files or use its role.
        Kind::Bucket,
        Kind::InstanceProfile,
        Kind::KeyPair,
        Kind::RouteTable,
        Kind::SecurityRules,
        Kind::SecurityGroup,
        // A gateway cannot be detached while hosts hold public addresses.
        Kind::InternetGateway,
        Kind::Subnet,
        Kind::Seed,
    ],
    // 8 s to running; 25 s more until SSH answers.
    typical_seconds: 10,
    // terraform-provider-aws, internal/service/ec2/ec2_instance.go: 20 minutes to delete.
    patience: minutes_each(10, 10, 20),
    when_failed: WhenFailed::Replace,
    attributes: &[
        AttributeInfo::text("instance_type").or(OnDifference::Replace),
        AttributeInfo::number("disk_gib").or(OnDifference::Replace),
        AttributeInfo::flag("public_address").or(OnDifference::Replace),
        // These are a call of their own and change nothing that runs.
        AttributeInfo::flag("deletion_protection"),
        AttributeInfo::names("groups"),
        AttributeInfo::text("metadata_tokens"),
        // EC2 may launch a host without a profile that IAM made a moment ago, and says nothing.
        AttributeInfo::names("profile"),
        AttributeInfo::flag("finished").output(),
        AttributeInfo::text("reason").output().volatile(),
        AttributeInfo::text("reason_code").output().volatile(),
    ],
    charges,
    quotas: |of, catalog| {
        let mut quotas = Vec::new();
        let kind = of.text("instance_type");
        let vcpus = |kind| {
            catalog
                .ec2
                .get(kind)
                .map_or(0.0, |kind| f64::from(kind.vcpu))
        };
        quotas.extend(kind.map(|kind| (Quota::StandardVcpus, vcpus(kind))));
        let disk = of.quantity("disk_gib")?;
        quotas.extend(disk.map(|gib| (Quota::Gp3StorageTib, gib / 1024.0)));
        Ok(quotas)
    },
    grants: &[
        read(
            "ec2:DescribeIamInstanceProfileAssociations ec2:DescribeImages ec2:DescribeInstances \
             ec2:DescribeVolumes",
            "finding hosts with their profiles, and the image that they start from",
        ),
        read("ec2:DescribeInstanceStatus", "why a host does not answer"),
        create(
            "ec2:RunInstances",
            "arn:{partition}:ec2:{region}:{account}:instance/* \
         arn:{partition}:ec2:{region}:{account}:network-interface/* \
         arn:{partition}:ec2:{region}:{account}:volume/*",
            "the hosts, their interfaces and root volumes",
        ),
        own(
            CREATE,
            "ec2:RunInstances",
            "in the environment's own subnets and groups, with its own key",
        ),
        Grant::new(
            "LaunchFromImages",
            CREATE,
            "ec2:RunInstances",
            "arn:{partition}:ec2:{region}::image/*",
            GrantCondition::Always,
            "Debian's image, which is in Debian's account",
        ),
        own(
            CREATE_AND_UPDATE,
            "ec2:ModifyInstanceAttribute",
            "termination protection, on and off",
        ),
        own(
            UPDATE,
            "ec2:ModifyInstanceAttribute ec2:ModifyInstanceMetadataOptions",
            "returning a host to its own group, and requiring metadata tokens",
        ),
        own(
            CREATE_AND_UPDATE,
            "ec2:AssociateIamInstanceProfile ec2:ReplaceIamInstanceProfileAssociation",
            "giving a host the profile that its launch went without",
        ),
        Grant::new(
            "TagHostProtection",
            UPDATE_AND_DELETE,
            "ec2:CreateTags",
            "arn:{partition}:ec2:{region}:{account}:instance/*",
            GrantCondition::OwnedTag("loadrig:protection"),
            "recording a host's protection in its tag; no other tag can be changed",
        ),
        own(
            DELETE,
            "ec2:ModifyInstanceAttribute",
            "lifting protection before the termination",
        ),
        own(DELETE, "ec2:TerminateInstances", TAKING_DOWN),
        own(
            UPDATE,
            "ec2:TerminateInstances",
            "a host whose type or disk changes is replaced",
        ),
    ],
    ..KindInfo::COMMON
};

fn charges(priced: Priced<'_>, prices: &Prices) -> Result<Vec<Charge>, UnreadableAttribute> {
    let of = priced.attributes;
    let host = of.text("instance_type").unwrap_or_default();
    // A public address is also a host's way out to packages, whichever address operators use.
    let public = f64::from(u8::from(of.flag("public_address")? == Some(true)));
    Ok(vec![
        Charge::new(
            format!("{} {host}", priced.address.role_text()),
            1.0,
            prices.host(host),
        ),
        Charge::new(
            "GiB of root volumes (gp3)",
            of.quantity("disk_gib")?.unwrap_or(0.0),
            prices.item(PricedItem::EbsGp3),
        ),
        Charge::public_address(public, prices),
    ])
}
