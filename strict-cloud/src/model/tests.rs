//! Each kind of violation in each protocol is refused with its service's code, and what the model
//! allows is not.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::{VIOLATION_HEADER, answer_violations, held_to_model, read_answer, write_request};
use crate::call::Call;

/// What a model says of a call: code of the refusal and the words in its header; none if it is
/// not refused.
fn judged(call: &Call) -> Option<(String, String)> {
    let refusal = held_to_model(call)?;
    let header = refusal.reply.headers.get(VIOLATION_HEADER);
    assert_eq!(header.unwrap().to_str().unwrap(), refusal.words);
    let text = refusal.reply.text();
    let code = match text.split_once("<Code>") {
        Some((_, rest)) => rest.split_once("</Code>").unwrap().0.to_owned(),
        None => {
            let body: Value = serde_json::from_str(text).unwrap();
            body["__type"].as_str().unwrap().to_owned()
        }
    };
    Some((code, refusal.words))
}

fn form(service: &str, fields: &str) -> Call {
    request(service, "POST", "/", fields, &[])
}

fn request(service: &str, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> Call {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=AKIA/20250101/us-east-1/{service}/aws4_request, Signature=0"
    );
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", scope);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Call::parse(request.body(Bytes::from(body.to_owned())).unwrap())
}

#[track_caller]
fn refused(call: &Call, code: &str, words: &str) {
    let (found, said) = judged(call).unwrap_or_else(|| panic!("not refused: {words}"));
    assert!(said.contains(words), "{said}");
    assert_eq!(found, code, "{said}");
}

#[track_caller]
fn allowed(call: &Call) {
    assert_eq!(judged(call), None);
}

#[test]
fn a_form_of_ec2() {
    let run = "Action=RunInstances&Version=2016-11-15&MinCount=1&MaxCount=1";
    allowed(&form("ec2", run));
    allowed(&form(
        "ec2",
        &format!(
            "{run}&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b"
        ),
    ));
    refused(
        &form("ec2", "Action=RunInstances&MinCount=1"),
        "MissingParameter",
        "`MaxCount` is missing",
    );
    refused(
        &form("ec2", &format!("{run}&SecurityGroupIds.1=sg-1")),
        "UnknownParameter",
        "`SecurityGroupIds` is unknown (`sg-1`)",
    );
    refused(
        &form("ec2", &format!("{run}&TagSpecification.1.Tags.1.Key=a")),
        "UnknownParameter",
        "`TagSpecifications.1.Tags` is unknown (`a`)",
    );
    refused(
        &form("ec2", "Action=RunInstances&MinCount=one&MaxCount=1"),
        "InvalidParameterValue",
        "`MinCount` is no integer: `one`",
    );
    refused(
        &form("ec2", &format!("{run}&EbsOptimized=yes")),
        "InvalidParameterValue",
        "`EbsOptimized` is no boolean: `yes`",
    );
    refused(
        &form("ec2", &format!("{run}&InstanceType=t9.huge")),
        "InvalidParameterValue",
        "`InstanceType` is `t9.huge`, none of",
    );
    let list = "Action=DescribeNatGateways&MaxResults";
    allowed(&form("ec2", &format!("{list}=5")));
    refused(
        &form("ec2", &format!("{list}=4")),
        "InvalidParameterValue",
        "`MaxResults` is 4, less than 5",
    );
    refused(
        &form("ec2", &format!("{list}=1001")),
        "InvalidParameterValue",
        "`MaxResults` is 1001, more than 1000",
    );
}

