//! NAT gateways and elastic addresses.
//!
//! "NAT gateway basics" and "Troubleshoot NAT gateways" (VPC User Guide): what cannot work is
//! created all the same and fails a moment later; what is deleted stays listed for an hour.

use axum::http::StatusCode;

use crate::clock::Delay;
use crate::errors::AwsError;

use super::super::account::{AwsAccount, CreationTime, NUMBER, QueryResult, TagMap, missing};
use super::super::form::QueryForm;
use super::super::schedule::ScheduledEvent;
use super::super::writer::{XmlWriter, xml};
use super::interfaces::InterfaceRecord;
use super::listing::{Listed, described};
use super::{Ec2, done, not_found, tags_for, write_tags};

#[derive(Debug, Clone, Hash)]
pub(super) struct ElasticAddressRecord {
    pub(super) public_ip: String,
    /// Association and the interface that has the address.
    used: Option<(String, String)>,
    pub(super) tags: TagMap,
}

#[derive(Debug, Clone, Hash)]
pub(super) struct NatGatewayRecord {
    pub(super) vpc: String,
    subnet: String,
    address: String,
    public_ip: String,
    interface: String,
    pub(super) state: &'static str,
    failure: Option<(&'static str, String)>,
    created: CreationTime,
    pub(super) listed: bool,
    pub(super) tags: TagMap,
}

impl NatGatewayRecord {
    pub(super) fn is_live(&self) -> bool {
        matches!(self.state, "pending" | "available")
    }
}

/// A public address that nobody else has.
pub(super) fn public_address(account: &mut AwsAccount) -> String {
    // 198.18.0.0/15 is routed nowhere (RFC 2544): a client may connect to what it is told. The ranges
    // for documentation are too small for a large account.
    let number = account.next_id();
    format!(
        "198.{}.{}.{}",
        18 + (number >> 16 & 1),
        number >> 8 & 255,
        number & 255
    )
}

pub(super) fn allocate(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    form.accept(&["Domain"]);
    let tags = tags_for(form, "elastic-ip")?;
    let id = account.new_ec2_id("eipalloc");
    let public_ip = public_address(account);
    let answer = xml(|xml| {
        xml.text("publicIp", &public_ip);
        xml.text("domain", "vpc");
        xml.text("allocationId", &id);
    });
    let address = ElasticAddressRecord {
        public_ip,
        used: None,
        tags,
    };
    account.ec2.addresses.insert(id, address);
    Ok(answer)
}

fn no_allocation(id: &str) -> AwsError {
    not_found("InvalidAllocationID.NotFound", "allocation ID", id)
}

pub(super) fn release(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("AllocationId")?;
    let address = account.ec2.addresses.get(id);
    let address = address.ok_or_else(|| no_allocation(id))?;
    // A dependency, though it reads like one of permissions: kops 268927e,
    // pkg/resources/aws/errors.go.
    let of_nat = |interface: &String| {
        let mut nats = account.ec2.nats.values();
        nats.any(|nat| nat.interface == *interface)
    };
    let held = address
        .used
        .as_ref()
        .is_some_and(|(_, interface)| of_nat(interface));
    if held || account.lags(&format!("address/{id}")) {
        return Err(AwsError::with(
            StatusCode::FORBIDDEN,
            "AuthFailure",
            "You do not have permission to access the specified resource.",
        ));
    }
    if address.used.is_some() {
        return Err(AwsError::new(
            "AuthFailure",
            "You do not have permission to access the specified resource.",
        ));
    }
    account.ec2.addresses.remove(id);
    done()
}

pub(super) fn create(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = match account
        .ec2
        .tokens
        .created_before("CreateNatGateway", form)?
    {
        Some(id) => {
            read_all(form)?;
            id
        }
        None => create_new(account, form)?,
    };
    described(&account.ec2, "natGateway", &account.ec2.nats, &id)
}

fn read_all(form: &QueryForm<'_>) -> Result<(), AwsError> {
    form.accept(&["SubnetId", "AllocationId", "ConnectivityType"]);
    tags_for(form, "natgateway").map(|_| ())
}

fn create_new(account: &mut AwsAccount, form: &QueryForm<'_>) -> Result<String, AwsError> {
    let (subnet_id, allocation) = (form.required("SubnetId")?, form.required("AllocationId")?);
    if form.get("ConnectivityType").unwrap_or("public") != "public" {
        return Err(AwsError::new(
            "UnsupportedOperation",
            "Only public NAT gateways are known here.",
        ));
    }
    let tags = tags_for(form, "natgateway")?;
    let subnet = account.ec2.subnet(subnet_id)?.clone();
    let address = account.ec2.addresses.get(allocation);
    let address = address.ok_or_else(|| no_allocation(allocation))?.clone();
    let attached = account.ec2.gateway_of(&subnet.vpc);
    let attached = attached.filter(|_| !account.lags(&format!("attached/{}", subnet.vpc)));
    let failure = match (&address.used, attached) {
        (Some(_), _) => Some((
            "Resource.AlreadyAssociated",
            format!("Elastic IP address [{allocation}] is already associated"),
        )),
        (None, None) => Some((
            "Gateway.NotAttached",
            format!("Network {} has no Internet gateway attached", subnet.vpc),
        )),
        (None, Some(_)) => None,
    };
    let id = account.new_ec2_id("nat");
    let interface = account.new_id("eni");
    if failure.is_none() {
        let association = account.new_id("eipassoc");
        let private_ip = account.ec2.free_address(subnet.cidr, subnet_id);
        let of_nat = InterfaceRecord {
            public_ip: Some(address.public_ip.clone()),
            ..InterfaceRecord::of_service(
                (subnet_id, &subnet),
                private_ip,
                &format!("Interface for NAT Gateway {id}"),
                &id,
            )
        };
        account.ec2.interfaces.insert(interface.clone(), of_nat);
        if let Some(address) = account.ec2.addresses.get_mut(allocation) {
            address.used = Some((association, interface.clone()));
        }
    }
    let nat = NatGatewayRecord {
        vpc: subnet.vpc,
        subnet: subnet_id.to_owned(),
        address: allocation.to_owned(),
        public_ip: address.public_ip,
        interface,
        state: "pending",
        failure,
        created: CreationTime(account.now),
        listed: true,
        tags,
    };
    account.ec2.nats.insert(id.clone(), nat);
    account.ec2.tokens.remember("CreateNatGateway", form, &id);
    account.after(Delay::NatStart, ScheduledEvent::NatStarted(id.clone()));
    Ok(id)
}

pub(super) fn started(account: &mut AwsAccount, id: &str) {
    if let Some(nat) = account.ec2.nats.get_mut(id)
        && nat.state == "pending"
    {
        nat.state = match nat.failure {
            Some(_) => "failed",
            None => "available",
        };
    }
}

pub(super) fn delete(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("NatGatewayId")?;
    let nat = account
        .ec2
        .nats
        .get_mut(id)
        .filter(|nat| nat.listed && nat.state != "deleted");
    let nat = nat.ok_or_else(|| {
        missing(
            "NatGatewayNotFound",
            format!("The Nat Gateway {id} was not found"),
        )
    })?;
    if nat.state != "deleting" {
        nat.state = "deleting";
        account.after(Delay::NatEnd, ScheduledEvent::NatEnded(id.to_owned()));
    }
    Ok(xml(|xml| xml.text("natGatewayId", id)))
}

/// A gateway is gone: its address is free again, and its interface leaves the subnet.
pub(super) fn ended(account: &mut AwsAccount, id: &str) {
    if let Some(nat) = account.ec2.nats.get_mut(id) {
        nat.state = "deleted";
        let interface = nat.interface.clone();
        account.ec2.interfaces.remove(&interface);
        let vpc = nat.vpc.clone();
        let mut freed = Vec::new();
        for (id, address) in &mut account.ec2.addresses {
            if address
                .used
                .as_ref()
                .is_some_and(|(_, user)| *user == interface)
            {
                address.used = None;
                freed.push(id.clone());
            }
        }
        for address in freed {
            account.lag(Delay::AddressRelease, format!("address/{address}"));
            account.lag(Delay::MappedAddress, format!("mapped/{vpc}"));
        }
    }
    account.after(
        Delay::Forgetting,
        ScheduledEvent::NatForgotten(id.to_owned()),
    );
}

impl Listed for ElasticAddressRecord {
    const ID_FIELD: &'static str = "AllocationId";
    const MISSING: (&'static str, &'static str) = ("InvalidAllocationID.NotFound", "allocation ID");
    const TYPE: &'static str = "elastic-ip";
    const FILTERS: &'static [&'static str] = &[
        "allocation-id",
        "public-ip",
        "association-id",
        "network-interface-id",
    ];

