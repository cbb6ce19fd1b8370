//! EC2's rules. Pages are those of the Amazon EC2 API Reference unless another is named.

use super::cloud::{IMAGE, TestCloud};

/// `Name=value`.
fn f(name: &str, value: &str) -> String {
    format!("{name}={value}")
}

/// EC2 Developer Guide, "Ensuring idempotency in Amazon EC2 API requests".
#[tokio::test]
async fn a_launch_with_the_same_token_is_the_same_launch() {
    let cloud = TestCloud::instant("us-east-1").await;
    let network = cloud.network("10.10").await;
    let group = cloud.group(&network.vpc, "a").await;
    let launch = async |more: &[&str]| cloud.launch(&network.subnets[0], &group, more).await;
    let first = launch(&["ClientToken=one"]).await.ok().first("instanceId");
    // Side by side, and again later.
    let (one, two) = tokio::join!(launch(&["ClientToken=two"]), launch(&["ClientToken=two"]));
    assert_eq!(one.ok().first("instanceId"), two.ok().first("instanceId"));
    assert_eq!(
        launch(&["ClientToken=one"]).await.ok().first("instanceId"),
        first
    );
    launch(&["ClientToken=one", "InstanceType=t3.medium"])
        .await
        .refused("IdempotentParameterMismatch", 400);
    // RunInstances, `IdempotentInstanceTerminated` ("Error codes for the Amazon EC2 API").
    cloud.terminate(&first).await;
    launch(&["ClientToken=one"])
        .await
        .refused("IdempotentInstanceTerminated", 400);
    let listed = cloud
        .ec2(
            "DescribeInstances",
            &["Filter.1.Name=vpc-id", &f("Filter.1.Value.1", &network.vpc)],
        )
        .await
        .ok();
    assert_eq!(listed.text.matches("<instanceState>").count(), 2);
}

/// The same page: a token that failed is free.
#[tokio::test]
async fn other_creations_honour_their_tokens() {
    let cloud = TestCloud::instant("us-east-2").await;
    let network = cloud.network("10.10").await;
    let vpc = f("VpcId", &network.vpc);
    let address = cloud
        .ec2("AllocateAddress", &["Domain=vpc"])
        .await
        .ok()
        .first("allocationId");
    let subnet = f("SubnetId", &network.subnets[0]);
    let allocation = f("AllocationId", &address);
    let nat = [subnet.as_str(), &allocation, "ClientToken=n"];
    let zone = f("AvailabilityZone", "us-east-2a");
    let volume = [zone.as_str(), "Size=10", "ClientToken=v"];
    let endpoint = [
        vpc.as_str(),
        "ServiceName=com.amazonaws.us-east-2.s3",
        "ClientToken=e",
    ];
    let table = [vpc.as_str(), "ClientToken=t"];
    for (action, id, fields) in [
        ("CreateRouteTable", "routeTableId", table.as_slice()),
        ("CreateNatGateway", "natGatewayId", &nat),
        ("CreateVpcEndpoint", "vpcEndpointId", &endpoint),
        ("CreateVolume", "volumeId", &volume),
    ] {
        let first = cloud.ec2(action, fields).await.ok().first(id);
        assert_eq!(
            cloud.ec2(action, fields).await.ok().first(id),
            first,
            "{action}"
        );
        let mut other = fields.to_vec();
        other.push("TagSpecification.1.ResourceType=vpc");
        cloud
            .ec2(action, &other)
            .await
            .refused("IdempotentParameterMismatch", 400);
    }
    let bad = ["AvailabilityZone=us-east-2a", "ClientToken=free"];
    assert!(cloud.ec2("CreateVolume", &bad).await.status >= 400);
    cloud
        .ec2(
            "CreateVolume",
            &["AvailabilityZone=us-east-2a", "Size=5", "ClientToken=free"],
        )
        .await
        .ok();
}

