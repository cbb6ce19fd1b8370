//! What an account of a profile plays, over the wire.

use axum::http::Request;

use super::tests::WireClient;
use crate::account_profile::AccountProfile;

#[test]
fn a_role_is_known_before_its_policy_is_in_effect() {
    let mut client = WireClient::of_profile(AccountProfile::Propagation);
    let service = [("AWSServiceName", "opensearchservice.amazonaws.com")];
    client
        .call("iam", "CreateServiceLinkedRole", &service)
        .unwrap();
    let mut domain = |pass| {
        client.pass(pass);
        let request = Request::post("http://aws.test/2021-01-01/opensearch/domain");
        let body = r#"{"DomainName":"late","VPCOptions":{"SubnetIds":["subnet-1"]}}"#;
        client.send("es", request, body).1
    };
    assert!(domain(0).contains("service-linked role"));
    assert!(domain(30).contains("Unauthorized Operation"));
    assert!(domain(30).contains("The subnet ID 'subnet-1' does not exist"));
}

#[test]
fn ec2_knows_a_profile_before_its_role() {
    let mut client = WireClient::of_profile(AccountProfile::Propagation);
    let role = [("RoleName", "r"), ("AssumeRolePolicyDocument", "{}")];
    client.call("iam", "CreateRole", &role).unwrap();
    let profile = ("InstanceProfileName", "p");
    client
        .call("iam", "CreateInstanceProfile", &[profile])
        .unwrap();
    let add = [profile, ("RoleName", "r")];
    client
        .call("iam", "AddRoleToInstanceProfile", &add)
        .unwrap();
    let mut give = |pass| {
        client.pass(pass);
        let request = Request::post("http://aws.test/");
        let body = "Action=AssociateIamInstanceProfile&InstanceId=i-00000000000000001&\
                    IamInstanceProfile.Name=p";
        client.send("ec2", request, body).1
    };
    assert!(give(0).contains("Invalid IAM Instance Profile"));
    assert!(give(45).contains("has no associated IAM Roles"));
    assert!(give(45).contains("InvalidInstanceID.NotFound"));
}

#[test]
fn tags_of_what_is_new_are_listed_late() {
    let mut client = WireClient::of_profile(AccountProfile::Propagation);
    let fields = [
        ("CidrBlock", "10.0.0.0/16"),
        ("TagSpecification.1.ResourceType", "vpc"),
        ("TagSpecification.1.Tag.1.Key", "a"),
        ("TagSpecification.1.Tag.1.Value", "b"),
    ];
    let vpc = client.create("CreateVpc", &fields, "vpcId");
    let by_tag = [("Filter.1.Name", "tag:a"), ("Filter.1.Value.1", "b")];
    client.pass(12);
    let listed = client.ec2("DescribeVpcs", &[]).unwrap();
    assert!(
        listed.contains(&vpc) && !listed.contains("<key>a</key>"),
        "{listed}"
    );
    assert!(!client.ec2("DescribeVpcs", &by_tag).unwrap().contains(&vpc));
    client.pass(15);
    assert!(client.ec2("DescribeVpcs", &by_tag).unwrap().contains(&vpc));
}
