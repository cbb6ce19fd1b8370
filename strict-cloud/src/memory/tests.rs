//! What the account as a whole promises, over the wire.

use std::time::Duration;

use axum::http::{Method, Request, StatusCode};
use bytes::Bytes;

use super::AwsAccount;
use crate::account_profile::AccountProfile;
use crate::call::Call;
use crate::xml;

/// A client of an account.
pub(super) struct WireClient {
    account: AwsAccount,
}

/// Two subnets in different zones of one VPC, with a security group.
struct MemoryNetwork {
    vpc: String,
    subnets: [String; 2],
    group: String,
}

impl WireClient {
    /// Of an account in which everything is done at once.
    fn instant() -> Self {
        Self::at_scale(0.0)
    }

    fn at_scale(scale: f64) -> Self {
        Self {
            account: AwsAccount::new("us-east-1", scale),
        }
    }

    pub(super) fn of_profile(profile: AccountProfile) -> Self {
        Self {
            account: AwsAccount::of_profile(profile, "us-east-1", 1.0),
        }
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        let then = self.account.now().checked_add(Duration::from_secs(seconds));
        self.account.pass_until(then.unwrap());
    }

    pub(super) fn send(
        &mut self,
        service: &str,
        request: axum::http::request::Builder,
        body: &str,
    ) -> (StatusCode, String) {
        let scope = format!("Credential=KEY/20250101/us-east-1/{service}/aws4_request");
        let request = request.header("authorization", format!("AWS4-HMAC-SHA256 {scope}"));
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        let now = self.account.now();
        let answer = self.account.answer(now, &Call::parse(request));
        let text = String::from_utf8(answer.body().to_vec()).unwrap();
        (answer.status(), text)
    }

    /// A call of a query service: its text, or the code of the refusal.
    pub(super) fn call(
        &mut self,
        service: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<String, String> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).extend_pairs(fields);
        let request = Request::builder()
            .method(Method::POST)
            .uri("http://aws.test/");
        let (status, text) = self.send(service, request, &form.finish());
        match status.is_success() {
            true => Ok(text),
            false => Err(xml::first(&text, "Code").unwrap()),
        }
    }

    pub(super) fn ec2(&mut self, action: &str, fields: &[(&str, &str)]) -> Result<String, String> {
        self.call("ec2", action, fields)
    }

    /// The first id in the answer of a call that has to succeed.
    pub(super) fn create(&mut self, action: &str, fields: &[(&str, &str)], id: &str) -> String {
        let answer = self.ec2(action, fields).unwrap();
        xml::first(&answer, id).unwrap()
    }

    fn s3(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (StatusCode, String) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://aws.test{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send("s3", request, body)
    }

    fn network(&mut self) -> MemoryNetwork {
        let vpc = self.create("CreateVpc", &[("CidrBlock", "10.0.0.0/16")], "vpcId");
        let subnets = [("10.0.0.0/24", "us-east-1a"), ("10.0.1.0/24", "us-east-1b")];
        let subnets = subnets.map(|(range, zone)| {
            let fields = [
                ("VpcId", vpc.as_str()),
                ("CidrBlock", range),
                ("AvailabilityZone", zone),
            ];
            self.create("CreateSubnet", &fields, "subnetId")
        });
        let fields = [
            ("GroupName", "g"),
            ("GroupDescription", "g"),
            ("VpcId", vpc.as_str()),
        ];
        let group = self.create("CreateSecurityGroup", &fields, "groupId");
        MemoryNetwork {
            vpc,
            subnets,
            group,
        }
    }

    fn launch(
        &mut self,
        network: &MemoryNetwork,
        token: &str,
        more: &[(&str, &str)],
    ) -> Result<String, String> {
        let mut fields = vec![
            ("MinCount", "1"),
            ("MaxCount", "1"),
            ("ClientToken", token),
            ("ImageId", "ami-0aaaaaaaaaaaaaaa1"),
            ("InstanceType", "c7i.large"),
            ("NetworkInterface.1.SubnetId", &network.subnets[0]),
            ("NetworkInterface.1.SecurityGroupId.1", &network.group),
        ];
        fields.extend(more);
        let answer = self.ec2("RunInstances", &fields)?;
        Ok(xml::first(&answer, "instanceId").unwrap())
    }
}