#[test]
fn a_form_of_a_query_service() {
    let role = "Action=CreateRole&Version=2010-05-08&RoleName=web&AssumeRolePolicyDocument=x";
    allowed(&form("iam", role));
    allowed(&form(
        "iam",
        &format!("{role}&Tags.member.1.Key=a&Tags.member.1.Value="),
    ));
    refused(
        &form("iam", "Action=CreateRole&RoleName=web"),
        "ValidationError",
        "`AssumeRolePolicyDocument` is missing",
    );
    refused(
        &form("iam", &format!("{role}&Tags.1.Key=a")),
        "InvalidQueryParameter",
        "`Tags.1` is unknown (`a`)",
    );
    refused(
        &form("iam", &role.replace("web", "two%20words")),
        "ValidationError",
        "`RoleName` is `two words`, which does not match",
    );
    refused(
        &form("iam", &role.replace("web", &"a".repeat(65))),
        "ValidationError",
        "`RoleName` is longer than 64",
    );
    refused(
        &form("iam", &format!("{role}&MaxSessionDuration=60")),
        "ValidationError",
        "`MaxSessionDuration` is 60, less than 3600",
    );
    refused(
        &form("iam", &format!("{role}&Tags.member.1.Value=b")),
        "ValidationError",
        "`Tags.1.Key` is missing",
    );
    let balancer = "Action=CreateLoadBalancer&Name=a";
    allowed(&form(
        "elasticloadbalancing",
        &format!("{balancer}&Type=network"),
    ));
    refused(
        &form("elasticloadbalancing", &format!("{balancer}&Type=neural")),
        "ValidationError",
        "`Type` is `neural`, none of application",
    );
    let group =
        "Action=CreateDBSubnetGroup&DBSubnetGroupDescription=d&SubnetIds.SubnetIdentifier.1=s";
    allowed(&form("rds", &format!("{group}&DBSubnetGroupName=g")));
    refused(
        &form("rds", group),
        "MissingParameter",
        "`DBSubnetGroupName` is missing",
    );
    refused(
        &form(
            "rds",
            "Action=CreateDBInstance&DBInstanceIdentifier=a&DBInstanceClass=c&Engine=e&AllocatedStorage=much",
        ),
        "InvalidParameterValue",
        "`AllocatedStorage` is no integer: `much`",
    );
}

#[test]
fn the_words_of_a_framework_refusal() {
    let role = "Action=CreateRole&RoleName=a%20b&AssumeRolePolicyDocument=x&Tags.member.1.Key=";
    let refusal = held_to_model(&form("iam", role)).unwrap();
    let text = refusal.reply.text();
    assert!(text.contains("4 validation errors detected: "), "{text}");
    assert!(
        text.contains("Value 'a b' at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+"),
        "{text}"
    );
    assert!(
        text.contains("Value null at 'tags.1.member.value'"),
        "{text}"
    );
}

fn json_call(service: &str, target: &str, body: Value) -> Call {
    request(
        service,
        "POST",
        "/",
        &body.to_string(),
        &[("x-amz-target", target)],
    )
}

#[test]
fn json_with_a_target() {
    let put = |body| json_call("ssm", "AmazonSSM.PutParameter", body);
    allowed(&put(
        json!({ "Name": "/a", "Value": "b", "Type": "String", "Tags": [{ "Key": "k", "Value": "" }] }),
    ));
    refused(
        &put(json!({ "Name": "/a" })),
        "ValidationException",
        "`Value` is missing",
    );
    refused(
        &put(json!({ "Name": "/a", "Value": "b", "Kind": "String" })),
        "SerializationException",
        "`Kind` is unknown",
    );
    refused(
        &put(json!({ "Name": "/a", "Value": "b", "Overwrite": "yes" })),
        "SerializationException",
        "`Overwrite` is no boolean",
    );
    refused(
        &put(json!({ "Name": "/a", "Value": "b", "Type": "Text" })),
        "ValidationException",
        "`Type` is `Text`, none of String",
    );
    refused(
        &put(json!({ "Name": "", "Value": "b" })),
        "ValidationException",
        "`Name` is shorter than 1",
    );
    refused(
        &put(json!({ "Name": "/a", "Value": "b", "KeyId": "no key" })),
        "ValidationException",
        "`KeyId` is `no key`, which does not match",
    );
    let list = json!({ "Path": "/a", "MaxResults": 51 });
    refused(
        &json_call("ssm", "AmazonSSM.GetParametersByPath", list),
        "ValidationException",
        "`MaxResults` is 51, more than 10",
    );
}

