//! VPCs, subnets and internet gateways.
//!
//! Reads show for seconds what was before a change: terraform-provider-aws waits for that after
//! ModifySubnetAttribute (internal/service/ec2/wait.go). Public addresses stay mapped for some
//! minutes after what had them: the same provider repeats DetachInternetGateway for 20 minutes.

use ipnet::Ipv4Net;

use crate::clock::Delay;
use crate::errors::AwsError;

use super::super::account::{AwsAccount, NUMBER, QueryResult, TagMap};
use super::super::form::QueryForm;
use super::super::schedule::ScheduledEvent;
use super::super::writer::{XmlWriter, xml};
use super::listing::{Listed, described};
use super::routes::RouteTableRecord;
use super::{Ec2, catalog, dependency, done, groups, not_found, tags_for, write_tags};

#[derive(Debug, Clone, Hash)]
pub(super) struct VpcRecord {
    pub(super) cidr: Ipv4Net,
    dns_support: bool,
    dns_hostnames: bool,
    pub(super) tags: TagMap,
}

#[derive(Debug, Clone, Default, Hash)]
pub(super) struct SubnetRecord {
    pub(super) vpc: String,
    pub(super) cidr: Ipv4Net,
    pub(super) zone: String,
    public_addresses: bool,
    /// What reads say of that.
    shows_public_addresses: bool,
    pub(super) tags: TagMap,
}

#[derive(Debug, Clone, Hash)]
pub(super) struct InternetGatewayRecord {
    pub(super) vpc: Option<String>,
    pub(super) tags: TagMap,
}

impl Ec2 {
    pub(super) fn vpc(&self, id: &str) -> Result<&VpcRecord, AwsError> {
        let found = self.vpcs.get(id);
        found.ok_or_else(|| not_found("InvalidVpcID.NotFound", "vpc ID", id))
    }

    pub(super) fn subnet(&self, id: &str) -> Result<&SubnetRecord, AwsError> {
        let found = self.subnets.get(id);
        found.ok_or_else(|| not_found("InvalidSubnetID.NotFound", "subnet ID", id))
    }

    /// The internet gateway that is attached to a VPC.
    pub(super) fn gateway_of(&self, vpc: &str) -> Option<&String> {
        let mut gateways = self.gateways.iter();
        let attached = gateways.find(|(_, one)| one.vpc.as_deref() == Some(vpc));
        attached.map(|(id, _)| id)
    }

    fn gateway_mut(&mut self, id: &str) -> Result<&mut InternetGatewayRecord, AwsError> {
        let code = "InvalidInternetGatewayID.NotFound";
        let found = self.gateways.get_mut(id);
        found.ok_or_else(|| not_found(code, "internetGateway ID", id))
    }
}

fn cidr(form: &QueryForm<'_>) -> Result<Ipv4Net, AwsError> {
    let text = form.required("CidrBlock")?;
    text.parse().map_err(|_| {
        AwsError::new(
            "InvalidParameterValue",
            format!("Value ({text}) for parameter cidrBlock is invalid."),
        )
    })
}

pub(super) fn create_vpc(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let cidr = cidr(form)?;
    if !(16..=28).contains(&cidr.prefix_len()) {
        return Err(AwsError::new(
            "InvalidVpc.Range",
            format!("The CIDR '{cidr}' is invalid."),
        ));
    }
    let tags = tags_for(form, "vpc")?;
    let id = account.new_ec2_id("vpc");
    let vpc = VpcRecord {
        cidr,
        dns_support: true,
        dns_hostnames: false,
        tags,
    };
    account.ec2.vpcs.insert(id.clone(), vpc);
    let table = account.new_id("rtb");
    let association = account.new_id("rtbassoc");
    let main = RouteTableRecord::main_of(&id, &association);
    account.ec2.tables.insert(table, main);
    groups::create_default(account, &id);
    described(&account.ec2, "vpc", &account.ec2.vpcs, &id)
}

