//! Route tables, their routes and the subnets that they are associated with.

use crate::errors::AwsError;

use super::super::account::{AwsAccount, NUMBER, QueryResult, TagMap};
use super::super::form::QueryForm;
use super::super::writer::{XmlWriter, xml};
use super::listing::{Listed, described};
use super::{Ec2, dependency, done, not_found, tags_for, write_tags};

#[derive(Debug, Clone, Hash)]
pub(super) struct RouteTableRecord {
    pub(super) vpc: String,
    pub(super) routes: Vec<RouteRecord>,
    pub(super) associations: Vec<AssociationRecord>,
    pub(super) tags: TagMap,
}

/// A route, beside the one to the VPC itself, which every table has.
#[derive(Debug, Clone, Hash, PartialEq, Eq)]
pub(super) struct RouteRecord {
    /// A range, or a prefix list for endpoints.
    pub(super) destination: String,
    /// Where it leads: an internet gateway, a NAT gateway or an endpoint.
    pub(super) to: String,
}

/// A table's association with a subnet, or with the VPC as its main table.
#[derive(Debug, Clone, Hash)]
pub(super) struct AssociationRecord {
    id: String,
    pub(super) subnet: Option<String>,
}

impl RouteTableRecord {
    /// The main table that comes with a VPC.
    pub(super) fn main_of(vpc: &str, association: &str) -> Self {
        Self {
            vpc: vpc.to_owned(),
            routes: vec![],
            associations: vec![AssociationRecord {
                id: association.to_owned(),
                subnet: None,
            }],
            tags: TagMap::new(),
        }
    }

    pub(super) fn is_main(&self) -> bool {
        self.associations.iter().any(|one| one.subnet.is_none())
    }
}

impl Ec2 {
    pub(super) fn table(&self, id: &str) -> Result<&RouteTableRecord, AwsError> {
        let found = self.tables.get(id);
        found.ok_or_else(|| not_found("InvalidRouteTableID.NotFound", "routeTable ID", id))
    }

    /// Whether a route leads to something that is there: otherwise it is a `blackhole`.
    fn is_alive(&self, route: &RouteRecord, vpc: &str) -> bool {
        if let Some(nat) = self.nats.get(&route.to) {
            return nat.is_live();
        }
        if let Some(gateway) = self.gateways.get(&route.to) {
            return gateway.vpc.as_deref() == Some(vpc);
        }
        self.endpoints.contains_key(&route.to)
    }
}

pub(super) fn create(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let vpc = form.required("VpcId")?;
    account.ec2.vpc(vpc)?;
    let before = account
        .ec2
        .tokens
        .created_before("CreateRouteTable", form)?;
    let tags = tags_for(form, "route-table")?;
    let id = match before {
        Some(id) if account.ec2.tables.contains_key(&id) => id,
        _ => {
            let id = account.new_ec2_id("rtb");
            let table = RouteTableRecord {
                vpc: vpc.to_owned(),
                routes: vec![],
                associations: vec![],
                tags,
            };
            account.ec2.tables.insert(id.clone(), table);
            account.ec2.tokens.remember("CreateRouteTable", form, &id);
            id
        }
    };
    described(&account.ec2, "routeTable", &account.ec2.tables, &id)
}

/// The table and the route that a call names; what it leads to has to be there.
fn wanted<'a>(
    account: &AwsAccount,
    form: &QueryForm<'a>,
) -> Result<(&'a str, RouteRecord), AwsError> {
    let id = form.required("RouteTableId")?;
    let destination = form.required("DestinationCidrBlock")?.to_owned();
    let table = account.ec2.table(id)?;
    let (gateway, nat) = (form.get("GatewayId"), form.get("NatGatewayId"));
    let (to, vpc) = match (gateway, nat) {
        (Some(gateway), None) => {
            let found = account.ec2.gateways.get(gateway);
            let found = found
                .ok_or_else(|| not_found("InvalidGatewayID.NotFound", "gateway ID", gateway))?;
            (gateway, found.vpc.as_deref())
        }
        (None, Some(nat)) => {
            let found = account.ec2.nats.get(nat).filter(|found| found.is_live());
            let found = found
                .ok_or_else(|| not_found("InvalidNatGatewayID.NotFound", "natGateway ID", nat))?;
            (nat, Some(found.vpc.as_str()))
        }
        _ => {
            return Err(AwsError::new(
                "InvalidParameterCombination",
                "Exactly one target of the route has to be specified.",
            ));
        }
    };
    if vpc != Some(table.vpc.as_str()) {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("route table {id} and network gateway {to} belong to different networks"),
        ));
    }
    let to = to.to_owned();
    Ok((id, RouteRecord { destination, to }))
}