#[test]
fn json_with_paths() {
    let create = |body: Value| {
        request(
            "es",
            "POST",
            "/2021-01-01/opensearch/domain",
            &body.to_string(),
            &[],
        )
    };
    let volume = |size: Value| json!({ "DomainName": "dom", "EBSOptions": { "EBSEnabled": true, "VolumeSize": size } });
    allowed(&create(volume(json!(10))));
    refused(
        &create(json!({})),
        "ValidationException",
        "`DomainName` is missing",
    );
    refused(
        &create(volume(json!("10"))),
        "SerializationException",
        "`EBSOptions.VolumeSize` is no integer",
    );
    refused(
        &create(json!({ "DomainName": "dom", "Ebs": {} })),
        "SerializationException",
        "`Ebs` is unknown",
    );
    refused(
        &create(json!({ "DomainName": "Dom" })),
        "ValidationException",
        "does not match [a-z]",
    );
    refused(
        &create(json!({ "DomainName": "do" })),
        "ValidationException",
        "shorter than 3",
    );
    refused(
        &create(json!({ "DomainName": "dom", "IPAddressType": "ipv5" })),
        "ValidationException",
        "`IPAddressType` is `ipv5`, none of",
    );
    refused(
        &request("es", "DELETE", "/2021-01-01/opensearch/domain/Dom", "", &[]),
        "ValidationException",
        "`DomainName` is `Dom`",
    );
    refused(
        &request("es", "GET", "/2021-01-01/tags/?arn=a", "", &[]),
        "ValidationException",
        "`ARN` is shorter than",
    );
}

#[test]
fn xml_with_paths() {
    let zone = |inner: &str| {
        let body = format!(
            "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>a.</Name>{inner}</CreateHostedZoneRequest>"
        );
        request("route53", "POST", "/2013-04-01/hostedzone", &body, &[])
    };
    let token = "<CallerReference>c</CallerReference>";
    allowed(&zone(token));
    refused(&zone(""), "InvalidInput", "`CallerReference` is missing");
    refused(
        &zone(&format!("{token}<Colour/>")),
        "InvalidInput",
        "`Colour` is unknown",
    );
    refused(
        &zone(&format!("{token}<VPC><VPCRegion>moon</VPCRegion></VPC>")),
        "InvalidInput",
        "`VPC.VPCRegion` is `moon`, none of",
    );
    refused(
        &zone("<CallerReference/>"),
        "InvalidInput",
        "`CallerReference` is shorter than 1",
    );
    refused(
        &zone(&format!(
            "{token}<HostedZoneConfig><PrivateZone>yes</PrivateZone></HostedZoneConfig>"
        )),
        "InvalidInput",
        "`HostedZoneConfig.PrivateZone` is no boolean",
    );
    let set = |ttl: &str| {
        let body = format!(
            "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>CREATE</Action><ResourceRecordSet><Name>a.</Name><Type>A</Type><TTL>{ttl}</TTL></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
        );
        request(
            "route53",
            "POST",
            "/2013-04-01/hostedzone/Z1/rrset",
            &body,
            &[],
        )
    };
    allowed(&set("60"));
    refused(&set("-1"), "InvalidInput", "TTL` is -1, less than 0");
}

#[test]
fn the_bodies_paths_and_headers_of_s3() {
    let tagging = |body: &str| request("s3", "PUT", "/bucket?tagging", body, &[]);
    allowed(&tagging(
        "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
    ));
    refused(
        &tagging("<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>"),
        "MalformedXML",
        "`Tagging.TagSet.1.Value` is missing",
    );
    refused(
        &tagging("<Tagging><TagSet/><More/></Tagging>"),
        "MalformedXML",
        "`More` is unknown",
    );
    refused(
        &tagging("<Tagging>"),
        "MalformedXML",
        "`body` is no XML document",
    );
    allowed(&request(
        "s3",
        "PUT",
        "/bucket/a/key",
        "text",
        &[("x-amz-storage-class", "STANDARD")],
    ));
    refused(
        &request(
            "s3",
            "PUT",
            "/bucket/a/key",
            "text",
            &[("x-amz-storage-class", "SHELF")],
        ),
        "InvalidArgument",
        "`StorageClass` is `SHELF`, none of",
    );
    refused(
        &request(
            "s3",
            "PUT",
            "/bucket/a/key",
            "text",
            &[("x-amz-colour", "red")],
        ),
        "InvalidArgument",
        "`x-amz-colour` is unknown",
    );
    refused(
        &request("s3", "GET", "/bucket?list-type=2&max-keys=all", "", &[]),
        "InvalidArgument",
        "`MaxKeys` is no integer",
    );
    // Operations without a model are not judged.
    allowed(&request("s3", "PUT", "/bucket?acl", "", &[]));
    allowed(&request(
        "s3",
        "PUT",
        "/bucket/key",
        "",
        &[("x-amz-copy-source", "/b/k")],
    ));
}

