//! Network interfaces: of instances, of NAT gateways, and of the services that put some into
//! a VPC. They hold subnets and groups, and those of services linger when their owner is gone.
//!
//! "Requester-managed network interfaces" (EC2 User Guide).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::clock::Delay;
use crate::errors::AwsError;

use super::super::account::{AwsAccount, NUMBER, QueryResult, TagMap};
use super::super::form::QueryForm;
use super::super::schedule::ScheduledEvent;
use super::super::writer::XmlWriter;
use super::listing::{Listed, described};
use super::nat::public_address;
use super::network::SubnetRecord;
use super::{Ec2, done, not_found, tags_for, write_tags};

/// A network interface.
#[derive(Debug, Clone, Hash)]
pub(super) struct InterfaceRecord {
    pub(super) vpc: String,
    pub(super) subnet: String,
    pub(super) zone: String,
    pub(super) groups: Vec<String>,
    pub(super) private_ip: Ipv4Addr,
    pub(super) public_ip: Option<String>,
    pub(super) description: String,
    /// The instance that it is attached to, nothing, or what it belongs to of a service's.
    pub(super) owner: String,
    /// The service that made it, as in `amazon-rds`.
    pub(super) requester: Option<&'static str>,
    /// Its type, as in `interface`.
    pub(super) kind: &'static str,
    /// Whether its owner is gone and it goes too.
    pub(super) leaving: bool,
    pub(super) tags: TagMap,
}

/// Interfaces that a service puts into subnets for something of its own.
#[derive(Debug)]
pub(in super::super) struct NewInterfaces<'a> {
    /// What they belong to, as in `db/name`.
    pub(in super::super) owner: &'a str,
    /// One for each.
    pub(in super::super) subnets: &'a [String],
    pub(in super::super) groups: &'a [String],
    /// As in `RDSNetworkInterface`.
    pub(in super::super) description: &'a str,
    /// As in `amazon-rds`.
    pub(in super::super) requester: &'static str,
    /// Whether they have public addresses.
    pub(in super::super) public: bool,
}

/// An interface that a service puts into a subnet for something that is no part of this account's
/// memory: a function, an endpoint, somebody's database.
#[derive(Debug, Clone, Copy)]
pub struct ForeignInterface<'a> {
    /// Id of the subnet.
    pub subnet: &'a str,
    /// Ids of its groups.
    pub groups: &'a [String],
    /// As in `VPC Endpoint Interface vpce-0123`.
    pub description: &'a str,
    /// As in `amazon-rds`.
    pub requester: &'static str,
    /// Its type as EC2 spells it: `interface`, `lambda`, `vpc_endpoint`.
    pub kind: &'static str,
}

impl InterfaceRecord {
    /// An interface in a subnet, without groups and attached to nothing.
    pub(super) fn of_service(
        (id, subnet): (&str, &SubnetRecord),
        private_ip: Ipv4Addr,
        description: &str,
        owner: &str,
    ) -> Self {
        Self {
            vpc: subnet.vpc.clone(),
            subnet: id.to_owned(),
            zone: subnet.zone.clone(),
            groups: vec![],
            private_ip,
            public_ip: None,
            description: description.to_owned(),
            owner: owner.to_owned(),
            requester: Some("amazon-aws"),
            kind: "interface",
            leaving: false,
            tags: TagMap::new(),
        }
    }

    /// The interface of an instance.
    pub(super) fn of_instance(
        subnet: (&str, &SubnetRecord),
        private_ip: Ipv4Addr,
        instance: &str,
    ) -> Self {
        Self {
            requester: None,
            ..Self::of_service(subnet, private_ip, "", instance)
        }
    }

    fn is_of_instance(&self) -> bool {
        self.requester.is_none()
    }
}

impl Ec2 {
    /// The first address of a subnet that nobody has; AWS keeps the first four for itself.
    pub(super) fn free_address(&self, range: Ipv4Net, subnet: &str) -> Ipv4Addr {
        let taken = |address: &Ipv4Addr| {
            let mut interfaces = self.interfaces.values();
            interfaces.any(|one| one.subnet == subnet && one.private_ip == *address)
        };
        let mut free = range.hosts().skip(3).filter(|address| !taken(address));
        free.next().unwrap_or(range.network())
    }