    fn tags(&self) -> &TagMap {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut TagMap {
        &mut self.tags
    }

    fn values(&self, filter: &str, id: &str, _: &Ec2) -> Vec<String> {
        let used = self.used.iter();
        match filter {
            "allocation-id" => vec![id.to_owned()],
            "public-ip" => vec![self.public_ip.clone()],
            "association-id" => used.map(|(association, _)| association.clone()).collect(),
            _ => used.map(|(_, interface)| interface.clone()).collect(),
        }
    }

    fn write(&self, id: &str, _: &Ec2, xml: &mut XmlWriter) {
        xml.text("publicIp", &self.public_ip);
        xml.text("allocationId", id);
        xml.text("domain", "vpc");
        if let Some((association, interface)) = &self.used {
            xml.text("associationId", association);
            xml.text("networkInterfaceId", interface);
            xml.text("networkInterfaceOwnerId", NUMBER);
        }
        write_tags(xml, &self.tags);
    }
}

impl Listed for NatGatewayRecord {
    const ID_FIELD: &'static str = "NatGatewayId";
    const MISSING: (&'static str, &'static str) = ("NatGatewayNotFound", "NatGateway");
    const TYPE: &'static str = "natgateway";
    const FILTERS: &'static [&'static str] = &["nat-gateway-id", "vpc-id", "subnet-id", "state"];

