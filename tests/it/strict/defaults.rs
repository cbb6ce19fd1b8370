//! Parameters of EC2 that the emulator forgets, and defaults that it does not give.

use super::cloud::TestCloud;
use super::services::f;

/// RunInstances and ModifyInstanceAttribute, `DisableApiTermination`; TerminateInstances,
/// `OperationNotPermitted`.
#[tokio::test]
async fn an_instance_is_launched_with_its_protection() {
    let cloud = TestCloud::instant("us-west-1").await;
    let network = cloud.network("10.20").await;
    let group = cloud.group(&network.vpc, "protected").await;
    let launched = cloud
        .launch(&network.subnets[0], &group, &["DisableApiTermination=true"])
        .await
        .ok();
    let id = launched.first("instanceId");
    cloud
        .ec2("TerminateInstances", &[&f("InstanceId.1", &id)])
        .await
        .refused("OperationNotPermitted", 400);
    let lift = [&f("InstanceId", &id), "DisableApiTermination.Value=false"];
    cloud.ec2("ModifyInstanceAttribute", &lift).await.ok();
    cloud.terminate(&id).await;
}

/// CreateVpcEndpoint, `SecurityGroupId`: "If this parameter is not specified, we use the default
/// security group for the VPC." DeleteVpcEndpoints, `Unsuccessful`: none.
#[tokio::test]
async fn an_interface_endpoint_has_a_group() {
    let cloud = TestCloud::instant("us-west-1").await;
    let network = cloud.network("10.21").await;
    let vpc = f("VpcId", &network.vpc);
    let fields = [
        vpc.as_str(),
        "ServiceName=com.amazonaws.us-west-1.ssm",
        "VpcEndpointType=Interface",
        &f("SubnetId.1", &network.subnets[0]),
    ];
    let made = cloud.ec2("CreateVpcEndpoint", &fields).await.ok();
    let default = ["Filter.1.Name=vpc-id", &f("Filter.1.Value.1", &network.vpc)];
    let groups = cloud.ec2("DescribeSecurityGroups", &default).await.ok();
    assert_eq!(made.first("groupId"), groups.first("groupId"));
    let id = f("VpcEndpointId.1", &made.first("vpcEndpointId"));
    cloud.ec2("DeleteVpcEndpoints", &[&id]).await.ok();
}