fn filter<'a>(name: &'a str, value: &'a str) -> [(&'static str, &'a str); 2] {
    [("Filter.1.Name", name), ("Filter.1.Value.1", value)]
}

#[test]
fn unknown_operations_parameters_and_filters_are_refused() {
    let mut client = WireClient::instant();
    assert_eq!(
        client.ec2("DescribeDragons", &[]).unwrap_err(),
        "InvalidAction"
    );
    assert_eq!(
        client
            .ec2("DescribeVpcs", &[("Colour", "red")])
            .unwrap_err(),
        "UnknownParameter"
    );
    for action in [
        "DescribeVpcs",
        "DescribeVolumes",
        "DescribeSnapshots",
        "DescribeNetworkAcls",
    ] {
        let refused = client.ec2(action, &filter("colour", "red")).unwrap_err();
        assert_eq!(refused, "InvalidParameterValue", "{action}");
    }
}

#[test]
fn filters_match_by_tag_and_by_value() {
    let mut client = WireClient::instant();
    let tags = [
        ("CidrBlock", "10.1.0.0/16"),
        ("TagSpecification.1.ResourceType", "vpc"),
        ("TagSpecification.1.Tag.1.Key", "team"),
        ("TagSpecification.1.Tag.1.Value", "red"),
    ];
    let tagged = client.create("CreateVpc", &tags, "vpcId");
    let other = client.network().vpc;
    let found = client
        .ec2("DescribeVpcs", &filter("tag:team", "red"))
        .unwrap();
    assert!(found.contains(&tagged) && !found.contains(&other));
    let found = client
        .ec2("DescribeVpcs", &filter("vpc-id", &other))
        .unwrap();
    assert!(found.contains(&other) && !found.contains(&tagged));
    let found = client.ec2("DescribeTags", &filter("key", "team")).unwrap();
    assert_eq!(xml::texts(&found, "resourceId"), [tagged]);
}

#[test]
fn a_repeated_token_creates_nothing_and_another_request_with_it_is_refused() {
    let mut client = WireClient::instant();
    let network = client.network();
    let first = client.launch(&network, "t", &[]).unwrap();
    assert_eq!(client.launch(&network, "t", &[]).unwrap(), first);
    assert_eq!(
        client
            .launch(&network, "t", &[("KeyName", "k")])
            .unwrap_err(),
        "IdempotentParameterMismatch"
    );
    client
        .ec2("TerminateInstances", &[("InstanceId.1", &first)])
        .unwrap();
    assert_eq!(
        client.launch(&network, "t", &[]).unwrap_err(),
        "IdempotentInstanceTerminated"
    );
    assert_ne!(client.launch(&network, "t2", &[]).unwrap(), first);
}

#[test]
fn resources_in_use_cannot_be_deleted() {
    let mut client = WireClient::instant();
    let network = client.network();
    let instance = client.launch(&network, "t", &[]).unwrap();
    let in_use = "DependencyViolation";
    for (action, field, id) in [
        ("DeleteVpc", "VpcId", &network.vpc),
        ("DeleteSubnet", "SubnetId", &network.subnets[0]),
        ("DeleteSecurityGroup", "GroupId", &network.group),
    ] {
        assert_eq!(
            client.ec2(action, &[(field, id)]).unwrap_err(),
            in_use,
            "{action}"
        );
    }
    client
        .ec2("TerminateInstances", &[("InstanceId.1", &instance)])
        .unwrap();
    for (action, field, id) in [
        ("DeleteSubnet", "SubnetId", &network.subnets[0]),
        ("DeleteSubnet", "SubnetId", &network.subnets[1]),
        ("DeleteSecurityGroup", "GroupId", &network.group),
        ("DeleteVpc", "VpcId", &network.vpc),
    ] {
        client.ec2(action, &[(field, id)]).unwrap();
    }
    assert_eq!(client.account.resources(), []);
}

