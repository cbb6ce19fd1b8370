//! What policies of an organisation deny, before an emulator that knows of no policies. The account
//! in memory has the same rules; the pages that they come from are named beside them.

use strict_cloud::AccountProfile;

use super::cloud::TestCloud;

async fn cloud(region: &'static str, profile: AccountProfile) -> TestCloud {
    TestCloud::with(region, |options| options.account = profile).await
}

#[tokio::test]
async fn every_call_to_the_region_is_denied_and_global_services_are_not() {
    let cloud = cloud("eu-west-1", AccountProfile::EnterpriseRegion).await;
    let denied = cloud.ec2("DescribeVpcs", &[]).await;
    let denied = denied.refused("UnauthorizedOperation", 403);
    for part in [
        "is not authorized to perform: ec2:DescribeVpcs on resource: arn:aws:ec2:eu-west-1:",
        "with an explicit deny in a service control policy",
    ] {
        assert!(denied.text.contains(part), "{}", denied.text);
    }
    // A dry run asks for permission.
    let dry = ["CidrBlock=10.0.0.0/16", "DryRun=true"];
    let dry = cloud.ec2("CreateVpc", &dry).await;
    dry.refused("UnauthorizedOperation", 403);
    let databases = cloud.rds("DescribeDBInstances", &[]).await;
    databases.refused("AccessDenied", 403);
    let parameter = cloud.rest("s3", "PUT", "/denied-bucket", "").await;
    parameter.refused("AccessDenied", 403);
    cloud.call("iam", "ListRoles", &[]).await.ok();
    cloud.call("sts", "GetCallerIdentity", &[]).await.ok();
}

#[tokio::test]
async fn a_role_without_a_boundary_is_denied() {
    let cloud = cloud("eu-west-2", AccountProfile::EnterpriseBoundary).await;
    let fields = ["RoleName=unbounded", "AssumeRolePolicyDocument={}"];
    let denied = cloud.call("iam", "CreateRole", &fields).await;
    let denied = denied.refused("AccessDenied", 403);
    let policy = "with an explicit deny in an identity-based policy";
    assert!(denied.text.contains(policy), "{}", denied.text);
    cloud.ec2("DescribeVpcs", &[]).await.ok();
}

#[tokio::test]
async fn a_launch_that_complies_with_the_organisation_passes() {
    let cloud = cloud("eu-west-3", AccountProfile::Enterprise).await;
    let network = cloud.network("10.77").await;
    let group = cloud.group(&network.vpc, "complies").await;
    let complying = [
        "MetadataOptions.HttpTokens=required",
        "BlockDeviceMapping.1.DeviceName=/dev/xvda",
        "BlockDeviceMapping.1.Ebs.Encrypted=true",
        "TagSpecification.1.ResourceType=instance",
        "TagSpecification.1.Tag.1.Key=cost-center",
        "TagSpecification.1.Tag.1.Value=tests",
        "TagSpecification.2.ResourceType=volume",
        "TagSpecification.2.Tag.1.Key=cost-center",
        "TagSpecification.2.Tag.1.Value=tests",
        // The emulator does not know the size of the image.
        "BlockDeviceMapping.1.Ebs.VolumeSize=8",
    ];
    // Without the tags of the volume, without encryption, with open metadata.
    for left_out in [6..9, 1..3, 0..1] {
        let mut fields = complying.to_vec();
        fields.drain(left_out);
        let denied = cloud.launch(&network.subnets[0], &group, &fields).await;
        denied.refused("UnauthorizedOperation", 403);
    }
    let launched = cloud.launch(&network.subnets[0], &group, &complying).await;
    cloud.terminate(&launched.ok().first("instanceId")).await;
}

#[tokio::test]
async fn calls_without_a_session_are_denied_where_a_second_factor_is_wanted() {
    let cloud = cloud("eu-north-1", AccountProfile::EnterpriseMfa).await;
    let denied = cloud.ec2("DescribeVpcs", &[]).await;
    let denied = denied.refused("UnauthorizedOperation", 403);
    let policy = "with an explicit deny in an identity-based policy";
    assert!(denied.text.contains(policy), "{}", denied.text);
}