#[test]
fn answers_are_held_to_the_model_too() {
    let call = form("ec2", "Action=DescribeVpcs");
    let wrong = |body: &str| {
        let found = answer_violations(&call, &http::HeaderMap::new(), body.as_bytes());
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let vpc = |inner: &str| {
        wrong(&format!(
            "<DescribeVpcsResponse><requestId>r</requestId><vpcSet><item>{inner}</item></vpcSet></DescribeVpcsResponse>"
        ))
    };
    assert_eq!(vpc("<vpcId>v</vpcId><isDefault>false</isDefault>"), [""; 0]);
    assert_eq!(vpc("<vpcID>v</vpcID>"), ["`Vpcs.1.vpcID` is unknown (`v`)"]);
    assert_eq!(
        vpc("<isDefault>no</isDefault>"),
        ["`Vpcs.1.IsDefault` is no boolean: `no`"]
    );
    assert_eq!(
        vpc("<state>gone</state>"),
        ["`Vpcs.1.State` is `gone`, none of pending, available, deleting"]
    );
    assert_eq!(
        wrong("<DescribeVpcsResponse><vpcs/></DescribeVpcsResponse>"),
        ["`vpcs` is unknown (``)"]
    );
}

#[test]
fn an_answer_is_read_in_names_of_the_model() {
    let body = "<GetRoleResponse><GetRoleResult><Role><RoleName>r</RoleName><MaxSessionDuration>3600</MaxSessionDuration><Tags><member><Key>k</Key><Value>v</Value></member></Tags></Role></GetRoleResult><ResponseMetadata><RequestId>i</RequestId></ResponseMetadata></GetRoleResponse>";
    let (value, wrong) =
        read_answer("iam", "GetRole", &http::HeaderMap::new(), body.as_bytes()).unwrap();
    assert_eq!(wrong, []);
    let role = json!({ "RoleName": "r", "MaxSessionDuration": 3600, "Tags": [{ "Key": "k", "Value": "v" }] });
    assert_eq!(value, json!({ "Role": role }));
}

#[test]
fn what_is_written_by_the_model_is_allowed_by_it() {
    for (service, operation, parameters) in [
        (
            "ec2",
            "RunInstances",
            json!({ "MinCount": 1, "MaxCount": 1, "SecurityGroupIds": ["sg-1"], "TagSpecifications": [{ "ResourceType": "instance", "Tags": [{ "Key": "a", "Value": "b" }] }] }),
        ),
        (
            "rds",
            "CreateDBSubnetGroup",
            json!({ "DBSubnetGroupName": "g", "DBSubnetGroupDescription": "d", "SubnetIds": ["s-1", "s-2"] }),
        ),
        (
            "iam",
            "CreateRole",
            json!({ "RoleName": "r", "AssumeRolePolicyDocument": "{}", "Tags": [] }),
        ),
        (
            "ssm",
            "GetParameter",
            json!({ "Name": "/a", "WithDecryption": true }),
        ),
        ("es", "DescribeDomain", json!({ "DomainName": "dom" })),
        (
            "route53",
            "ChangeTagsForResource",
            json!({ "ResourceType": "hostedzone", "ResourceId": "Z1", "AddTags": [{ "Key": "a", "Value": "<b>" }] }),
        ),
        (
            "s3",
            "ListObjectsV2",
            json!({ "Bucket": "b-1", "Prefix": "a/b", "MaxKeys": 2 }),
        ),
        (
            "s3",
            "PutObject",
            json!({ "Bucket": "b-1", "Key": "a b/c", "Body": "text", "ContentType": "text/plain", "Metadata": { "one": "1" } }),
        ),
        (
            "s3",
            "DeleteObjects",
            json!({ "Bucket": "b-1", "Delete": { "Objects": [{ "Key": "a" }, { "Key": "b" }] } }),
        ),
    ] {
        let call =
            Call::parse(write_request(service, operation, &parameters, "us-east-1").unwrap());
        assert_eq!(judged(&call), None, "{operation}");
    }
    let unknown = write_request("iam", "GetRole", &json!({ "Role": "r" }), "us-east-1");
    assert_eq!(unknown.unwrap_err(), "the model has no GetRole.Role");
}