pub(super) fn create_route(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let (id, route) = wanted(account, form)?;
    if let Some(table) = account.ec2.tables.get_mut(id) {
        if table
            .routes
            .iter()
            .any(|one| one.destination == route.destination)
        {
            return Err(AwsError::new(
                "RouteAlreadyExists",
                format!(
                    "The route identified by {} already exists.",
                    route.destination
                ),
            ));
        }
        table.routes.push(route);
    }
    done()
}

/// ReplaceRoute: "Replaces an existing route within a route table in a VPC."
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRoute.html>).
pub(super) fn replace_route(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let (id, route) = wanted(account, form)?;
    let table = account.ec2.tables.get_mut(id);
    let mut routes = table.into_iter().flat_map(|table| table.routes.iter_mut());
    let Some(there) = routes.find(|one| one.destination == route.destination) else {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!(
                "There is no route defined for '{}' in the route table. Use CreateRoute instead.",
                route.destination
            ),
        ));
    };
    *there = route;
    done()
}

pub(super) fn delete_route(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("RouteTableId")?;
    let destination = form.required("DestinationCidrBlock")?;
    account.ec2.table(id)?;
    let table = account.ec2.tables.get_mut(id);
    let routes = table.map(|table| &mut table.routes);
    let before = routes.as_ref().map_or(0, |routes| routes.len());
    let after = routes.map_or(0, |routes| {
        routes.retain(|route| route.destination != destination);
        routes.len()
    });
    if before == after {
        return Err(AwsError::new(
            "InvalidRoute.NotFound",
            format!("no route with destination-cidr-block {destination} in route table {id}"),
        ));
    }
    done()
}

pub(super) fn associate(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let (id, subnet) = (form.required("RouteTableId")?, form.required("SubnetId")?);
    let table = account.ec2.table(id)?;
    if account.ec2.subnet(subnet)?.vpc != table.vpc {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("route table {id} and subnet {subnet} belong to different networks"),
        ));
    }
    let mut all = account
        .ec2
        .tables
        .values()
        .flat_map(|table| &table.associations);
    if all.any(|one| one.subnet.as_deref() == Some(subnet)) {
        return Err(AwsError::new(
            "Resource.AlreadyAssociated",
            format!(
                "the specified association for route table {id} conflicts with an existing association"
            ),
        ));
    }
    let association = account.new_id("rtbassoc");
    if let Some(table) = account.ec2.tables.get_mut(id) {
        table.associations.push(AssociationRecord {
            id: association.clone(),
            subnet: Some(subnet.to_owned()),
        });
    }
    Ok(xml(|xml| associated(xml, "associationId", &association)))
}

fn associated(xml: &mut XmlWriter, name: &str, id: &str) {
    xml.text(name, id);
    xml.node("associationState", |xml| xml.text("state", "associated"));
}

/// Delay an association out of the table that has it.
fn take_association(ec2: &mut Ec2, id: &str) -> Result<AssociationRecord, AwsError> {
    for table in ec2.tables.values_mut() {
        if let Some(at) = table.associations.iter().position(|one| one.id == id) {
            if table.associations[at].subnet.is_none() {
                return Err(AwsError::new(
                    "InvalidParameterValue",
                    format!("cannot disassociate the main route table association {id}"),
                ));
            }
            return Ok(table.associations.remove(at));
        }
    }
    Err(not_found(
        "InvalidAssociationID.NotFound",
        "association ID",
        id,
    ))
}