    /// The VPC, its zone included, that a subnet is in.
    pub(in super::super) fn place_of(&self, subnet: &str) -> Option<(&str, &str)> {
        let subnet = self.subnets.get(subnet)?;
        Some((&subnet.vpc, &subnet.zone))
    }

    /// The VPC that a group is in.
    pub(in super::super) fn vpc_of_group(&self, group: &str) -> Option<&str> {
        self.groups.get(group).map(|group| group.vpc.as_str())
    }

    /// Whether an internet gateway is attached to a VPC.
    pub(in super::super) fn has_gateway(&self, vpc: &str) -> bool {
        self.gateway_of(vpc).is_some()
    }

    /// Whether other services know of this by now.
    pub(in super::super) fn is_known_to_services(&self, id: &str) -> bool {
        !self.unknown_to_services.contains(id)
    }

    /// Whether a VPC exists.
    pub(in super::super) fn has_vpc(&self, vpc: &str) -> bool {
        self.vpcs.contains_key(vpc)
    }

    /// Whether an instance is running.
    pub(in super::super) fn is_running(&self, instance: &str) -> bool {
        self.instances
            .get(instance)
            .is_some_and(|one| one.state == "running")
    }

    /// The interfaces of an owner in these subnets are gone.
    pub(in super::super) fn remove_interfaces(&mut self, owner: &str, subnets: &[String]) {
        self.interfaces
            .retain(|_, one| one.owner != owner || !subnets.contains(&one.subnet));
    }

    /// The interfaces of an owner have these groups from now on.
    pub(in super::super) fn regroup(&mut self, owner: &str, groups: &[String]) {
        for interface in self
            .interfaces
            .values_mut()
            .filter(|one| one.owner == owner)
        {
            interface.groups = groups.to_vec();
        }
    }
}

impl AwsAccount {
    /// Puts a service's interfaces into its subnets.
    pub(in super::super) fn add_interfaces(&mut self, wanted: &NewInterfaces<'_>) {
        for id in wanted.subnets {
            let Some(subnet) = self.ec2.subnets.get(id).cloned() else {
                continue;
            };
            let private_ip = self.ec2.free_address(subnet.cidr, id);
            let public_ip = wanted.public.then(|| public_address(self));
            let interface = InterfaceRecord {
                groups: wanted.groups.to_vec(),
                public_ip,
                requester: Some(wanted.requester),
                ..InterfaceRecord::of_service(
                    (id, &subnet),
                    private_ip,
                    wanted.description,
                    wanted.owner,
                )
            };
            let id = self.new_id("eni");
            self.ec2.interfaces.insert(id, interface);
        }
    }

    /// A service puts an interface into a subnet; its id, if the subnet exists. Nobody but the
    /// service can delete it.
    pub fn put_interface(&mut self, wanted: &ForeignInterface<'_>) -> Option<String> {
        let subnet = self.ec2.subnets.get(wanted.subnet)?.clone();
        let private_ip = self.ec2.free_address(subnet.cidr, wanted.subnet);
        let at = (wanted.subnet, &subnet);
        let interface = InterfaceRecord {
            groups: wanted.groups.to_vec(),
            requester: Some(wanted.requester),
            kind: wanted.kind,
            ..InterfaceRecord::of_service(at, private_ip, wanted.description, wanted.requester)
        };
        let id = self.new_id("eni");
        self.ec2.interfaces.insert(id.clone(), interface);
        Some(id)
    }

    /// The service takes its interface away.
    pub fn take_interface(&mut self, id: &str) {
        self.ec2.interfaces.remove(id);
    }

    /// The owner of interfaces is gone, or will be after `first`: they leave some time later.
    pub(in super::super) fn interfaces_leave(
        &mut self,
        owner: &str,
        first: Option<Delay>,
        then: Delay,
    ) {
        for interface in self
            .ec2
            .interfaces
            .values_mut()
            .filter(|one| one.owner == owner)
        {
            interface.leaving = true;
        }
        let times: Vec<Delay> = first.into_iter().chain([then]).collect();
        self.later(&times, ScheduledEvent::InterfacesLeft(owner.to_owned()));
    }
}