/// RunInstances; "Error codes for the Amazon EC2 API"; for profiles "Troubleshoot IAM and
/// Amazon EC2".
#[tokio::test]
async fn a_launch_with_unknown_references_is_refused() {
    let cloud = TestCloud::instant("us-west-1").await;
    let network = cloud.network("10.10").await;
    let elsewhere = cloud.network("10.11").await;
    let group = cloud.group(&network.vpc, "a").await;
    let stranger = cloud.group(&elsewhere.vpc, "b").await;
    let subnet = &network.subnets[0];
    for (field, code) in [
        ("ImageId=ami-0123456789abcdef9", "InvalidAMIID.NotFound"),
        ("InstanceType=t9.huge", "InvalidParameterValue"),
        ("KeyName=none", "InvalidKeyPair.NotFound"),
        (
            "SubnetId=subnet-0123456789abcdef0",
            "InvalidSubnetID.NotFound",
        ),
        (
            "SecurityGroupId.1=sg-0123456789abcdef0",
            "InvalidGroup.NotFound",
        ),
        (
            "IamInstanceProfile.Name=strict-none",
            "InvalidParameterValue",
        ),
        (
            "IamInstanceProfile.Arn=arn:aws:iam::123456789012:instance-profile/strict-none",
            "InvalidParameterValue",
        ),
        (&f("SecurityGroupId.1", &stranger), "InvalidParameter"),
    ] {
        cloud
            .launch(subnet, &group, &[field])
            .await
            .refused(code, 400);
    }
    // A type that does not exist is no member of the model's enumeration.
    let [violation] = cloud.strict.take_violations().try_into().unwrap();
    assert!(
        violation.contains("`InstanceType` is `t9.huge`"),
        "{violation}"
    );
    let profile = ["InstanceProfileName=strict-launch"];
    cloud
        .call("iam", "CreateInstanceProfile", &profile)
        .await
        .ok();
    let with_profile = ["IamInstanceProfile.Name=strict-launch"];
    let refused = cloud.launch(subnet, &group, &with_profile).await;
    let refused = refused.refused("InvalidParameterValue", 400);
    assert!(
        refused.text.contains("has no associated IAM Roles"),
        "{}",
        refused.text
    );
    let role = ["RoleName=strict-launch", "AssumeRolePolicyDocument={}"];
    cloud.call("iam", "CreateRole", &role).await.ok();
    let both = [
        "InstanceProfileName=strict-launch",
        "RoleName=strict-launch",
    ];
    cloud
        .call("iam", "AddRoleToInstanceProfile", &both)
        .await
        .ok();
    cloud.launch(subnet, &group, &with_profile).await.ok();
    assert_eq!(IMAGE.len(), 21);
}

/// DeleteSecurityGroup: in use by an interface, or referenced by another group.
#[tokio::test]
async fn a_used_or_referenced_group_cannot_be_deleted() {
    let cloud = TestCloud::instant("us-west-2").await;
    let network = cloud.network("10.10").await;
    let used = cloud.group(&network.vpc, "used").await;
    let other = cloud.group(&network.vpc, "other").await;
    let delete = async |id: &str| cloud.ec2("DeleteSecurityGroup", &[&f("GroupId", id)]).await;
    let rule = [
        &f("GroupId", &other),
        "IpPermissions.1.IpProtocol=tcp",
        "IpPermissions.1.FromPort=22",
        "IpPermissions.1.ToPort=22",
        &f("IpPermissions.1.Groups.1.GroupId", &used),
    ];
    cloud.ec2("AuthorizeSecurityGroupIngress", &rule).await.ok();
    // AuthorizeSecurityGroupIngress, "Error codes": `InvalidPermission.Duplicate`.
    cloud
        .ec2("AuthorizeSecurityGroupIngress", &rule)
        .await
        .refused("InvalidPermission.Duplicate", 400);
    delete(&used).await.refused("DependencyViolation", 400);
    cloud.ec2("RevokeSecurityGroupIngress", &rule).await.ok();
    let instance = cloud
        .launch(&network.subnets[0], &used, &[])
        .await
        .ok()
        .first("instanceId");
    delete(&used).await.refused("DependencyViolation", 400);
    cloud.terminate(&instance).await;
    delete(&used).await.ok();
    delete(&used).await.refused("InvalidGroup.NotFound", 400);
    // CreateSecurityGroup: names are unique in a VPC.
    let fields = [
        &f("VpcId", &network.vpc),
        "GroupName=other",
        "GroupDescription=x",
    ];
    cloud
        .ec2("CreateSecurityGroup", &fields)
        .await
        .refused("InvalidGroup.Duplicate", 400);
    // "Default security groups for your VPCs" (VPC User Guide).
    let groups = cloud
        .ec2(
            "DescribeSecurityGroups",
            &[
                "Filter.1.Name=vpc-id",
                &f("Filter.1.Value.1", &network.vpc),
                "Filter.2.Name=group-name",
                "Filter.2.Value.1=default",
            ],
        )
        .await
        .ok();
    delete(&groups.first("groupId"))
        .await
        .refused("CannotDelete", 400);
}

