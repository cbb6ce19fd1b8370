//! EC2 and VPC.
//!
//! Codes: "Error codes for the Amazon EC2 API". What depends on what: the pages of each Delete
//! action, and "Delete your VPC". Tokens: "Ensuring idempotency in Amazon EC2 API requests".
//! Lists lag behind creations ("Eventual consistency in the Amazon EC2 API"): what was created a
//! moment ago is not listed yet, though calls that name it work.

mod catalog;
mod endpoints;
mod groups;
mod instances;
mod interfaces;
mod launch;
mod listing;
mod nat;
mod network;
mod profiles;
mod routes;
mod status_checks;
mod tokens;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;

use crate::clock::Delay;
use crate::errors::AwsError;

use super::account::{AccountResource, AwsAccount, QueryResult, TagMap, unknown_action};
use super::form::QueryForm;
use super::schedule::ScheduledEvent;
use super::writer::XmlWriter;

use catalog::KeyPairRecord;
use endpoints::EndpointRecord;
use groups::GroupRecord;
use instances::InstanceRecord;
pub use interfaces::ForeignInterface;
use interfaces::InterfaceRecord;
pub(super) use interfaces::NewInterfaces;
use nat::{ElasticAddressRecord, NatGatewayRecord};
use network::{InternetGatewayRecord, SubnetRecord, VpcRecord};
use routes::RouteTableRecord;
use tokens::ClientTokens;
use volumes::VolumeRecord;

/// All of EC2, by id.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Ec2 {
    vpcs: BTreeMap<String, VpcRecord>,
    subnets: BTreeMap<String, SubnetRecord>,
    gateways: BTreeMap<String, InternetGatewayRecord>,
    tables: BTreeMap<String, RouteTableRecord>,
    addresses: BTreeMap<String, ElasticAddressRecord>,
    nats: BTreeMap<String, NatGatewayRecord>,
    endpoints: BTreeMap<String, EndpointRecord>,
    groups: BTreeMap<String, GroupRecord>,
    keys: BTreeMap<String, KeyPairRecord>,
    instances: BTreeMap<String, InstanceRecord>,
    volumes: BTreeMap<String, VolumeRecord>,
    interfaces: BTreeMap<String, InterfaceRecord>,
    tokens: ClientTokens,
    /// Ids that lists do not show yet.
    unlisted: BTreeSet<String>,
    /// Ids that lists show without their tags.
    untagged: BTreeSet<String>,
    /// Ids that other services do not know yet.
    unknown_to_services: BTreeSet<String>,
    /// Whether NAT gateways see an internet gateway some seconds after it was attached.
    pub(super) gateways_are_late: bool,
}

/// Answers a call.
pub(super) fn answer(account: &mut AwsAccount, action: &str, form: &QueryForm<'_>) -> QueryResult {
    if form.flag("DryRun") == Some(true) {
        return Err(AwsError::with(
            StatusCode::PRECONDITION_FAILED,
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
        ));
    }
    match action {
        "CreateVpc" => network::create_vpc(account, form),
        "ModifyVpcAttribute" => network::modify_vpc(account, form),
        "DescribeVpcAttribute" => network::describe_vpc_attribute(account, form),
        "DeleteVpc" => network::delete_vpc(account, form),
        "CreateSubnet" => network::create_subnet(account, form),
        "ModifySubnetAttribute" => network::modify_subnet(account, form),
        "DeleteSubnet" => network::delete_subnet(account, form),
        "CreateInternetGateway" => network::create_gateway(account, form),
        "AttachInternetGateway" => network::attach_gateway(account, form),
        "DetachInternetGateway" => network::detach_gateway(account, form),
        "DeleteInternetGateway" => network::delete_gateway(account, form),
        "CreateRouteTable" => routes::create(account, form),
        "CreateRoute" => routes::create_route(account, form),
        "ReplaceRoute" => routes::replace_route(account, form),
        "DeleteRoute" => routes::delete_route(account, form),
        "AssociateRouteTable" => routes::associate(account, form),
        "ReplaceRouteTableAssociation" => routes::replace_association(account, form),
        "DisassociateRouteTable" => routes::disassociate(account, form),
        "DeleteRouteTable" => routes::delete(account, form),
        "AllocateAddress" => nat::allocate(account, form),
        "ReleaseAddress" => nat::release(account, form),
        "CreateNatGateway" => nat::create(account, form),
        "DeleteNatGateway" => nat::delete(account, form),
        "CreateVpcEndpoint" => endpoints::create(account, form),
        "ModifyVpcEndpoint" => endpoints::modify(account, form),
        "DeleteVpcEndpoints" => endpoints::delete(account, form),
        "CreateSecurityGroup" => groups::create(account, form),
        "AuthorizeSecurityGroupIngress" => groups::authorize(account, form, false),
        "AuthorizeSecurityGroupEgress" => groups::authorize(account, form, true),
        "RevokeSecurityGroupIngress" => groups::revoke(account, form, false),
        "RevokeSecurityGroupEgress" => groups::revoke(account, form, true),
        "DescribeSecurityGroupRules" => groups::describe_rules(account, form),
        "DeleteSecurityGroup" => groups::delete(account, form),
        "CreateNetworkInterface" => interfaces::create(account, form),
        "DeleteNetworkInterface" => interfaces::delete(account, form),
        "ImportKeyPair" => catalog::import_key(account, form),
        "DeleteKeyPair" => catalog::delete_key(account, form),
        "RunInstances" => launch::run(account, form),
        "TerminateInstances" => instances::terminate(account, form),
        "ModifyInstanceAttribute" => instances::modify(account, form),
        "ModifyInstanceMetadataOptions" => instances::modify_metadata(account, form),
        "StopInstances" => instances::stop(account, form),
        "AssociateIamInstanceProfile" => profiles::associate(account, form),
        "ReplaceIamInstanceProfileAssociation" => profiles::replace(account, form),
        "DescribeIamInstanceProfileAssociations" => profiles::describe(account, form),
        "DescribeInstanceAttribute" => instances::describe_attribute(account, form),
        "DescribeInstances" => instances::describe(account, form),
        "CreateTags" => listing::create_tags(account, form),
        "DeleteTags" => listing::delete_tags(account, form),
        "DescribeTags" => listing::describe_tags(account, form),
        _ => describe(account, action, form),
    }
}

