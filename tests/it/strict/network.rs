//! What EC2 documents of networks, as loadrig relies on it. Pages are those of the Amazon EC2 API
//! Reference and of the VPC User Guide.

use super::cloud::TestCloud;
use super::services::f;

/// CreateRouteTable: every table contains a local route. AssociateRouteTable: "This association
/// causes traffic originating from the subnet to be routed according to the routes in the route
/// table." ReplaceRouteTableAssociation, `newAssociationId`: "The ID of the new association."
/// DisassociateRouteTable: "the subnet no longer uses the routes in the route table".
#[tokio::test]
async fn route_tables_are_associated_replaced_and_disassociated() {
    let cloud = TestCloud::instant("ap-south-1").await;
    let network = cloud.network("10.50").await;
    let create = async || {
        let fields = [&f("VpcId", &network.vpc)[..]];
        cloud.ec2("CreateRouteTable", &fields).await.ok()
    };
    let first = create().await;
    assert_eq!(first.first("destinationCidrBlock"), "10.50.0.0/16");
    assert_eq!(first.first("gatewayId"), "local");
    let table = f("RouteTableId", &first.first("routeTableId"));
    let other = f("RouteTableId", &create().await.first("routeTableId"));
    let subnet = f("SubnetId", &network.subnets[0]);
    let associated = cloud.ec2("AssociateRouteTable", &[&table, &subnet]).await;
    let association = associated.ok().first("associationId");
    let tables = async |id: &str| {
        let fields = [
            "Filter.1.Name=association.subnet-id",
            &f("Filter.1.Value.1", id),
        ];
        let listed = cloud.ec2("DescribeRouteTables", &fields).await.ok();
        listed.between("<routeTableId>", "<").map(str::to_owned)
    };
    let of_subnet = tables(&network.subnets[0]).await;
    assert_eq!(of_subnet, Some(first.first("routeTableId")));
    let fields = [&f("AssociationId", &association)[..], &other];
    let replaced = cloud.ec2("ReplaceRouteTableAssociation", &fields).await;
    let new = replaced.ok().first("newAssociationId");
    assert_ne!(new, association);
    assert_ne!(tables(&network.subnets[0]).await, of_subnet);
    let end = [&f("AssociationId", &new)[..]];
    cloud.ec2("DisassociateRouteTable", &end).await.ok();
    assert_eq!(tables(&network.subnets[0]).await, None);
    cloud
        .ec2("DisassociateRouteTable", &end)
        .await
        .refused("InvalidAssociationID.NotFound", 400);
}

/// CreateInternetGateway: it is attached to no VPC yet. CreateRoute: `RouteAlreadyExists`.
/// ReplaceRoute: "Replaces an existing route within a route table in a VPC."
#[tokio::test]
async fn a_route_is_created_once_and_replaced() {
    let cloud = TestCloud::instant("ap-south-1").await;
    let network = cloud.network("10.51").await;
    let made = cloud.ec2("CreateInternetGateway", &[]).await.ok();
    assert!(!made.text.contains("<vpcId>"), "{}", made.text);
    let gateway = made.first("internetGatewayId");
    let fields = [
        &f("InternetGatewayId", &gateway)[..],
        &f("VpcId", &network.vpc),
    ];
    cloud.ec2("AttachInternetGateway", &fields).await.ok();
    let fields = [&f("VpcId", &network.vpc)[..]];
    let table = cloud.ec2("CreateRouteTable", &fields).await.ok();
    let route = [
        &f("RouteTableId", &table.first("routeTableId"))[..],
        "DestinationCidrBlock=0.0.0.0/0",
        &f("GatewayId", &gateway),
    ];
    cloud.ec2("CreateRoute", &route).await.ok();
    cloud
        .ec2("CreateRoute", &route)
        .await
        .refused("RouteAlreadyExists", 400);
    cloud.ec2("ReplaceRoute", &route).await.ok();
}

/// ModifyVpcAttribute and DescribeVpcAttribute: in a VPC that is not the default one, `enableDnsSupport`
/// is on and `enableDnsHostnames` off at first. ModifySubnetAttribute, `MapPublicIpOnLaunch`: off at
/// first.
#[tokio::test]
async fn attributes_of_networks_have_their_defaults_and_change() {
    let cloud = TestCloud::instant("ap-south-1").await;
    let network = cloud.network("10.52").await;
    let vpc = f("VpcId", &network.vpc);
    let look = async |attribute: &str| {
        let fields = [&vpc[..], &f("Attribute", attribute)];
        let told = cloud.ec2("DescribeVpcAttribute", &fields).await.ok();
        told.first("value")
    };
    assert_eq!(look("enableDnsSupport").await, "true");
    assert_eq!(look("enableDnsHostnames").await, "false");
    let change = [&vpc[..], "EnableDnsHostnames.Value=true"];
    cloud.ec2("ModifyVpcAttribute", &change).await.ok();
    assert_eq!(look("enableDnsHostnames").await, "true");
    let subnet = f("SubnetId.1", &network.subnets[0]);
    let public = async || {
        let told = cloud.ec2("DescribeSubnets", &[&subnet]).await.ok();
        told.first("mapPublicIpOnLaunch")
    };
    assert_eq!(public().await, "false");
    let change = [
        &f("SubnetId", &network.subnets[0])[..],
        "MapPublicIpOnLaunch.Value=true",
    ];
    cloud.ec2("ModifySubnetAttribute", &change).await.ok();
    assert_eq!(public().await, "true");
}

