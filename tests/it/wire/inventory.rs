//! Everything that exists in the account, read from the emulator itself and not by
//! loadrig's eyes.

use std::collections::BTreeMap;

/// The key that whoever watches signs with.
pub const WATCHER: &str = "AKIDWATCHER";

/// Ids by kind; a kind of which there is none is not in it.
pub type IdsByKind = BTreeMap<&'static str, Vec<String>>;

/// A list of a service with forms: kind, service, action, list element, id element.
const LISTS: &[(&str, &str, &str, &str, &str)] = &[
    ("vpc", "ec2", "DescribeVpcs", "vpcSet", "vpcId"),
    ("subnet", "ec2", "DescribeSubnets", "subnetSet", "subnetId"),
    (
        "internet gateway",
        "ec2",
        "DescribeInternetGateways",
        "internetGatewaySet",
        "internetGatewayId",
    ),
    (
        "route table",
        "ec2",
        "DescribeRouteTables",
        "routeTableSet",
        "routeTableId",
    ),
    (
        "security group",
        "ec2",
        "DescribeSecurityGroups",
        "securityGroupInfo",
        "groupId",
    ),
    (
        "nat gateway",
        "ec2",
        "DescribeNatGateways",
        "natGatewaySet",
        "natGatewayId",
    ),
    (
        "vpc endpoint",
        "ec2",
        "DescribeVpcEndpoints",
        "vpcEndpointSet",
        "vpcEndpointId",
    ),
    (
        "address",
        "ec2",
        "DescribeAddresses",
        "addressesSet",
        "allocationId",
    ),
    (
        "interface",
        "ec2",
        "DescribeNetworkInterfaces",
        "networkInterfaceSet",
        "networkInterfaceId",
    ),
    ("volume", "ec2", "DescribeVolumes", "volumeSet", "volumeId"),
    ("key pair", "ec2", "DescribeKeyPairs", "keySet", "keyName"),
    (
        "launch template",
        "ec2",
        "DescribeLaunchTemplates",
        "launchTemplates",
        "launchTemplateId",
    ),
    (
        "database",
        "rds",
        "DescribeDBInstances",
        "DBInstances",
        "DBInstanceIdentifier",
    ),
    (
        "database cluster",
        "rds",
        "DescribeDBClusters",
        "DBClusters",
        "DBClusterIdentifier",
    ),
    (
        "database snapshot",
        "rds",
        "DescribeDBSnapshots",
        "DBSnapshots",
        "DBSnapshotIdentifier",
    ),
    (
        "database subnets",
        "rds",
        "DescribeDBSubnetGroups",
        "DBSubnetGroups",
        "DBSubnetGroupName",
    ),
    (
        "database parameters",
        "rds",
        "DescribeDBParameterGroups",
        "DBParameterGroups",
        "DBParameterGroupName",
    ),
    (
        "cache",
        "elasticache",
        "DescribeReplicationGroups",
        "ReplicationGroups",
        "ReplicationGroupId",
    ),
    (
        "cache subnets",
        "elasticache",
        "DescribeCacheSubnetGroups",
        "CacheSubnetGroups",
        "CacheSubnetGroupName",
    ),
    (
        "load balancer",
        "elasticloadbalancing",
        "DescribeLoadBalancers",
        "LoadBalancers",
        "LoadBalancerArn",
    ),
    (
        "target group",
        "elasticloadbalancing",
        "DescribeTargetGroups",
        "TargetGroups",
        "TargetGroupArn",
    ),
    ("role", "iam", "ListRoles", "Roles", "RoleName"),
    (
        "instance profile",
        "iam",
        "ListInstanceProfiles",
        "InstanceProfiles",
        "InstanceProfileName",
    ),
];