/// Answers a call that lists resources of one kind, or what every account is told.
fn describe(account: &AwsAccount, action: &str, form: &QueryForm<'_>) -> QueryResult {
    let ec2 = &account.ec2;
    match action {
        "DescribeVpcs" => listing::describe(ec2, form, "vpcSet", &ec2.vpcs),
        "DescribeSubnets" => listing::describe(ec2, form, "subnetSet", &ec2.subnets),
        "DescribeInternetGateways" => {
            listing::describe(ec2, form, "internetGatewaySet", &ec2.gateways)
        }
        "DescribeRouteTables" => listing::describe(ec2, form, "routeTableSet", &ec2.tables),
        "DescribeAddresses" => listing::describe(ec2, form, "addressesSet", &ec2.addresses),
        "DescribeNatGateways" => listing::describe(ec2, form, "natGatewaySet", &ec2.nats),
        "DescribeVpcEndpoints" => listing::describe(ec2, form, "vpcEndpointSet", &ec2.endpoints),
        "DescribeSecurityGroups" => listing::describe(ec2, form, "securityGroupInfo", &ec2.groups),
        "DescribeKeyPairs" => listing::describe(ec2, form, "keySet", &ec2.keys),
        "DescribeInstanceStatus" => status_checks::describe(account, form),
        "DescribeVolumes" => listing::describe(ec2, form, "volumeSet", &ec2.volumes),
        "DescribeNetworkInterfaces" => {
            listing::describe(ec2, form, "networkInterfaceSet", &ec2.interfaces)
        }
        "DescribeNetworkAcls" => catalog::network_acls(ec2, form),
        "DescribeAvailabilityZones" => catalog::zones(account, form),
        "DescribeImages" => catalog::images(form),
        "DescribeInstanceTypes" => catalog::instance_types(form),
        "DescribeInstanceTypeOfferings" => catalog::offerings(account, form),
        "DescribeSnapshots"
        | "DescribeEgressOnlyInternetGateways"
        | "DescribeVpnGateways"
        | "DescribeVpcPeeringConnections"
        | "DescribeLaunchTemplates" => catalog::none(action, form),
        _ => Err(unknown_action(action)),
    }
}

/// Lets an event of EC2 happen.
pub(super) fn happen(account: &mut AwsAccount, event: &ScheduledEvent) {
    match event {
        ScheduledEvent::Shown(id) => {
            account.ec2.unlisted.remove(id);
        }
        ScheduledEvent::TagsShown(id) => {
            account.ec2.untagged.remove(id);
        }
        ScheduledEvent::KnownToServices(id) => {
            account.ec2.unknown_to_services.remove(id);
        }
        ScheduledEvent::SubnetShown(id) => network::subnet_shown(&mut account.ec2, id),
        ScheduledEvent::InstanceStarted(id) => instances::started(account, id),
        ScheduledEvent::InstanceEnded(id) => instances::ended(account, id),
        ScheduledEvent::InstanceForgotten(id) => {
            if let Some(instance) = account.ec2.instances.get_mut(id) {
                instance.listed = false;
            }
        }
        ScheduledEvent::NatStarted(id) => nat::started(account, id),
        ScheduledEvent::NatEnded(id) => nat::ended(account, id),
        ScheduledEvent::NatForgotten(id) => {
            if let Some(nat) = account.ec2.nats.get_mut(id) {
                nat.listed = false;
            }
        }
        ScheduledEvent::EndpointEnded(id) => endpoints::ended(&mut account.ec2, id),
        ScheduledEvent::InterfacesLeft(owner) => interfaces::left(&mut account.ec2, owner),
        _ => {}
    }
}

