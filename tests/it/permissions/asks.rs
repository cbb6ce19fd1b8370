//! What a call asks IAM for: actions, the resources they touch, and the request's context, by
//! the AWS Service Authorization Reference.

use std::collections::BTreeMap;

use crate::common::recorder::RecordedCall;

pub const ACCOUNT: &str = "123456789012";
pub const REGION: &str = "us-east-1";
const TAG: &str = "loadrig:environment";

/// One question to IAM.
#[derive(Clone, Debug)]
pub struct Ask {
    pub action: String,
    pub resource: String,
    pub context: BTreeMap<String, String>,
}

/// EC2 id prefixes and the resource types that they stand for.
const PREFIXES: &[(&str, &str)] = &[
    ("vpc-", "vpc"),
    ("vpce-", "vpc-endpoint"),
    ("subnet-", "subnet"),
    ("sg-", "security-group"),
    ("sgr-", "security-group-rule"),
    ("igw-", "internet-gateway"),
    ("rtb-", "route-table"),
    ("i-", "instance"),
    ("eni-", "network-interface"),
    ("vol-", "volume"),
    ("nat-", "natgateway"),
    ("eipalloc-", "elastic-ip"),
    ("ami-", "image"),
];

/// The environment's tag by EC2 id or key name, from the calls that created them.
#[derive(Default)]
pub struct CallLedger {
    tags: BTreeMap<String, String>,
}

/// A call to Route 53, with the names of its records or the VPC of its zone.
fn route53(call: &RecordedCall, action: &str) -> Ask {
    let texts = |element: &str| -> Vec<&str> {
        let start = format!("<{element}>");
        let parts = call.body.split(start.as_str()).skip(1);
        parts.filter_map(|part| part.split('<').next()).collect()
    };
    // `…/hostedzone/ID/rrset`, `…/tags/hostedzone/ID`, `…/change/ID`.
    let after = |part: &str| call.path.split(part).nth(1)?.split('/').next();
    let (kind, id) = match after("/change/") {
        Some(id) => ("change", id),
        None => ("hostedzone", after("/hostedzone/").unwrap_or_default()),
    };
    let mut ask = ask(action, &format!("arn:aws:route53:::{kind}/{id}"));
    match action {
        "route53:ListHostedZonesByName" => ask.resource = "*".to_owned(),
        "route53:ChangeResourceRecordSets" => {
            let names = texts("Name").into_iter();
            let names: Vec<&str> = names.map(|name| name.trim_end_matches('.')).collect();
            assert!(!names.is_empty(), "no names in {}", call.body);
            let key = "route53:ChangeResourceRecordSetsNormalizedRecordNames";
            ask.context.insert(key.to_owned(), names.join(" "));
        }
        "route53:CreateHostedZone" => {
            // Has no resource types.
            ask.resource = "*".to_owned();
            let part = |element| texts(element).first().copied().unwrap_or_default();
            let vpc = format!("VPCId={},VPCRegion={}", part("VPCId"), part("VPCRegion"));
            ask.context.insert("route53:VPCs".to_owned(), vpc);
        }
        _ => {}
    }
    ask
}

fn kind_of(id: &str) -> Option<&'static str> {
    PREFIXES
        .iter()
        .find(|(prefix, _)| {
            id.strip_prefix(prefix)
                .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_hexdigit()))
        })
        .map(|(_, kind)| *kind)
}

fn ec2_arn(kind: &str, id: &str) -> String {
    let account = if kind == "image" { "" } else { ACCOUNT };
    format!("arn:aws:ec2:{REGION}:{account}:{kind}/{id}")
}

impl CallLedger {
    /// The questions that a call raises.
    pub fn asks(&mut self, call: &RecordedCall) -> Vec<Ask> {
        let action = action(call);
        match call.service.as_str() {
            "ec2" => self.ec2(call, &action),
            "iam" => iam(call, &action),
            "s3" => s3(call, &action),
            "ssm" => named(
                call,
                &action,
                &[
                    ("Name", "parameter"),
                    ("ResourceId", "parameter"),
                    ("Path", "parameter"),
                ],
            ),
            "rds" => rds(call, &action),
            "elasticache" => elasticache(call, &action),
            "es" => es(call, &action),
            "elasticloadbalancing" => balancer(call, &action),
            "route53" => vec![route53(call, &action)],
            _ => vec![ask(&action, "*")],
        }
    }