#[test]
fn resources_become_available_after_aws_delays() {
    let mut client = WireClient::at_scale(1.0);
    let network = client.network();
    let instance = client.launch(&network, "t", &[]).unwrap();
    let state = |client: &mut WireClient| {
        let answer = client.ec2("DescribeInstances", &[]).unwrap();
        let states = xml::read(&answer, |document| {
            let states = xml::named(document, "instanceState");
            states
                .map(|state| xml::texts_in(state, "name"))
                .collect::<Vec<_>>()
        });
        states.concat().join(" ")
    };
    assert_eq!(state(&mut client), "", "lists lag behind creations");
    client.pass(3);
    assert_eq!(state(&mut client), "pending");
    client.pass(10);
    assert_eq!(state(&mut client), "running");
    client
        .ec2("TerminateInstances", &[("InstanceId.1", &instance)])
        .unwrap();
    assert_eq!(state(&mut client), "shutting-down");
    client.pass(31);
    assert_eq!(state(&mut client), "terminated");
    client.pass(3601);
    assert_eq!(state(&mut client), "");
    assert_eq!(client.account.next_event(), None);
}

#[test]
fn a_cloned_account_is_independent() {
    let mut client = WireClient::instant();
    let before = client.account.clone();
    client.network();
    assert_eq!(before.resources(), []);
    assert_ne!(before.fingerprint(), client.account.fingerprint());
}

#[test]
fn accounts_that_differ_only_in_age_have_the_same_fingerprint() {
    let (mut one, mut other) = (WireClient::at_scale(1.0), WireClient::at_scale(1.0));
    other.pass(1000);
    let mut prints = Vec::new();
    for client in [&mut one, &mut other] {
        let network = client.network();
        client.launch(&network, "t", &[]).unwrap();
        prints.push(client.account.fingerprint());
    }
    assert_eq!(prints[0], prints[1]);
    other.pass(1);
    assert_ne!(
        other.account.fingerprint(),
        prints[1],
        "what happens next comes sooner"
    );
}

#[test]
fn a_nat_gateway_holds_its_address_and_fails_without_an_internet_gateway() {
    let mut client = WireClient::instant();
    let network = client.network();
    let address = client.create("AllocateAddress", &[], "allocationId");
    let fields = [
        ("SubnetId", network.subnets[0].as_str()),
        ("AllocationId", &address),
    ];
    client.ec2("CreateNatGateway", &fields).unwrap();
    let answer = client.ec2("DescribeNatGateways", &[]).unwrap();
    assert_eq!(
        xml::first(&answer, "failureCode").unwrap(),
        "Gateway.NotAttached"
    );
    let gateway = client.create("CreateInternetGateway", &[], "internetGatewayId");
    let pair = [
        ("InternetGatewayId", gateway.as_str()),
        ("VpcId", &network.vpc),
    ];
    client.ec2("AttachInternetGateway", &pair).unwrap();
    let nat = client.create("CreateNatGateway", &fields, "natGatewayId");
    assert_eq!(
        client
            .ec2("ReleaseAddress", &[("AllocationId", &address)])
            .unwrap_err(),
        "AuthFailure"
    );
    assert_eq!(
        client.ec2("DetachInternetGateway", &pair).unwrap_err(),
        "DependencyViolation"
    );
    client
        .ec2("DeleteNatGateway", &[("NatGatewayId", &nat)])
        .unwrap();
    client
        .ec2("ReleaseAddress", &[("AllocationId", &address)])
        .unwrap();
    client.ec2("DetachInternetGateway", &pair).unwrap();
}