/// Reads it all. Asks through the strict cloud, which spares the watcher, so that what it
/// removed behind the emulator's back is gone here too.
pub async fn inventory(client: &reqwest::Client, endpoint: &str) -> IdsByKind {
    let mut found = IdsByKind::new();
    for (kind, service, action, set, id) in LISTS {
        let text = form(client, endpoint, service, action).await;
        found.insert(kind, ids(&text, set, id));
    }
    let text = form(client, endpoint, "ec2", "DescribeInstances").await;
    found.insert("instance", instances(&text));
    let text = get(client, endpoint, "es", "/2021-01-01/domain").await;
    found.insert("search domain", between(&text, "\"DomainName\":", ","));
    let text = get(client, endpoint, "s3", "/").await;
    let mut buckets = between(&text, "<Name>", "</Name>");
    // The registry belongs to the account: it outlives every environment on purpose.
    buckets.retain(|name| !name.starts_with("loadrig-registry-"));
    found.insert("bucket", buckets);
    let text = get(client, endpoint, "route53", "/2013-04-01/hostedzone").await;
    found.insert("hosted zone", between(&text, "<Id>", "</Id>"));
    found.insert("parameter", parameters(client, endpoint).await);
    found.retain(|_, ids| !ids.is_empty());
    found
}

/// Removes an environment's lock.
pub async fn remove_lock(client: &reqwest::Client, endpoint: &str, environment: &str) {
    let url =
        format!("{endpoint}/loadrig-registry-123456789012-us-east-1/locks/{environment}.json");
    let request = client.delete(url).header("authorization", signature("s3"));
    let status = request.send().await.unwrap().status();
    // A run that was killed early has made neither lock nor registry.
    assert!(status.is_success() || status.as_u16() == 404, "{status}");
}

fn signature(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={WATCHER}/20250101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

async fn form(client: &reqwest::Client, endpoint: &str, service: &str, action: &str) -> String {
    let version = match service {
        "ec2" => "2016-11-15",
        "rds" => "2014-10-31",
        "iam" => "2010-05-08",
        "elasticache" => "2015-02-02",
        _ => "2015-12-01",
    };
    let answer = client
        .post(endpoint)
        .header("authorization", signature(service))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("Action={action}&Version={version}"))
        .send()
        .await
        .unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{service}:{action}: {text}");
    text
}

async fn get(client: &reqwest::Client, endpoint: &str, service: &str, path: &str) -> String {
    let answer = client
        .get(format!("{endpoint}{path}"))
        .header("authorization", signature(service))
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.text().await.unwrap()
}

async fn parameters(client: &reqwest::Client, endpoint: &str) -> Vec<String> {
    let answer = client
        .post(endpoint)
        .header("authorization", signature("ssm"))
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AmazonSSM.DescribeParameters")
        .body("{}")
        .send()
        .await
        .unwrap();
    let answer: serde_json::Value = answer.json().await.unwrap();
    answer["Parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|parameter| Some(parameter["Name"].as_str()?.to_owned()))
        .collect()
}

/// Ids in a list, without what every account has.
fn ids(text: &str, set: &str, id: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(text).unwrap();
    let mut found = Vec::new();
    let sets = document
        .descendants()
        .filter(|node| node.tag_name().name() == set);
    for item in sets.flat_map(|set| set.children().filter(roxmltree::Node::is_element)) {
        let word = |name: &str| {
            item.children()
                .find(|child| child.tag_name().name() == name)
                .and_then(|child| child.text())
                .unwrap_or_default()
        };
        let everybodys = word("isDefault") == "true"
            || word("defaultForAz") == "true"
            || ["state", "status"]
                .iter()
                .any(|name| word(name) == "deleted")
            || word("groupName") == "default"
            || word("Path").starts_with("/aws-service-role/")
            || word(id).starts_with("default");
        // A main route table goes with its network.
        let main = item
            .descendants()
            .any(|node| node.tag_name().name() == "main" && node.text() == Some("true"));
        if !everybodys && !main {
            found.push(word(id).to_owned());
        }
    }
    found
}

/// Instances that are not terminated.
fn instances(text: &str) -> Vec<String> {
    text.split("<instanceId>")
        .skip(1)
        .filter(|part| {
            let state = part
                .split_once("<instanceState>")
                .map_or("", |(_, rest)| rest);
            let state = state.split_once("<name>").map_or("", |(_, rest)| rest);
            !state.starts_with("terminated")
        })
        .map(|part| part.split('<').next().unwrap_or_default().to_owned())
        .collect()
}

fn between(text: &str, start: &str, end: &str) -> Vec<String> {
    text.split(start)
        .skip(1)
        .map(|part| part.split(end).next().unwrap_or_default().to_owned())
        .collect()
}