    fn ec2(&mut self, call: &RecordedCall, action: &str) -> Vec<Ask> {
        if action.starts_with("ec2:Describe") {
            return vec![ask(action, "*")];
        }
        let mut asks = Vec::new();
        let mut created = Vec::new();
        for (key, kind) in &call.parameters {
            let Some(prefix) = key.strip_suffix(".ResourceType") else {
                continue;
            };
            let tags = call
                .parameters
                .iter()
                .filter(|(key, _)| key.starts_with(prefix));
            let number = tags
                .clone()
                .find(|(_, value)| *value == TAG)
                .map(|(key, _)| key.trim_end_matches(".Key").to_owned());
            let value = number.and_then(|key| call.parameters.get(&format!("{key}.Value")));
            let value = value.cloned().unwrap_or_default();
            created.push(kind.clone());
            let mut make = ask(action, &ec2_arn(kind, "*"));
            make.context
                .insert(format!("aws:RequestTag/{TAG}"), value.clone());
            let mut tag = make.clone();
            tag.action = "ec2:CreateTags".to_owned();
            tag.context
                .insert("ec2:CreateAction".to_owned(), call.action.clone());
            asks.extend([make, tag]);
            for id in call.answer.split(['<', '>']) {
                if kind_of(id) == Some(kind) {
                    self.tags.insert(id.to_owned(), value.clone());
                }
            }
            if let ("key-pair", Some(name)) = (kind.as_str(), call.parameters.get("KeyName")) {
                self.tags.insert(name.clone(), value);
            }
        }
        for (key, value) in &call.parameters {
            let kind = match key.as_str() {
                "KeyName" if call.action != "ImportKeyPair" => Some("key-pair"),
                // The route table is what is asked about.
                "AssociationId" => Some("route-table"),
                _ => kind_of(value),
            };
            // Groups inside a rule and the ids of rules are not asked about, nor is what a
            // route leads to.
            let inside = key.starts_with("IpPermissions")
                || (kind == Some("security-group-rule"))
                || (call.action.ends_with("Route") && kind == Some("internet-gateway"));
            let Some(kind) = kind.filter(|_| !inside) else {
                continue;
            };
            let mut one = ask(action, &ec2_arn(kind, value));
            let tag = match key.as_str() {
                "AssociationId" => call_environment(&self.tags),
                _ => self.tags.get(value).cloned(),
            };
            if let Some(tag) = tag {
                one.context.insert(format!("aws:ResourceTag/{TAG}"), tag);
            }
            asks.push(one);
        }
        if let Some(profile) = call.parameters.get("IamInstanceProfile.Name") {
            asks.push(pass_role(profile));
        }
        assert!(!asks.is_empty(), "nothing asked by {call:?}");
        asks
    }
}

/// The emulator's associations cannot be told apart by their ids; they are all of one
/// environment.
fn call_environment(tags: &BTreeMap<String, String>) -> Option<String> {
    tags.values().next().cloned()
}

fn ask(action: &str, resource: &str) -> Ask {
    Ask {
        action: action.to_owned(),
        resource: resource.to_owned(),
        context: BTreeMap::new(),
    }
}

/// The role has the name of the profile that it is in.
fn pass_role(name: &str) -> Ask {
    let mut pass = ask(
        "iam:PassRole",
        &format!("arn:aws:iam::{ACCOUNT}:role/loadrig/{name}"),
    );
    pass.context.insert(
        "iam:PassedToService".to_owned(),
        "ec2.amazonaws.com".to_owned(),
    );
    pass
}

/// One question for each parameter that names a resource.
fn named(call: &RecordedCall, action: &str, names: &[(&str, &str)]) -> Vec<Ask> {
    let mut asks: Vec<Ask> = names
        .iter()
        .filter_map(|(parameter, kind)| {
            let name = call.parameters.get(*parameter)?;
            let separator = if call.service == "ssm" { "" } else { ":" };
            Some(ask(
                action,
                &format!(
                    "arn:aws:{}:{REGION}:{ACCOUNT}:{kind}{separator}{name}",
                    call.service
                ),
            ))
        })
        .collect();
    if call.parameters.keys().any(|key| key.starts_with("Tags")) && call.service != "iam" {
        let resource = asks
            .first()
            .map(|one| one.resource.clone())
            .unwrap_or_default();
        asks.push(ask(
            &format!("{}:AddTagsToResource", call.service),
            &resource,
        ));
    }
    if asks.is_empty() {
        asks.push(ask(action, "*"));
    }
    asks
}