/// ModifyVpcAttribute: "Modifies the specified attribute of the specified VPC."
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcAttribute.html>).
pub(super) fn modify_vpc(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("VpcId")?;
    account.ec2.vpc(id)?;
    let support = form.flag("EnableDnsSupport.Value");
    let hostnames = form.flag("EnableDnsHostnames.Value");
    if support.is_some() == hostnames.is_some() {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "Exactly one attribute can be modified in a call.",
        ));
    }
    let changed = account.ec2.vpc(id)?.dns_hostnames != hostnames.unwrap_or_default();
    if hostnames.is_some() && changed {
        account.lag(Delay::AttributeLag, format!("hostnames/{id}"));
    }
    if let Some(vpc) = account.ec2.vpcs.get_mut(id) {
        vpc.dns_support = support.unwrap_or(vpc.dns_support);
        vpc.dns_hostnames = hostnames.unwrap_or(vpc.dns_hostnames);
    }
    done()
}

pub(super) fn describe_vpc_attribute(account: &AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("VpcId")?;
    let attribute = form.required("Attribute")?;
    let vpc = account.ec2.vpc(id)?;
    let on = match attribute {
        "enableDnsSupport" => vpc.dns_support,
        "enableDnsHostnames" => vpc.dns_hostnames != account.lags(&format!("hostnames/{id}")),
        _ => {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("Value ({attribute}) for parameter attribute is invalid."),
            ));
        }
    };
    Ok(xml(|xml| {
        xml.text("vpcId", id);
        xml.node(attribute, |xml| xml.value("value", on));
    }))
}

pub(super) fn delete_vpc(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("VpcId")?;
    let ec2 = &mut account.ec2;
    ec2.vpc(id)?;
    let occupied = ec2.subnets.values().any(|one| one.vpc == id)
        || ec2.gateway_of(id).is_some()
        || ec2
            .groups
            .values()
            .any(|one| one.vpc == id && one.name != "default")
        || ec2
            .tables
            .values()
            .any(|one| one.vpc == id && !one.is_main())
        || ec2
            .nats
            .values()
            .any(|one| one.vpc == id && one.state != "deleted")
        || ec2
            .endpoints
            .values()
            .any(|one| one.vpc == id && !one.is_gone())
        || ec2.interfaces.values().any(|one| one.vpc == id);
    if occupied {
        return Err(dependency(format!(
            "The vpc '{id}' has dependencies and cannot be deleted."
        )));
    }
    ec2.tables.retain(|_, one| one.vpc != id);
    ec2.groups.retain(|_, one| one.vpc != id);
    ec2.vpcs.remove(id);
    done()
}

pub(super) fn create_subnet(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let vpc = form.required("VpcId")?;
    let cidr = cidr(form)?;
    let range = account.ec2.vpc(vpc)?.cidr;
    if !range.contains(&cidr) || !(16..=28).contains(&cidr.prefix_len()) {
        return Err(AwsError::new(
            "InvalidSubnet.Range",
            format!("The CIDR '{cidr}' is invalid."),
        ));
    }
    let overlaps = |other: Ipv4Net| other.contains(&cidr) || cidr.contains(&other);
    let mut others = account.ec2.subnets.values();
    if others.any(|one| one.vpc == vpc && overlaps(one.cidr)) {
        return Err(AwsError::new(
            "InvalidSubnet.Conflict",
            format!("The CIDR '{cidr}' conflicts with another subnet"),
        ));
    }
    let zones = catalog::zone_names(&account.region);
    let zone = form.get("AvailabilityZone").unwrap_or(zones[0].as_str());
    if !zones.iter().any(|one| one == zone) {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!(
                "Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.",
                zones.join(", ")
            ),
        ));
    }
    let subnet = SubnetRecord {
        vpc: vpc.to_owned(),
        cidr,
        zone: zone.to_owned(),
        public_addresses: false,
        shows_public_addresses: false,
        tags: tags_for(form, "subnet")?,
    };
    let id = account.new_ec2_id("subnet");
    account.ec2.subnets.insert(id.clone(), subnet);
    described(&account.ec2, "subnet", &account.ec2.subnets, &id)
}