    fn tags(&self) -> &TagMap {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut TagMap {
        &mut self.tags
    }

    fn is_listed(&self) -> bool {
        self.listed
    }

    fn values(&self, filter: &str, id: &str, _: &Ec2) -> Vec<String> {
        vec![match filter {
            "nat-gateway-id" => id.to_owned(),
            "vpc-id" => self.vpc.clone(),
            "subnet-id" => self.subnet.clone(),
            _ => self.state.to_owned(),
        }]
    }

    fn write(&self, id: &str, ec2: &Ec2, xml: &mut XmlWriter) {
        xml.text("natGatewayId", id);
        xml.text("vpcId", &self.vpc);
        xml.text("subnetId", &self.subnet);
        xml.text("state", self.state);
        xml.value("createTime", self.created);
        xml.text("connectivityType", "public");
        if let Some((code, message)) = self.failure.as_ref().filter(|_| self.state == "failed") {
            xml.text("failureCode", code);
            xml.text("failureMessage", message);
        }
        let interface = ec2.interfaces.get(&self.interface);
        xml.node("natGatewayAddressSet", |xml| {
            xml.node("item", |xml| {
                xml.text("allocationId", &self.address);
                xml.text("publicIp", &self.public_ip);
                xml.maybe("networkInterfaceId", interface.map(|_| &self.interface));
                xml.maybe("privateIp", interface.map(|one| one.private_ip));
            });
        });
        write_tags(xml, &self.tags);
    }
}