fn looks(call: &RecordedCall) -> bool {
    ["Describe", "List"]
        .iter()
        .any(|verb| call.action.starts_with(verb))
}

fn rds(call: &RecordedCall, action: &str) -> Vec<Ask> {
    if looks(call) {
        return vec![ask(action, "*")];
    }
    if let Some(arn) = call.parameters.get("ResourceName") {
        return vec![ask(action, arn)];
    }
    let mut asks = named(
        call,
        action,
        &[
            ("DBInstanceIdentifier", "db"),
            ("SourceDBInstanceIdentifier", "db"),
            ("DBClusterIdentifier", "cluster"),
            ("DBSubnetGroupName", "subgrp"),
            ("DBParameterGroupName", "pg"),
            ("DBClusterParameterGroupName", "cluster-pg"),
        ],
    );
    let with_options = [
        "CreateDBInstance",
        "CreateDBInstanceReadReplica",
        "CreateDBCluster",
    ];
    if with_options.contains(&call.action.as_str()) {
        let options = format!("arn:aws:rds:{REGION}:{ACCOUNT}:og:default:postgres-16");
        asks.push(ask(action, &options));
    }
    asks
}

fn elasticache(call: &RecordedCall, action: &str) -> Vec<Ask> {
    if looks(call) {
        return vec![ask(action, "*")];
    }
    let mut asks = named(
        call,
        action,
        &[
            ("ReplicationGroupId", "replicationgroup"),
            ("CacheSubnetGroupName", "subnetgroup"),
        ],
    );
    if call.action == "CreateReplicationGroup" {
        let parameters = format!("arn:aws:elasticache:{REGION}:{ACCOUNT}:parametergroup:default.x");
        asks.push(ask(action, &parameters));
    }
    asks
}

/// ARNs are in the calls; what is created is called after its name, and its listeners after it.
fn balancer(call: &RecordedCall, action: &str) -> Vec<Ask> {
    if looks(call) {
        return vec![ask(action, "*")];
    }
    let arns = ["LoadBalancerArn", "TargetGroupArn", "ListenerArn"].into_iter();
    let arns = arns.filter_map(|name| call.parameters.get(name));
    let mut resources: Vec<String> = arns.cloned().collect();
    let arn = |kind: &str, name: &str| {
        format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:{kind}/{name}/0123456789abcdef")
    };
    let created = match (call.action.as_str(), call.parameters.get("Name")) {
        ("CreateLoadBalancer", Some(name)) => Some(arn("loadbalancer/app", name)),
        ("CreateTargetGroup", Some(name)) => Some(arn("targetgroup", name)),
        ("CreateListener", _) => {
            let of = resources.first().expect("a load balancer");
            Some(format!("{}/f0", of.replace(":loadbalancer/", ":listener/")))
        }
        _ => None,
    };
    if call.action != "CreateListener" {
        resources.extend(created.clone());
    }
    let mut asks: Vec<Ask> = resources.iter().map(|arn| ask(action, arn)).collect();
    let has_tags = call.parameters.keys().any(|key| key.starts_with("Tags"));
    if let Some(created) = created.filter(|_| has_tags) {
        asks.push(ask("elasticloadbalancing:AddTags", &created));
    }
    assert!(!asks.is_empty(), "nothing asked by {call:?}");
    asks
}

fn iam(call: &RecordedCall, action: &str) -> Vec<Ask> {
    let profile = call.parameters.get("InstanceProfileName");
    let role = call.parameters.get("RoleName");
    let mut asks = match (profile, role) {
        (Some(name), role) => {
            let arn = format!("arn:aws:iam::{ACCOUNT}:instance-profile/loadrig/{name}");
            let mut asks = vec![ask(action, &arn)];
            if let (Some(role), "AddRoleToInstanceProfile") = (role, call.action.as_str()) {
                asks.push(pass_role(role));
            }
            if call.action == "CreateInstanceProfile" {
                asks.push(ask("iam:TagInstanceProfile", &arn));
            }
            asks
        }
        (None, Some(name)) => {
            let arn = format!("arn:aws:iam::{ACCOUNT}:role/loadrig/{name}");
            let mut asks = vec![ask(action, &arn)];
            if call.action == "CreateRole" {
                asks.push(ask("iam:TagRole", &arn));
            }
            asks
        }
        (None, None) => vec![ask(action, "*")],
    };
    if let Some(service) = call.parameters.get("AWSServiceName") {
        let role = format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/{service}/x");
        asks = vec![ask(action, &role)];
        asks[0]
            .context
            .insert("iam:AWSServiceName".to_owned(), service.clone());
    }
    asks
}