/// AllocateAddress: "The ID that represents the allocation of the Elastic IP address" and
/// "Domain: the network (vpc)"; ReleaseAddress, `InvalidAllocationID.NotFound`.
#[tokio::test]
async fn an_address_is_allocated_and_released_once() {
    let cloud = TestCloud::instant("ap-south-1").await;
    let made = cloud.ec2("AllocateAddress", &["Domain=vpc"]).await.ok();
    assert_eq!(made.first("domain"), "vpc");
    let id = f("AllocationId", &made.first("allocationId"));
    cloud.ec2("ReleaseAddress", &[&id]).await.ok();
    cloud
        .ec2("ReleaseAddress", &[&id])
        .await
        .refused("InvalidAllocationID.NotFound", 400);
}

/// RevokeSecurityGroupIngress and RevokeSecurityGroupEgress: for groups of a VPC that is not the
/// default one, "an `InvalidPermission.NotFound` client error is returned, and no rules are revoked",
/// if the values do not match a rule. CreateSecurityGroup: all outbound traffic is allowed.
#[tokio::test]
async fn only_an_existing_rule_is_revoked() {
    let cloud = TestCloud::instant("ap-south-1").await;
    let network = cloud.network("10.53").await;
    let group = f("GroupId", &cloud.group(&network.vpc, "rules").await);
    let rule = [
        group.as_str(),
        "IpPermissions.1.IpProtocol=tcp",
        "IpPermissions.1.FromPort=22",
        "IpPermissions.1.ToPort=22",
        "IpPermissions.1.IpRanges.1.CidrIp=192.0.2.0/24",
    ];
    cloud
        .ec2("RevokeSecurityGroupIngress", &rule)
        .await
        .refused("InvalidPermission.NotFound", 400);
    cloud.ec2("AuthorizeSecurityGroupIngress", &rule).await.ok();
    cloud.ec2("RevokeSecurityGroupIngress", &rule).await.ok();
    let all = [
        group.as_str(),
        "IpPermissions.1.IpProtocol=-1",
        "IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0",
    ];
    cloud.ec2("RevokeSecurityGroupEgress", &all).await.ok();
    cloud
        .ec2("RevokeSecurityGroupEgress", &all)
        .await
        .refused("InvalidPermission.NotFound", 400);
}

/// ModifyInstanceMetadataOptions, `HttpTokens`: `required` and `optional`. ModifyInstanceAttribute,
/// `GroupId`: "Replaces the security groups of the instance with the specified security groups."
#[tokio::test]
async fn a_running_instance_changes_in_place() {
    let cloud = TestCloud::instant("ap-south-1").await;
    let network = cloud.network("10.54").await;
    let group = cloud.group(&network.vpc, "first").await;
    let other = cloud.group(&network.vpc, "second").await;
    let launched = cloud.launch(&network.subnets[0], &group, &[]).await.ok();
    let id = launched.first("instanceId");
    let change = [&f("InstanceId", &id)[..], "HttpTokens=required"];
    let changed = cloud.ec2("ModifyInstanceMetadataOptions", &change).await;
    assert_eq!(changed.ok().first("httpTokens"), "required");
    let change = [&f("InstanceId", &id)[..], &f("GroupId.1", &other)];
    cloud.ec2("ModifyInstanceAttribute", &change).await.ok();
    let look = [&f("InstanceId.1", &id)[..]];
    let told = cloud.ec2("DescribeInstances", &look).await.ok();
    assert!(told.count("groupId", &other) > 0, "{}", told.text);
    assert_eq!(told.count("groupId", &group), 0, "{}", told.text);
    cloud.terminate(&id).await;
}

/// DescribeInstanceTypeOfferings, `LocationType`: "availability-zone - The Availability Zone. When you
/// specify a location filter, it must be an Availability Zone for the current Region." DescribeRegions,
/// `RegionName`.
#[tokio::test]
async fn types_are_offered_by_zone_and_regions_are_listed() {
    let cloud = TestCloud::instant("ap-south-1").await;
    let fields = [
        "LocationType=availability-zone",
        "Filter.1.Name=instance-type",
        "Filter.1.Value.1=t3.small",
    ];
    let offered = cloud
        .ec2("DescribeInstanceTypeOfferings", &fields)
        .await
        .ok();
    let here = offered.text.matches("<location>ap-south-1").count();
    assert!(here > 0, "{}", offered.text);
    assert_eq!(here, offered.text.matches("<location>").count());
    let fields = ["RegionName.1=ap-south-1"];
    let regions = cloud.ec2("DescribeRegions", &fields).await.ok();
    assert_eq!(regions.first("regionName"), "ap-south-1");
}