/// ModifySubnetAttribute: "You can only modify one attribute at a time."
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySubnetAttribute.html>).
pub(super) fn modify_subnet(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("SubnetId")?;
    account.ec2.subnet(id)?;
    let public = form.flag("MapPublicIpOnLaunch.Value");
    let before = account.ec2.subnet(id)?.public_addresses;
    if public.is_some_and(|public| public != before) {
        let shown = ScheduledEvent::SubnetShown(id.to_owned());
        account.after(Delay::AttributeLag, shown);
    }
    if let Some(subnet) = account.ec2.subnets.get_mut(id) {
        subnet.public_addresses = public.unwrap_or(before);
    }
    done()
}

/// Reads show a subnet as it is.
pub(super) fn subnet_shown(ec2: &mut Ec2, id: &str) {
    if let Some(subnet) = ec2.subnets.get_mut(id) {
        subnet.shows_public_addresses = subnet.public_addresses;
    }
}

pub(super) fn delete_subnet(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("SubnetId")?;
    let ec2 = &mut account.ec2;
    ec2.subnet(id)?;
    if ec2.interfaces.values().any(|one| one.subnet == id) {
        return Err(dependency(format!(
            "The subnet '{id}' has dependencies and cannot be deleted."
        )));
    }
    for table in ec2.tables.values_mut() {
        table
            .associations
            .retain(|one| one.subnet.as_deref() != Some(id));
    }
    ec2.subnets.remove(id);
    done()
}

pub(super) fn create_gateway(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let tags = tags_for(form, "internet-gateway")?;
    let id = account.new_ec2_id("igw");
    account
        .ec2
        .gateways
        .insert(id.clone(), InternetGatewayRecord { vpc: None, tags });
    described(&account.ec2, "internetGateway", &account.ec2.gateways, &id)
}

pub(super) fn attach_gateway(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let (id, vpc) = (form.required("InternetGatewayId")?, form.required("VpcId")?);
    let ec2 = &mut account.ec2;
    ec2.vpc(vpc)?;
    let other = ec2.gateway_of(vpc).is_some_and(|attached| attached != id);
    let gateway = ec2.gateway_mut(id)?;
    if let Some(attached) = &gateway.vpc {
        return Err(AwsError::new(
            "Resource.AlreadyAssociated",
            format!("resource {id} is already attached to network {attached}"),
        ));
    }
    if other {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("Network {vpc} already has an internet gateway attached"),
        ));
    }
    gateway.vpc = Some(vpc.to_owned());
    if ec2.gateways_are_late {
        account.lag(Delay::Interfaces, format!("attached/{vpc}"));
    }
    done()
}

pub(super) fn detach_gateway(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let (id, vpc) = (form.required("InternetGatewayId")?, form.required("VpcId")?);
    let mapped = account.lags(&format!("mapped/{vpc}"));
    let ec2 = &mut account.ec2;
    if ec2.gateway_mut(id)?.vpc.as_deref() != Some(vpc) {
        return Err(AwsError::new(
            "Gateway.NotAttached",
            format!("resource {id} is not attached to network {vpc}"),
        ));
    }
    if ec2
        .interfaces
        .values()
        .any(|one| one.vpc == vpc && one.public_ip.is_some())
        || mapped
    {
        return Err(dependency(format!(
            "Network {vpc} has some mapped public address(es). Please unmap those public \
             address(es) before detaching the gateway."
        )));
    }
    ec2.gateway_mut(id)?.vpc = None;
    done()
}

pub(super) fn delete_gateway(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("InternetGatewayId")?;
    if account.ec2.gateway_mut(id)?.vpc.is_some() {
        return Err(dependency(format!(
            "The internetGateway '{id}' has dependencies and cannot be deleted."
        )));
    }
    account.ec2.gateways.remove(id);
    done()
}