fn s3(call: &RecordedCall, action: &str) -> Vec<Ask> {
    let name = call.path.trim_matches('/');
    if name.is_empty() {
        return vec![ask("s3:ListAllMyBuckets", "*")];
    }
    let mut asks = vec![ask(action, &format!("arn:aws:s3:::{name}"))];
    if action == "s3:CreateBucket" {
        asks.push(ask("s3:TagResource", &asks[0].resource.clone()));
    }
    if action == "s3:DeleteObject" {
        let objects = format!("arn:aws:s3:::{name}/*");
        asks = vec![
            ask(action, &objects),
            ask("s3:DeleteObjectVersion", &objects),
        ];
    }
    asks
}

fn es(call: &RecordedCall, action: &str) -> Vec<Ask> {
    let arn = |name: &str| format!("arn:aws:es:{REGION}:{ACCOUNT}:domain/{name}");
    let name = call.parameters.get("DomainName").map(String::as_str);
    let from_path = call
        .path
        .split("/domain/")
        .nth(1)
        .and_then(|rest| rest.split('/').next());
    let tags = call.parameters.get("arn").or(call.parameters.get("ARN"));
    let resource = match (tags, name.or(from_path)) {
        (Some(arn), _) => arn.clone(),
        (None, Some(name)) => arn(name),
        (None, None) => "*".to_owned(),
    };
    let mut asks = vec![ask(action, &resource)];
    if action == "es:CreateDomain" {
        asks.push(ask("es:AddTags", &resource));
    }
    asks
}

/// The IAM action of a call.
pub fn action(call: &RecordedCall) -> String {
    let has = |name: &str| call.parameters.contains_key(name);
    let rest = match (call.service.as_str(), call.method.as_str()) {
        ("s3", method) => {
            let sub = [
                ("tagging", "GetBucketTagging", "PutBucketTagging"),
                (
                    "publicAccessBlock",
                    "GetBucketPublicAccessBlock",
                    "PutBucketPublicAccessBlock",
                ),
                (
                    "encryption",
                    "GetEncryptionConfiguration",
                    "PutEncryptionConfiguration",
                ),
                ("versioning", "GetBucketVersioning", "PutBucketVersioning"),
                (
                    "lifecycle",
                    "GetLifecycleConfiguration",
                    "PutLifecycleConfiguration",
                ),
                ("versions", "ListBucketVersions", ""),
                ("uploads", "ListBucketMultipartUploads", ""),
            ]
            .into_iter()
            .find(|(name, ..)| has(name));
            match (sub, method) {
                (Some((_, get, _)), "GET") => get,
                (Some((_, _, put)), "PUT") => put,
                (None, "PUT") => "CreateBucket",
                (None, "HEAD" | "GET") => "ListBucket",
                (None, "DELETE") => "DeleteBucket",
                (None, "POST") if has("delete") => "DeleteObject",
                _ => panic!("unknown call {call:?}"),
            }
        }
        ("es", method) => match (method, call.path.trim_end_matches('/')) {
            ("GET", path) if path.ends_with("/tags") => "ListTags",
            ("POST", path) if path.ends_with("/opensearch/domain") => "CreateDomain",
            ("POST", path) if path.ends_with("/config") => "UpdateDomainConfig",
            ("GET", _) => "DescribeDomain",
            ("DELETE", _) => "DeleteDomain",
            _ => panic!("unknown call {call:?}"),
        },
        ("route53", method) => match (method, call.path.as_str()) {
            ("GET", path) if path.ends_with("/hostedzonesbyname") => "ListHostedZonesByName",
            ("GET", path) if path.ends_with("/rrset") => "ListResourceRecordSets",
            ("POST", path) if path.contains("/rrset") => "ChangeResourceRecordSets",
            ("GET", path) if path.contains("/change/") => "GetChange",
            ("GET", path) if path.contains("/tags/") => "ListTagsForResource",
            ("POST", path) if path.contains("/tags/") => "ChangeTagsForResource",
            ("POST", path) if path.ends_with("/hostedzone") => "CreateHostedZone",
            ("DELETE", _) => "DeleteHostedZone",
            _ => panic!("unknown call {call:?}"),
        },
        _ => &call.action,
    };
    assert!(!rest.is_empty(), "unknown call {call:?}");
    format!("{}:{rest}", call.service)
}