/// An interface that belongs to nobody but holds its subnet and its groups.
pub(super) fn create(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("SubnetId")?;
    let description = form.get("Description").unwrap_or_default();
    let groups = form.list("SecurityGroupId");
    let tags = tags_for(form, "network-interface")?;
    let subnet = account.ec2.subnet(id)?.clone();
    for group in &groups {
        account.ec2.group(group)?;
    }
    let private_ip = account.ec2.free_address(subnet.cidr, id);
    let interface = InterfaceRecord {
        groups: groups.into_iter().map(str::to_owned).collect(),
        description: description.to_owned(),
        tags,
        ..InterfaceRecord::of_instance((id, &subnet), private_ip, "")
    };
    let id = account.new_ec2_id("eni");
    account.ec2.interfaces.insert(id.clone(), interface);
    described(
        &account.ec2,
        "networkInterface",
        &account.ec2.interfaces,
        &id,
    )
}

pub(super) fn delete(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("NetworkInterfaceId")?;
    let Some(interface) = account.ec2.interfaces.get(id) else {
        let (code, noun) = InterfaceRecord::MISSING;
        return Err(not_found(code, noun, id));
    };
    if interface.requester.is_some() {
        return Err(AwsError::new(
            "AuthFailure",
            "You do not have permission to access the specified resource.",
        ));
    }
    if !interface.owner.is_empty() {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("Network interface '{id}' is currently in use."),
        ));
    }
    account.ec2.interfaces.remove(id);
    done()
}

/// Interfaces that were leaving are gone; others that a new owner of the same name has stay.
pub(super) fn left(ec2: &mut Ec2, owner: &str) {
    ec2.interfaces
        .retain(|_, one| one.owner != owner || !one.leaving);
}

impl Listed for InterfaceRecord {
    const ID_FIELD: &'static str = "NetworkInterfaceId";
    const MISSING: (&'static str, &'static str) =
        ("InvalidNetworkInterfaceID.NotFound", "networkInterface ID");
    const TYPE: &'static str = "network-interface";
    const FILTERS: &'static [&'static str] = &[
        "network-interface-id",
        "vpc-id",
        "subnet-id",
        "group-id",
        "attachment.instance-id",
        "requester-id",
        "description",
    ];

    fn tags(&self) -> &TagMap {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut TagMap {
        &mut self.tags
    }

    fn values(&self, filter: &str, id: &str, _: &Ec2) -> Vec<String> {
        match filter {
            "network-interface-id" => vec![id.to_owned()],
            "vpc-id" => vec![self.vpc.clone()],
            "subnet-id" => vec![self.subnet.clone()],
            "group-id" => self.groups.clone(),
            "requester-id" => self.requester.map(str::to_owned).into_iter().collect(),
            "attachment.instance-id" if self.is_of_instance() => vec![self.owner.clone()],
            "attachment.instance-id" => vec![],
            _ => vec![self.description.clone()],
        }
    }

    fn write(&self, id: &str, ec2: &Ec2, xml: &mut XmlWriter) {
        xml.text("networkInterfaceId", id);
        xml.text("subnetId", &self.subnet);
        xml.text("vpcId", &self.vpc);
        xml.text("availabilityZone", &self.zone);
        xml.text("description", &self.description);
        xml.text("ownerId", NUMBER);
        xml.maybe("requesterId", self.requester);
        xml.value("requesterManaged", self.requester.is_some());
        let status = if self.owner.is_empty() {
            "available"
        } else {
            "in-use"
        };
        xml.text("status", status);
        xml.value("privateIpAddress", self.private_ip);
        write_groups(ec2, &self.groups, xml);
        if !self.owner.is_empty() {
            xml.node("attachment", |xml| {
                xml.text("attachmentId", id.replace("eni-", "eni-attach-"));
                match self.requester {
                    None => xml.text("instanceId", &self.owner),
                    Some(requester) => xml.text("instanceOwnerId", requester),
                }
                xml.text("status", "attached");
            });
        }
        if let Some(public_ip) = &self.public_ip {
            xml.node("association", |xml| xml.text("publicIp", public_ip));
        }
        write_tags(xml, &self.tags);
        xml.text("interfaceType", self.kind);
    }
}

/// Groups by id and name.
pub(super) fn write_groups(ec2: &Ec2, groups: &[String], xml: &mut XmlWriter) {
    xml.list("groupSet", "item", groups, |xml, id| {
        xml.text("groupId", id);
        xml.maybe("groupName", ec2.groups.get(id).map(|group| &group.name));
    });
}
