//! Gateway endpoints: a route to a service of AWS's in some route tables.
//!
//! "Gateway endpoints" (AWS PrivateLink guide): a table has one route to a service.

use std::collections::BTreeSet;

use crate::clock::Delay;
use crate::errors::AwsError;

use super::super::account::{AwsAccount, CreationTime, NUMBER, QueryResult, TagMap};
use super::super::form::QueryForm;
use super::super::schedule::ScheduledEvent;
use super::super::writer::{XmlWriter, xml};
use super::listing::{Listed, described};
use super::routes::RouteRecord;
use super::{Ec2, done, not_found, tags_for, write_tags};

/// Stands for the ranges of S3.
const PREFIX_LIST: &str = "pl-63a5400a";

#[derive(Debug, Clone, Hash)]
pub(super) struct EndpointRecord {
    pub(super) vpc: String,
    service: String,
    pub(super) tables: BTreeSet<String>,
    pub(super) state: &'static str,
    created: CreationTime,
    pub(super) tags: TagMap,
}

impl EndpointRecord {
    pub(super) fn is_gone(&self) -> bool {
        self.state == "deleted"
    }
}

/// Refuses tables that are not there, of another VPC, or that have such a route already.
fn may_route(ec2: &Ec2, vpc: &str, tables: &[&str]) -> Result<(), AwsError> {
    for id in tables {
        let table = ec2.table(id)?;
        if table.vpc != vpc {
            return Err(AwsError::new(
                "InvalidParameter",
                format!("Route table {id} does not belong to vpc {vpc}"),
            ));
        }
        if table
            .routes
            .iter()
            .any(|route| route.destination == PREFIX_LIST)
        {
            return Err(AwsError::new(
                "RouteAlreadyExists",
                format!(
                    "route table {id} already has a route with destination-prefix-list-id {PREFIX_LIST}"
                ),
            ));
        }
    }
    Ok(())
}

fn add_routes(ec2: &mut Ec2, endpoint: &str, tables: &[&str]) {
    for id in tables {
        if let Some(table) = ec2.tables.get_mut(*id) {
            table.routes.push(RouteRecord {
                destination: PREFIX_LIST.to_owned(),
                to: endpoint.to_owned(),
            });
        }
    }
}

pub(super) fn create(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let (vpc, service) = (form.required("VpcId")?, form.required("ServiceName")?);
    let tables = form.list("RouteTableId");
    let tags = tags_for(form, "vpc-endpoint")?;
    if form.get("VpcEndpointType").unwrap_or("Gateway") != "Gateway"
        || service != format!("com.amazonaws.{}.s3", account.region)
    {
        return Err(AwsError::new(
            "InvalidServiceName",
            format!("The Vpc Endpoint Service '{service}' does not exist"),
        ));
    }
    let before = account
        .ec2
        .tokens
        .created_before("CreateVpcEndpoint", form)?;
    let id = match before {
        Some(id) => id,
        None => {
            account.ec2.vpc(vpc)?;
            may_route(&account.ec2, vpc, &tables)?;
            let id = account.new_ec2_id("vpce");
            add_routes(&mut account.ec2, &id, &tables);
            let endpoint = EndpointRecord {
                vpc: vpc.to_owned(),
                service: service.to_owned(),
                tables: tables.iter().map(|id| (*id).to_owned()).collect(),
                state: "available",
                created: CreationTime(account.now),
                tags,
            };
            account.ec2.endpoints.insert(id.clone(), endpoint);
            account.ec2.tokens.remember("CreateVpcEndpoint", form, &id);
            id
        }
    };
    described(&account.ec2, "vpcEndpoint", &account.ec2.endpoints, &id)
}

/// ModifyVpcEndpoint: "The attributes that you can modify depend on the type of VPC endpoint
/// (interface, gateway, or Gateway Load Balancer)."
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcEndpoint.html>).
pub(super) fn modify(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("VpcEndpointId")?;
    let (added, removed) = (
        form.list("AddRouteTableId"),
        form.list("RemoveRouteTableId"),
    );
    let ec2 = &mut account.ec2;
    let endpoint = ec2.endpoints.get(id).filter(|one| one.state == "available");
    let endpoint = endpoint.ok_or_else(|| no_endpoint(id))?;
    may_route(ec2, &endpoint.vpc, &added)?;
    add_routes(ec2, id, &added);
    for table in &removed {
        if let Some(table) = ec2.tables.get_mut(*table) {
            table.routes.retain(|route| route.to != id);
        }
    }
    if let Some(endpoint) = ec2.endpoints.get_mut(id) {
        endpoint.tables.extend(added.into_iter().map(str::to_owned));
        endpoint
            .tables
            .retain(|one| !removed.contains(&one.as_str()));
    }
    done()
}

fn no_endpoint(id: &str) -> AwsError {
    not_found("InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id", id)
}

/// What cannot be deleted is told in an answer that is a success.
pub(super) fn delete(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let mut failed = Vec::new();
    for id in form.list("VpcEndpointId") {
        match account
            .ec2
            .endpoints
            .get_mut(id)
            .filter(|one| !one.is_gone())
        {
            None => failed.push(id),
            Some(endpoint) if endpoint.state == "deleting" => {}
            Some(endpoint) => {
                endpoint.state = "deleting";
                account.after(
                    Delay::EndpointEnd,
                    ScheduledEvent::EndpointEnded(id.to_owned()),
                );
            }
        }
    }
    Ok(xml(|xml| {
        xml.list("unsuccessful", "item", failed, |xml, id| {
            let refusal = no_endpoint(id);
            xml.text("resourceId", id);
            xml.node("error", |xml| {
                xml.text("code", refusal.code);
                xml.text("message", refusal.message);
            });
        });
    }))
}

pub(super) fn ended(ec2: &mut Ec2, id: &str) {
    for table in ec2.tables.values_mut() {
        table.routes.retain(|route| route.to != id);
    }
    if let Some(endpoint) = ec2.endpoints.get_mut(id) {
        endpoint.state = "deleted";
        endpoint.tables.clear();
    }
}

impl Listed for EndpointRecord {
    const ID_FIELD: &'static str = "VpcEndpointId";
    const MISSING: (&'static str, &'static str) =
        ("InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id");
    const TYPE: &'static str = "vpc-endpoint";
    const FILTERS: &'static [&'static str] = &[
        "vpc-endpoint-id",
        "vpc-id",
        "service-name",
        "vpc-endpoint-state",
    ];

    fn tags(&self) -> &TagMap {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut TagMap {
        &mut self.tags
    }

    fn is_listed(&self) -> bool {
        !self.is_gone()
    }

    fn values(&self, filter: &str, id: &str, _: &Ec2) -> Vec<String> {
        vec![match filter {
            "vpc-endpoint-id" => id.to_owned(),
            "vpc-id" => self.vpc.clone(),
            "service-name" => self.service.clone(),
            _ => self.state.to_owned(),
        }]
    }

    fn write(&self, id: &str, _: &Ec2, xml: &mut XmlWriter) {
        xml.text("vpcEndpointId", id);
        xml.text("vpcEndpointType", "Gateway");
        xml.text("vpcId", &self.vpc);
        xml.text("serviceName", &self.service);
        xml.text("state", self.state);
        xml.texts("routeTableIdSet", "item", &self.tables);
        xml.value("creationTimestamp", self.created);
        xml.text("ownerId", NUMBER);
        write_tags(xml, &self.tags);
    }
}
