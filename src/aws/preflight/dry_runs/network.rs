//! Dry runs of what makes a network: VPC, subnets, gateways, routes, security groups.

use aws_sdk_ec2::types::{ConnectivityType, IpPermission, UserIdGroupPair, VpcEndpointType};

use crate::aws::Aws;
use crate::aws::error::CallContext;
use crate::blueprint::{Address, SubnetTier};

use super::grounds::{
    Grounds, NO_ASSOCIATION, NO_ENDPOINT, NO_RESOURCE, NOT_KNOWN, Tried, WITH_CREATION, dry,
};

/// A destination that no route leads to (RFC 5737).
const DESTINATION: &str = "203.0.113.0/24";

impl Aws {
    pub(super) async fn dry_groups(&self, action: &'static str, on: &Grounds<'_>) -> Tried {
        let group = on.first_group().ok_or(NO_RESOURCE)?;
        let rule = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(9)
            .to_port(9)
            .user_id_group_pairs(UserIdGroupPair::builder().group_id(&group.id).build())
            .build();
        match action {
            "ec2:CreateSecurityGroup" => {
                let vpc = on.id(&Address::vpc()).ok_or(NO_RESOURCE)?;
                dry!(
                    self,
                    on,
                    action,
                    create_security_group,
                    group_name(format!("lr-{}-dry-run", on.environment)),
                    description("dry run"),
                    vpc_id(vpc),
                    tag_specifications(on.tags("security-group")),
                )
            }
            "ec2:AuthorizeSecurityGroupIngress" => dry!(
                self,
                on,
                action,
                authorize_security_group_ingress,
                group_id(&group.id),
                ip_permissions(rule),
                tag_specifications(on.tags("security-group-rule")),
            ),
            "ec2:RevokeSecurityGroupIngress" => dry!(
                self,
                on,
                action,
                revoke_security_group_ingress,
                group_id(&group.id),
                ip_permissions(rule),
            ),
            "ec2:RevokeSecurityGroupEgress" => dry!(
                self,
                on,
                action,
                revoke_security_group_egress,
                group_id(&group.id),
                ip_permissions(rule),
            ),
            "ec2:DeleteSecurityGroup" => {
                dry!(self, on, action, delete_security_group, group_id(&group.id))
            }
            _ => Err(NOT_KNOWN),
        }
    }

    pub(super) async fn dry_routes(&self, action: &'static str, on: &Grounds<'_>) -> Tried {
        if action == "ec2:CreateRouteTable" {
            let vpc = on.id(&Address::vpc()).ok_or(NO_RESOURCE)?;
            let tags = on.tags("route-table");
            return dry!(
                self,
                on,
                action,
                create_route_table,
                vpc_id(vpc),
                tag_specifications(tags),
            );
        }
        let table = on.own(&Address::route_table()).ok_or(NO_RESOURCE)?;
        let gateway = on.own(&Address::internet_gateway()).ok_or(NO_RESOURCE)?;
        match action {
            "ec2:CreateRoute" => dry!(
                self,
                on,
                action,
                create_route,
                route_table_id(table),
                destination_cidr_block(DESTINATION),
                gateway_id(gateway),
            ),
            "ec2:ReplaceRoute" => dry!(
                self,
                on,
                action,
                replace_route,
                route_table_id(table),
                destination_cidr_block("0.0.0.0/0"),
                gateway_id(gateway),
            ),
            "ec2:AssociateRouteTable" => {
                let subnet = on.own(&Address::subnet(SubnetTier::Private, 0));
                let subnet = subnet.ok_or(NO_RESOURCE)?;
                dry!(
                    self,
                    on,
                    action,
                    associate_route_table,
                    route_table_id(table),
                    subnet_id(subnet),
                )
            }
            "ec2:DeleteRouteTable" => {
                dry!(self, on, action, delete_route_table, route_table_id(table))
            }
            "ec2:DisassociateRouteTable" | "ec2:ReplaceRouteTableAssociation" => {
                Err(NO_ASSOCIATION)
            }
            _ => Err(NOT_KNOWN),
        }
    }