impl AwsAccount {
    /// The id of a new resource, which lists show after a while.
    fn new_ec2_id(&mut self, kind: &str) -> String {
        let id = self.new_id(kind);
        self.ec2.unlisted.insert(id.clone());
        self.after(Delay::Visibility, ScheduledEvent::Shown(id.clone()));
        if self.profile.traits().piecemeal {
            self.ec2.untagged.insert(id.clone());
            self.later(
                &[Delay::Visibility, Delay::TagVisibility],
                ScheduledEvent::TagsShown(id.clone()),
            );
        }
        if matches!(kind, "vpc" | "subnet" | "sg") {
            self.hide_from_services(&id);
        }
        id
    }

    /// Other services learn later than EC2's own calls of what is new.
    fn hide_from_services(&mut self, id: &str) {
        self.ec2.unknown_to_services.insert(id.to_owned());
        self.after(
            Delay::ServicePropagation,
            ScheduledEvent::KnownToServices(id.to_owned()),
        );
    }
}

impl Ec2 {
    /// What exists apart from what comes with every VPC.
    pub(super) fn resources(&self) -> Vec<AccountResource> {
        let mut list = Vec::new();
        let mut add = |kind, id: &str, tags: &TagMap, leaving| {
            list.push(AccountResource {
                kind,
                id: id.to_owned(),
                tags: tags.clone(),
                leaving,
            });
        };
        for (id, one) in &self.vpcs {
            add("vpc", id, &one.tags, false);
        }
        for (id, one) in &self.subnets {
            add("subnet", id, &one.tags, false);
        }
        for (id, one) in &self.gateways {
            add("internet gateway", id, &one.tags, false);
        }
        for (id, one) in self.tables.iter().filter(|(_, table)| !table.is_main()) {
            add("route table", id, &one.tags, false);
        }
        for (id, one) in &self.addresses {
            add("elastic address", id, &one.tags, false);
        }
        for (id, one) in self.nats.iter().filter(|(_, nat)| nat.state != "deleted") {
            add("nat gateway", id, &one.tags, one.state == "deleting");
        }
        for (id, one) in self.endpoints.iter().filter(|(_, one)| !one.is_gone()) {
            add("vpc endpoint", id, &one.tags, one.state == "deleting");
        }
        for (id, one) in self.groups.iter().filter(|(_, one)| one.name != "default") {
            add("security group", id, &one.tags, false);
        }
        for (id, one) in &self.keys {
            add("key pair", id, &one.tags, false);
        }
        for (id, one) in &self.instances {
            if one.state != "terminated" {
                add("instance", id, &one.tags, one.state == "shutting-down");
            }
        }
        for (id, one) in &self.volumes {
            let owner = self.instances.get(&one.instance);
            let leaving = owner.is_none_or(|owner| owner.state == "shutting-down");
            add("volume", id, &one.tags, leaving);
        }
        for (id, one) in &self.interfaces {
            add("network interface", id, &one.tags, one.leaving);
        }
        list
    }
}

/// EC2's tags.
fn write_tags(xml: &mut XmlWriter, tags: &TagMap) {
    xml.list("tagSet", "item", tags, |xml, (key, value)| {
        xml.text("key", key);
        xml.text("value", value);
    });
}

/// The tags that a create call gives the resource itself; a specification for another kind of
/// resource is refused.
fn tags_for(form: &QueryForm<'_>, kind: &str) -> Result<TagMap, AwsError> {
    let mut tags = TagMap::new();
    for specification in form.items("TagSpecification") {
        let named = specification.get("ResourceType").unwrap_or_default();
        if named != kind {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("'{named}' is not a valid taggable resource type for this operation."),
            ));
        }
        tags.extend(specification.tags("Tag"));
    }
    Ok(tags)
}

/// Refuses to delete what something else depends on.
fn dependency(message: String) -> AwsError {
    AwsError::new("DependencyViolation", message)
}

/// Refuses what names a resource that does not exist.
fn not_found(code: &str, noun: &str, id: &str) -> AwsError {
    AwsError::new(code, format!("The {noun} '{id}' does not exist"))
}

/// The answer of a call that says no more than that it is done.
fn done() -> QueryResult {
    Ok("<return>true</return>".to_owned())
}