impl Listed for VpcRecord {
    const ID_FIELD: &'static str = "VpcId";
    const MISSING: (&'static str, &'static str) = ("InvalidVpcID.NotFound", "vpc ID");
    const TYPE: &'static str = "vpc";
    const FILTERS: &'static [&'static str] =
        &["vpc-id", "cidr", "cidr-block", "state", "isDefault"];

    fn tags(&self) -> &TagMap {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut TagMap {
        &mut self.tags
    }

    fn values(&self, filter: &str, id: &str, _: &Ec2) -> Vec<String> {
        vec![match filter {
            "vpc-id" => id.to_owned(),
            "state" => "available".to_owned(),
            "isDefault" => "false".to_owned(),
            _ => self.cidr.to_string(),
        }]
    }

    fn write(&self, id: &str, _: &Ec2, xml: &mut XmlWriter) {
        xml.text("vpcId", id);
        xml.text("ownerId", NUMBER);
        xml.text("state", "available");
        xml.value("cidrBlock", self.cidr);
        xml.text("dhcpOptionsId", "default");
        xml.text("instanceTenancy", "default");
        xml.text("isDefault", "false");
        write_tags(xml, &self.tags);
    }
}

impl Listed for SubnetRecord {
    const ID_FIELD: &'static str = "SubnetId";
    const MISSING: (&'static str, &'static str) = ("InvalidSubnetID.NotFound", "subnet ID");
    const TYPE: &'static str = "subnet";
    const FILTERS: &'static [&'static str] = &[
        "subnet-id",
        "vpc-id",
        "availability-zone",
        "cidr-block",
        "state",
    ];

    fn tags(&self) -> &TagMap {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut TagMap {
        &mut self.tags
    }

    fn values(&self, filter: &str, id: &str, _: &Ec2) -> Vec<String> {
        vec![match filter {
            "subnet-id" => id.to_owned(),
            "vpc-id" => self.vpc.clone(),
            "availability-zone" => self.zone.clone(),
            "state" => "available".to_owned(),
            _ => self.cidr.to_string(),
        }]
    }

    fn write(&self, id: &str, ec2: &Ec2, xml: &mut XmlWriter) {
        let in_use = ec2
            .interfaces
            .values()
            .filter(|one| one.subnet == id)
            .count();
        // Five addresses of each subnet are AWS's own.
        let free = self.cidr.hosts().count().saturating_sub(3 + in_use);
        xml.text("subnetId", id);
        xml.text("state", "available");
        xml.text("vpcId", &self.vpc);
        xml.value("cidrBlock", self.cidr);
        xml.value("availableIpAddressCount", free);
        xml.text("availabilityZone", &self.zone);
        xml.text("defaultForAz", "false");
        xml.value("mapPublicIpOnLaunch", self.shows_public_addresses);
        xml.text("ownerId", NUMBER);
        write_tags(xml, &self.tags);
    }
}

impl Listed for InternetGatewayRecord {
    const ID_FIELD: &'static str = "InternetGatewayId";
    const MISSING: (&'static str, &'static str) =
        ("InvalidInternetGatewayID.NotFound", "internetGateway ID");
    const TYPE: &'static str = "internet-gateway";
    const FILTERS: &'static [&'static str] = &[
        "internet-gateway-id",
        "attachment.vpc-id",
        "attachment.state",
    ];

    fn tags(&self) -> &TagMap {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut TagMap {
        &mut self.tags
    }

    fn values(&self, filter: &str, id: &str, _: &Ec2) -> Vec<String> {
        match filter {
            "internet-gateway-id" => vec![id.to_owned()],
            "attachment.state" => self.vpc.iter().map(|_| "available".to_owned()).collect(),
            _ => self.vpc.iter().cloned().collect(),
        }
    }

    fn write(&self, id: &str, _: &Ec2, xml: &mut XmlWriter) {
        xml.text("internetGatewayId", id);
        xml.text("ownerId", NUMBER);
        xml.list("attachmentSet", "item", &self.vpc, |xml, vpc| {
            xml.text("vpcId", vpc);
            xml.text("state", "available");
        });
        write_tags(xml, &self.tags);
    }
}