#[test]
fn a_database_leaves_the_final_snapshot_that_was_asked_for() {
    let mut client = WireClient::at_scale(1.0);
    let network = client.network();
    let subnets = [
        ("DBSubnetGroupName", "s"),
        ("DBSubnetGroupDescription", "s"),
        ("SubnetIds.SubnetIdentifier.1", &network.subnets[0]),
        ("SubnetIds.SubnetIdentifier.2", &network.subnets[1]),
    ];
    assert_eq!(
        client
            .call("rds", "CreateDBSubnetGroup", &subnets)
            .unwrap_err(),
        "InvalidParameterValue",
        "RDS creates its role in the account"
    );
    client.call("rds", "CreateDBSubnetGroup", &subnets).unwrap();
    let parameters = [
        ("DBParameterGroupName", "p"),
        ("DBParameterGroupFamily", "postgres16"),
        ("Description", "p"),
    ];
    client
        .call("rds", "CreateDBParameterGroup", &parameters)
        .unwrap();
    let database = [
        ("DBInstanceIdentifier", "d"),
        ("Engine", "postgres"),
        ("EngineVersion", "16"),
        ("DBInstanceClass", "db.r7g.large"),
        ("MasterUsername", "u"),
        ("MasterUserPassword", "long-enough"),
        ("DBSubnetGroupName", "s"),
        ("DBParameterGroupName", "p"),
        ("VpcSecurityGroupIds.VpcSecurityGroupId.1", &network.group),
    ];
    client.call("rds", "CreateDBInstance", &database).unwrap();
    assert_eq!(
        client
            .call("rds", "CreateDBInstance", &database)
            .unwrap_err(),
        "DBInstanceAlreadyExists"
    );
    client.pass(451);
    let of_database = [("DBInstanceIdentifier", "d")];
    assert_eq!(
        client
            .call("rds", "DeleteDBInstance", &of_database)
            .unwrap_err(),
        "InvalidParameterCombination"
    );
    let delete = [of_database[0], ("FinalDBSnapshotIdentifier", "last")];
    client.call("rds", "DeleteDBInstance", &delete).unwrap();
    assert_eq!(
        client
            .ec2("DeleteSubnet", &[("SubnetId", &network.subnets[0])])
            .unwrap_err(),
        "DependencyViolation",
        "its interface is there until it is gone"
    );
    client.pass(400);
    assert_eq!(
        client
            .call("rds", "DescribeDBInstances", &of_database)
            .unwrap_err(),
        "DBInstanceNotFound"
    );
    let snapshots = client.call("rds", "DescribeDBSnapshots", &[]).unwrap();
    assert_eq!(
        xml::first(&snapshots, "DBSnapshotIdentifier").unwrap(),
        "last"
    );
    client
        .ec2("DeleteSubnet", &[("SubnetId", &network.subnets[0])])
        .unwrap();
}

#[test]
fn conditional_object_writes_are_honoured() {
    let mut client = WireClient::instant();
    client.s3(Method::PUT, "/b", &[], "");
    let create = [("if-none-match", "*")];
    let (status, _) = client.s3(Method::PUT, "/b/lock", &create, "one");
    assert_eq!(status, StatusCode::OK);
    let (status, _) = client.s3(Method::PUT, "/b/lock", &create, "two");
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    let (status, _) = client.s3(Method::PUT, "/b/lock", &[("if-match", "\"other\"")], "two");
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    let (_, text) = client.s3(Method::GET, "/b/lock", &[], "");
    assert_eq!(text, "one");
    let (status, _) = client.s3(Method::DELETE, "/b", &[], "");
    assert_eq!(status, StatusCode::CONFLICT, "it is not empty");
    let stranger = [("x-amz-expected-bucket-owner", "999999999999")];
    let (status, _) = client.s3(Method::GET, "/b/lock", &stranger, "");
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[test]
fn a_bucket_with_object_versions_cannot_be_deleted() {
    let mut client = WireClient::instant();
    client.s3(Method::PUT, "/b", &[], "");
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    client.s3(Method::PUT, "/b?versioning", &[], on);
    client.s3(Method::PUT, "/b/file", &[], "one");
    client.s3(Method::DELETE, "/b/file", &[], "");
    let (status, _) = client.s3(Method::GET, "/b/file", &[], "");
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (_, versions) = client.s3(Method::GET, "/b?versions", &[], "");
    let ids = xml::texts(&versions, "VersionId");
    assert_eq!(ids.len(), 2, "the version and the marker");
    let (status, _) = client.s3(Method::DELETE, "/b", &[], "");
    assert_eq!(status, StatusCode::CONFLICT);
    for id in ids {
        client.s3(Method::DELETE, &format!("/b/file?versionId={id}"), &[], "");
    }
    let (status, _) = client.s3(Method::DELETE, "/b", &[], "");
    assert_eq!(status, StatusCode::NO_CONTENT);
}

#[test]
fn a_leftover_interface_blocks_its_subnet() {
    let mut client = WireClient::instant();
    let network = client.network();
    let subnet = network.subnets[0].as_str();
    let fields = [("SubnetId", subnet), ("SecurityGroupId.1", &network.group)];
    let id = client.create("CreateNetworkInterface", &fields, "networkInterfaceId");
    assert_eq!(
        client
            .ec2("DeleteSubnet", &[("SubnetId", subnet)])
            .unwrap_err(),
        "DependencyViolation"
    );
    client
        .ec2("DeleteNetworkInterface", &[("NetworkInterfaceId", &id)])
        .unwrap();
    client.ec2("DeleteSubnet", &[("SubnetId", subnet)]).unwrap();
}
