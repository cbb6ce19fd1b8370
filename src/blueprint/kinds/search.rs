//! The search domain.

use crate::spec::{Masters, PricedItem, Prices, VolumePerformance};

use super::super::{Address, AttributeValue, Attributes, Kind, UnreadableAttribute};
use super::charge::{Billing, Charge, Priced};
use super::grants::{CREATE, DELETE, NamedResources, READ, TAKING_DOWN, UPDATE, service_role};
use super::info::{AttributeInfo, Band, KindInfo, OnDifference, WhenFailed, minutes_each};
use super::quota::Quota;
use super::resource::Resource;

/// An OpenSearch domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchDomain {
    /// Engine version.
    pub version: String,
    /// Data nodes.
    pub nodes: u32,
    /// Type of the data nodes.
    pub instance_type: String,
    /// Storage of each data node.
    pub storage_gib: u32,
    /// What that storage does; none leaves it to the service.
    pub volume: Option<VolumePerformance>,
    /// Nodes that hold no data.
    pub masters: Option<Masters>,
    /// The role that may use it, and nobody else.
    pub role: Address,
    /// One subnet for one zone, else as many as zones. It stays in those that it is in.
    pub subnets: Vec<Address>,
    /// Security group.
    pub group: Address,
}

impl Resource for SearchDomain {
    fn attributes(&self) -> Attributes {
        let masters = self.masters.as_ref();
        let masters = masters.map(|masters| format!("{} {}", masters.count, masters.instance_type));
        let mut attributes: Attributes = [
            ("version", AttributeValue::from(self.version.as_str())),
            ("nodes", self.nodes.into()),
            ("instance_type", self.instance_type.as_str().into()),
            ("storage_gib", self.storage_gib.into()),
            ("masters", masters.unwrap_or_else(|| NONE.to_owned()).into()),
            ("access", AttributeValue::from(&self.role)),
        ]
        .into_iter()
        .collect();
        if let Some(volume) = self.volume {
            attributes.insert("iops", volume.iops);
            attributes.insert("throughput_mibps", volume.throughput_mibps);
        }
        attributes
    }

    fn dns_name(&self) -> Option<String> {
        Some("search".to_owned())
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[
        Kind::SecurityRules,
        Kind::SecurityGroup,
        Kind::Subnet,
        Kind::Seed,
    ],
    // 10 to 65 min.
    typical_seconds: 1020,
    // As Terraform's AWS provider 1a5174b, internal/service/opensearch/domain.go. A change copies
    // every node's data to new nodes.
    patience: minutes_each(60, 180, 90),
    // Terraform's AWS provider 1a5174b, internal/service/opensearch/wait.go: a domain that was
    // missing once has been listed again.
    missing_reads_until_gone: 3,
    when_failed: WhenFailed::Refuse,
    // It has an address as soon as its creation is over, and keeps it.
    holds_nothing: |_, of| of.text("endpoint").is_none(),
    attributes: &[
        AttributeInfo::text("version"),
        AttributeInfo::number("nodes"),
        AttributeInfo::text("instance_type"),
        AttributeInfo::number("storage_gib").or(OnDifference::Grow),
        AttributeInfo::number("iops"),
        AttributeInfo::number("throughput_mibps"),
        AttributeInfo::text("masters"),
        AttributeInfo::text("access"),
        AttributeInfo::number("zones").output(),
        AttributeInfo::number("port").output(),
    ],
    band: Band::ManagedServices,
    charges,
    quotas: |of, _| {
        let mut quotas = vec![(Quota::SearchDomains, 1.0)];
        let nodes = of.quantity("nodes")?;
        quotas.extend(nodes.map(|nodes| (Quota::SearchNodesPerDomain, nodes)));
        Ok(quotas)
    },
    grants: &[
        DOMAIN.grant(
            READ,
            "es:DescribeDomain es:ListTags",
            "finding the search domain",
        ),
        DOMAIN.grant(CREATE, "es:AddTags es:CreateDomain", "the search domain"),
        service_role(
            "opensearchservice.amazonaws.com",
            "the role that lets a domain into a VPC; the role stays",
        ),
        DOMAIN.grant(
            UPDATE,
            "es:UpdateDomainConfig",
            "other nodes, more storage, another access policy",
        ),
        DOMAIN.grant(DELETE, "es:DeleteDomain", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};

pub(super) const DOMAIN: NamedResources = NamedResources {
    statement: "Search",
    on: "arn:{partition}:es:{region}:{account}:domain/lr-{environment}-search",
};

/// The value of `masters` on a domain whose data nodes are their own masters.
const NONE: &str = "none";

fn charges(priced: Priced<'_>, prices: &Prices) -> Result<Vec<Charge>, UnreadableAttribute> {
    let of = priced.attributes;
    let node = |name: &str| prices.search_node(name);
    let nodes = of.quantity("nodes")?.unwrap_or(0.0);
    let kind = of.text("instance_type").unwrap_or_default();
    let data = Charge::new(format!("search data node {kind}"), nodes, node(kind));
    let mut charges = vec![data.billed(Billing::StartedHour)];
    if let Some(text) = of.text("masters").filter(|text| *text != NONE) {
        let parsed = text
            .split_once(' ')
            .and_then(|(count, kind)| Some((count.parse::<f64>().ok()?, kind)));
        let (count, kind) = parsed.ok_or_else(|| of.unreadable("masters", "a count and a type"))?;
        let masters = Charge::new(format!("search master {kind}"), count, node(kind));
        charges.push(masters.billed(Billing::StartedHour));
    }
    charges.push(Charge::new(
        "GiB of search storage (gp3)",
        of.quantity("storage_gib")?.unwrap_or(0.0) * nodes,
        prices.item(PricedItem::OpensearchGp3),
    ));
    Ok(charges)
}