    pub(super) async fn dry_network(&self, action: &'static str, on: &Grounds<'_>) -> Tried {
        if action == "ec2:CreateVpc" {
            let tags = on.tags("vpc");
            let range = "10.255.0.0/16";
            return dry!(
                self,
                on,
                action,
                create_vpc,
                cidr_block(range),
                tag_specifications(tags),
            );
        }
        if action == "ec2:CreateInternetGateway" {
            let tags = on.tags("internet-gateway");
            return dry!(
                self,
                on,
                action,
                create_internet_gateway,
                tag_specifications(tags),
            );
        }
        let vpc = on.own(&Address::vpc()).ok_or(NO_RESOURCE)?;
        let gateway = on.own(&Address::internet_gateway()).ok_or(NO_RESOURCE)?;
        let subnet = || {
            let found = on.own(&Address::subnet(SubnetTier::Public, 0));
            found.ok_or(NO_RESOURCE)
        };
        match action {
            "ec2:AttachInternetGateway" => dry!(
                self,
                on,
                action,
                attach_internet_gateway,
                internet_gateway_id(gateway),
                vpc_id(vpc),
            ),
            "ec2:DetachInternetGateway" => dry!(
                self,
                on,
                action,
                detach_internet_gateway,
                internet_gateway_id(gateway),
                vpc_id(vpc),
            ),
            "ec2:DeleteInternetGateway" => dry!(
                self,
                on,
                action,
                delete_internet_gateway,
                internet_gateway_id(gateway),
            ),
            "ec2:CreateSubnet" => self.dry_subnet(action, vpc, on).await,
            "ec2:DeleteSubnet" => dry!(self, on, action, delete_subnet, subnet_id(subnet()?)),
            "ec2:DeleteVpc" => dry!(self, on, action, delete_vpc, vpc_id(vpc)),
            // A private one, which needs no address; the permission is the same.
            "ec2:CreateNatGateway" => dry!(
                self,
                on,
                action,
                create_nat_gateway,
                subnet_id(subnet()?),
                connectivity_type(ConnectivityType::Private),
                tag_specifications(on.tags("natgateway")),
            ),
            "ec2:CreateVpcEndpoint" => dry!(
                self,
                on,
                action,
                create_vpc_endpoint,
                vpc_id(vpc),
                vpc_endpoint_type(VpcEndpointType::Gateway),
                service_name(format!("com.amazonaws.{}.s3", self.region)),
                tag_specifications(on.tags("vpc-endpoint")),
            ),
            "ec2:ModifyVpcEndpoint" => {
                let endpoint = on.own(&Address::endpoint()).ok_or(NO_ENDPOINT)?;
                let table = on.own(&Address::route_table()).ok_or(NO_RESOURCE)?;
                dry!(
                    self,
                    on,
                    action,
                    modify_vpc_endpoint,
                    vpc_endpoint_id(endpoint),
                    set_add_route_table_ids(Some(vec![table])),
                )
            }
            "ec2:DeleteVpcEndpoints" => {
                let endpoint = on.own(&Address::endpoint()).ok_or(NO_ENDPOINT)?;
                dry!(
                    self,
                    on,
                    action,
                    delete_vpc_endpoints,
                    vpc_endpoint_ids(endpoint),
                )
            }
            "ec2:CreateTags" => Err(WITH_CREATION),
            _ => Err(NOT_KNOWN),
        }
    }

    async fn dry_subnet(&self, action: &'static str, vpc: String, on: &Grounds<'_>) -> Tried {
        let vpc_found = on.inventory.get(&Address::vpc()).ok_or(NO_RESOURCE)?;
        let range = vpc_found.text("cidr").ok_or(NO_RESOURCE)?;
        // The last addresses of the VPC, which none of its subnets has.
        let range: ipnet::Ipv4Net = range.parse().map_err(|_| NO_RESOURCE)?;
        let last = ipnet::Ipv4Net::new(range.broadcast(), 28).map_err(|_| NO_RESOURCE)?;
        let last = last.trunc().to_string();
        dry!(
            self,
            on,
            action,
            create_subnet,
            vpc_id(vpc),
            cidr_block(last),
            tag_specifications(on.tags("subnet")),
        )
    }
}