/// DeleteSubnet, DeleteVpc, DetachInternetGateway, AttachInternetGateway.
#[tokio::test]
async fn a_network_is_deleted_from_the_inside_out() {
    let cloud = TestCloud::instant("eu-west-1").await;
    let network = cloud.network("10.10").await;
    let vpc = f("VpcId", &network.vpc);
    let group = cloud.group(&network.vpc, "a").await;
    let gateway = cloud
        .ec2("CreateInternetGateway", &[])
        .await
        .ok()
        .first("internetGatewayId");
    let attached = [vpc.as_str(), &f("InternetGatewayId", &gateway)];
    cloud.ec2("AttachInternetGateway", &attached).await.ok();
    let second = cloud
        .ec2("CreateInternetGateway", &[])
        .await
        .ok()
        .first("internetGatewayId");
    cloud
        .ec2(
            "AttachInternetGateway",
            &[&vpc, &f("InternetGatewayId", &second)],
        )
        .await
        .refused("InvalidParameterValue", 400);
    cloud
        .ec2(
            "DeleteInternetGateway",
            &[&f("InternetGatewayId", &gateway)],
        )
        .await
        .refused("DependencyViolation", 400);

    let subnet = &network.subnets[0];
    let public = [
        "NetworkInterface.1.DeviceIndex=0",
        "NetworkInterface.1.AssociatePublicIpAddress=true",
        &f("NetworkInterface.1.SubnetId", subnet),
        &f("NetworkInterface.1.SecurityGroupId.1", &group),
    ];
    let mut fields = vec![
        "ImageId=ami-0aaaaaaaaaaaaaaa1",
        "InstanceType=t3.small",
        "MinCount=1",
        "MaxCount=1",
    ];
    fields.extend(public);
    let instance = cloud
        .ec2("RunInstances", &fields)
        .await
        .ok()
        .first("instanceId");
    cloud
        .ec2("DetachInternetGateway", &attached)
        .await
        .refused("DependencyViolation", 400);
    let delete_subnet = async |id: &str| cloud.ec2("DeleteSubnet", &[&f("SubnetId", id)]).await;
    delete_subnet(subnet)
        .await
        .refused("DependencyViolation", 400);
    // ModifyInstanceAttribute: `IncorrectInstanceState`.
    cloud
        .ec2(
            "ModifyInstanceAttribute",
            &[&f("InstanceId", &instance), "InstanceType.Value=t3.large"],
        )
        .await
        .refused("IncorrectInstanceState", 400);
    cloud.terminate(&instance).await;
    cloud
        .ec2("StartInstances", &[&f("InstanceId.1", &instance)])
        .await
        .refused("IncorrectInstanceState", 400);
    cloud.ec2("DetachInternetGateway", &attached).await.ok();
    // CreateSubnet: `InvalidSubnet.Conflict`.
    cloud
        .ec2("CreateSubnet", &[&vpc, "CidrBlock=10.10.0.0/25"])
        .await
        .refused("InvalidSubnet.Conflict", 400);
    let delete_vpc = async || cloud.ec2("DeleteVpc", &[&vpc]).await;
    delete_vpc().await.refused("DependencyViolation", 400);
    for subnet in &network.subnets {
        delete_subnet(subnet).await.ok();
    }
    delete_vpc().await.refused("DependencyViolation", 400);
    cloud
        .ec2("DeleteSecurityGroup", &[&f("GroupId", &group)])
        .await
        .ok();
    let table = cloud
        .ec2("CreateRouteTable", &[&vpc])
        .await
        .ok()
        .first("routeTableId");
    delete_vpc().await.refused("DependencyViolation", 400);
    cloud
        .ec2("DeleteRouteTable", &[&f("RouteTableId", &table)])
        .await
        .ok();
    let endpoint = [vpc.as_str(), "ServiceName=com.amazonaws.eu-west-1.s3"];
    let endpoint = cloud
        .ec2("CreateVpcEndpoint", &endpoint)
        .await
        .ok()
        .first("vpcEndpointId");
    delete_vpc().await.refused("DependencyViolation", 400);
    cloud
        .ec2("DeleteVpcEndpoints", &[&f("VpcEndpointId.1", &endpoint)])
        .await
        .ok();
    let listed = cloud.ec2("DescribeVpcEndpoints", &[]).await.ok();
    assert!(!listed.text.contains(&endpoint));
    cloud.ec2("AttachInternetGateway", &attached).await.ok();
    delete_vpc().await.refused("DependencyViolation", 400);
    cloud.ec2("DetachInternetGateway", &attached).await.ok();
    delete_vpc().await.ok();
}