/// ReplaceRouteTableAssociation: "After the operation completes, the subnet or gateway uses the
/// routes in the new route table."
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRouteTableAssociation.html>).
pub(super) fn replace_association(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let (id, table) = (
        form.required("AssociationId")?,
        form.required("RouteTableId")?,
    );
    account.ec2.table(table)?;
    let mut association = take_association(&mut account.ec2, id)?;
    association.id = account.new_id("rtbassoc");
    let new = association.id.clone();
    if let Some(table) = account.ec2.tables.get_mut(table) {
        table.associations.push(association);
    }
    Ok(xml(|xml| associated(xml, "newAssociationId", &new)))
}

/// DisassociateRouteTable: "After you perform this action, the subnet no longer uses the routes in
/// the route table."
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateRouteTable.html>).
pub(super) fn disassociate(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    take_association(&mut account.ec2, form.required("AssociationId")?)?;
    done()
}

pub(super) fn delete(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("RouteTableId")?;
    if !account.ec2.table(id)?.associations.is_empty() {
        return Err(dependency(format!(
            "The routeTable '{id}' has dependencies and cannot be deleted."
        )));
    }
    account.ec2.tables.remove(id);
    for endpoint in account.ec2.endpoints.values_mut() {
        endpoint.tables.remove(id);
    }
    done()
}

impl Listed for RouteTableRecord {
    const ID_FIELD: &'static str = "RouteTableId";
    const MISSING: (&'static str, &'static str) = ("InvalidRouteTableID.NotFound", "routeTable ID");
    const TYPE: &'static str = "route-table";
    const FILTERS: &'static [&'static str] = &[
        "route-table-id",
        "vpc-id",
        "association.subnet-id",
        "association.main",
    ];

    fn tags(&self) -> &TagMap {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut TagMap {
        &mut self.tags
    }

    fn values(&self, filter: &str, id: &str, _: &Ec2) -> Vec<String> {
        match filter {
            "route-table-id" => vec![id.to_owned()],
            "vpc-id" => vec![self.vpc.clone()],
            "association.main" => vec![self.is_main().to_string()],
            _ => self
                .associations
                .iter()
                .filter_map(|one| one.subnet.clone())
                .collect(),
        }
    }

    fn write(&self, id: &str, ec2: &Ec2, xml: &mut XmlWriter) {
        xml.text("routeTableId", id);
        xml.text("vpcId", &self.vpc);
        xml.text("ownerId", NUMBER);
        xml.node("routeSet", |xml| {
            xml.node("item", |xml| {
                let range = ec2.vpcs.get(&self.vpc).map(|vpc| vpc.cidr);
                xml.maybe("destinationCidrBlock", range);
                xml.text("gatewayId", "local");
                xml.text("state", "active");
                xml.text("origin", "CreateRouteTable");
            });
            for route in &self.routes {
                xml.node("item", |xml| {
                    write_route(route, ec2.is_alive(route, &self.vpc), xml);
                });
            }
        });
        xml.list("associationSet", "item", &self.associations, |xml, one| {
            xml.text("routeTableAssociationId", &one.id);
            xml.text("routeTableId", id);
            xml.maybe("subnetId", one.subnet.as_ref());
            xml.value("main", one.subnet.is_none());
            xml.node("associationState", |xml| xml.text("state", "associated"));
        });
        xml.node("propagatingVgwSet", |_| {});
        write_tags(xml, &self.tags);
    }
}

fn write_route(route: &RouteRecord, alive: bool, xml: &mut XmlWriter) {
    let destination = match route.destination.starts_with("pl-") {
        true => "destinationPrefixListId",
        false => "destinationCidrBlock",
    };
    let target = match route.to.starts_with("nat-") {
        true => "natGatewayId",
        false => "gatewayId",
    };
    xml.text(destination, &route.destination);
    xml.text(target, &route.to);
    xml.text("state", if alive { "active" } else { "blackhole" });
    xml.text("origin", "CreateRoute");
}