/// ReleaseAddress; DeleteRouteTable; DeleteNatGateway; "NAT gateway basics".
#[tokio::test]
async fn a_nat_gateway_holds_its_address_and_subnet() {
    let cloud = TestCloud::instant("eu-west-2").await;
    let network = cloud.network("10.10").await;
    let address = cloud
        .ec2("AllocateAddress", &["Domain=vpc"])
        .await
        .ok()
        .first("allocationId");
    let allocation = f("AllocationId", &address);
    let subnet = f("SubnetId", &network.subnets[0]);
    let gateway = cloud
        .ec2("CreateNatGateway", &[&subnet, &allocation])
        .await
        .ok()
        .first("natGatewayId");
    cloud
        .ec2("ReleaseAddress", &[&allocation])
        .await
        .refused("AuthFailure", 400);
    cloud
        .ec2("DeleteSubnet", &[&subnet])
        .await
        .refused("DependencyViolation", 400);
    cloud
        .ec2("DeleteNatGateway", &[&f("NatGatewayId", &gateway)])
        .await
        .ok();
    cloud.ec2("ReleaseAddress", &[&allocation]).await.ok();

    let vpc = f("VpcId", &network.vpc);
    let table = cloud
        .ec2("CreateRouteTable", &[&vpc])
        .await
        .ok()
        .first("routeTableId");
    let table = f("RouteTableId", &table);
    let association = cloud
        .ec2("AssociateRouteTable", &[&table, &subnet])
        .await
        .ok()
        .first("associationId");
    cloud
        .ec2("DeleteRouteTable", &[&table])
        .await
        .refused("DependencyViolation", 400);
    cloud
        .ec2(
            "DisassociateRouteTable",
            &[&f("AssociationId", &association)],
        )
        .await
        .ok();
    cloud.ec2("DeleteRouteTable", &[&table]).await.ok();
    cloud.ec2("DeleteSubnet", &[&subnet]).await.ok();
}

/// ImportKeyPair: `InvalidKeyPair.Duplicate`.
#[tokio::test]
async fn key_pair_names_are_unique() {
    let cloud = TestCloud::instant("eu-west-3").await;
    let key = "c3NoLWVkMjU1MTkgQUFBQUMzTnphQzFsWkRJMU5URTVBQUFBSUhVU053MnZKMVpCVkwxaEdWbVRYV1dtMktDRUZNd3ZWM2I5bllacDBWYjEgdGVzdA==";
    let fields = ["KeyName=k", &f("PublicKeyMaterial", key)];
    cloud.ec2("ImportKeyPair", &fields).await.ok();
    cloud
        .ec2("ImportKeyPair", &fields)
        .await
        .refused("InvalidKeyPair.Duplicate", 400);
}

/// "Common parameters", `DryRun`: "If you have the required permissions, the error response
/// is `DryRunOperation`"; nothing is made.
#[tokio::test]
async fn a_dry_run_creates_nothing() {
    let cloud = TestCloud::instant("ap-northeast-1").await;
    for (action, fields) in [
        ("CreateVpc", ["CidrBlock=10.60.0.0/16", "DryRun=true"]),
        ("AllocateAddress", ["Domain=vpc", "DryRun=true"]),
        ("CreateKeyPair", ["KeyName=dry", "DryRun=true"]),
    ] {
        cloud
            .ec2(action, &fields)
            .await
            .refused("DryRunOperation", 412);
    }
    let vpcs = cloud.ec2("DescribeVpcs", &[]).await.ok();
    assert!(!vpcs.text.contains("10.60.0.0/16"), "{}", vpcs.text);
    let keys = cloud.ec2("DescribeKeyPairs", &[]).await.ok();
    assert_eq!(keys.count("keyName", "dry"), 0);
}
