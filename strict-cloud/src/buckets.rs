//! AWS's request limits as token buckets.
//!
//! EC2: "Throttle requests to the Amazon EC2 API" (ec2-api-throttling), a bucket per
//! account, region and action. Elastic Load Balancing: "API throttling"
//! (elb-api-throttling). RDS, ElastiCache, IAM, OpenSearch and SSM publish no buckets, or
//! coarse ones; theirs are guesses on the safe side, and marked so.

use std::collections::BTreeMap;

use http::StatusCode;
use tokio::time::Instant;

use crate::call::Call;
use crate::clock::Clock;
use crate::errors::AwsError;

/// Capacity, and tokens a second.
type BucketSize = (f64, f64);

/// Request buckets of single actions of EC2.
const EC2: &[(&str, BucketSize)] = &[
    ("RunInstances", (5.0, 2.0)),
    ("StartInstances", (5.0, 2.0)),
    ("TerminateInstances", (100.0, 5.0)),
    ("CreateTags", (100.0, 10.0)),
    ("DeleteTags", (100.0, 10.0)),
    ("CreateNatGateway", (10.0, 1.0)),
    ("DeleteNatGateway", (10.0, 1.0)),
    ("CreateVpcEndpoint", (4.0, 0.3)),
    ("ModifyVpcEndpoint", (4.0, 0.3)),
    ("DeleteVpcEndpoints", (4.0, 0.3)),
    ("CreateVolume", (100.0, 5.0)),
    ("CreateSnapshot", (100.0, 5.0)),
    ("CreateNetworkInterface", (100.0, 5.0)),
    ("AssociateIamInstanceProfile", (100.0, 5.0)),
    ("ModifyInstanceMetadataOptions", (100.0, 5.0)),
];

/// Describe calls that have a smaller bucket without a filter and without a page size.
const DEAR_UNFILTERED: &[&str] = &[
    "DescribeInstances",
    "DescribeInstanceStatus",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSnapshots",
    "DescribeVolumes",
];

/// Resource buckets: each resource of a call takes a token.
const EC2_RESOURCES: &[(&str, BucketSize)] = &[
    ("RunInstances", (1000.0, 2.0)),
    ("StartInstances", (1000.0, 2.0)),
    ("TerminateInstances", (1000.0, 20.0)),
    ("StopInstances", (1000.0, 20.0)),
];

#[derive(Debug, Clone, Copy)]
struct ApiBucket {
    tokens: f64,
    filled: Instant,
}

/// The buckets of one account, as AWS keeps them: a call that finds too few tokens is refused.
///
/// loadrig paces its calls by token buckets of its own. The two share no code on purpose: this
/// is the model that the pace of a client is tested against.
#[derive(Debug, Default)]
pub(crate) struct ApiBuckets {
    levels: BTreeMap<String, ApiBucket>,
}

impl ApiBuckets {
    /// Delay what a call costs; refuses it when a bucket is empty. A bucket that is seen
    /// for the first time is full to `start`, a share of its size: the account has other
    /// users.
    pub(crate) fn take(&mut self, call: &Call, clock: &Clock, start: f64) -> Result<(), AwsError> {
        for (name, size, cost) in costs(call) {
            let now = clock.now();
            let key = format!("{}/{}/{name}", call.region, call.service);
            let bucket = self.levels.entry(key).or_insert(ApiBucket {
                // Room for one call at least, or nothing could ever be done.
                tokens: (size.0 * start).max(1.0),
                filled: now,
            });
            let refill = clock.seconds_between(bucket.filled, now) * size.1;
            bucket.tokens = (bucket.tokens + refill).min(size.0);
            bucket.filled = now;
            if bucket.tokens < cost {
                return Err(throttled(call));
            }
            bucket.tokens -= cost;
        }
        Ok(())
    }
}

/// The buckets that a call draws on: name, size, tokens.
fn costs(call: &Call) -> Vec<(String, BucketSize, f64)> {
    let action = call.action.as_str();
    let of = |table: &[(&str, BucketSize)]| {
        table
            .iter()
            .find(|(name, _)| *name == action)
            .map(|(_, size)| *size)
    };
    match call.service.as_str() {
        "ec2" => {
            let size = of(EC2).unwrap_or_else(|| {
                let unfiltered =
                    call.get("Filter.1.Name").is_none() && call.get("MaxResults").is_none();
                if !call.reads() {
                    (50.0, 5.0)
                } else if unfiltered && DEAR_UNFILTERED.contains(&action) {
                    (50.0, 10.0)
                } else {
                    (100.0, 20.0)
                }
            });
            let mut costs = vec![(action.to_owned(), size, 1.0)];
            if let Some(size) = of(EC2_RESOURCES) {
                let count = call.get("MaxCount").and_then(|count| count.parse().ok());
                let count = count.unwrap_or(call.all("InstanceId").len().max(1) as f64);
                costs.push((format!("{action} resources"), size, count));
            }
            costs
        }
        "elasticloadbalancing" => {
            let (name, size) = match action {
                "CreateLoadBalancer" | "SetSubnets" => (action, (10.0, 0.2)),
                "RegisterTargets" | "DeregisterTargets" => (action, (20.0, 4.0)),
                _ if call.reads() => ("Describe*", (40.0, 10.0)),
                _ => ("others", (20.0, 3.0)),
            };
            vec![(name.to_owned(), size, 1.0)]
        }
        // 40 a second, shared by the reads of parameters (SSM's default throughput).
        "ssm" if call.reads() => vec![("Get*".to_owned(), (40.0, 40.0), 1.0)],
        // Published by nobody: a guess.
        "rds" | "elasticache" | "es" | "iam" | "ssm" | "route53" => {
            vec![("all".to_owned(), (60.0, 10.0), 1.0)]
        }
        _ => vec![],
    }
}

/// The error that a service throttles with.
pub(crate) fn throttled(call: &Call) -> AwsError {
    let (status, code, message) = match call.service.as_str() {
        "ec2" => (
            StatusCode::SERVICE_UNAVAILABLE,
            "RequestLimitExceeded",
            "Request limit exceeded.",
        ),
        "s3" => (
            StatusCode::SERVICE_UNAVAILABLE,
            "SlowDown",
            "Please reduce your request rate.",
        ),
        "rds" | "elasticache" | "iam" | "sts" | "route53" => {
            (StatusCode::BAD_REQUEST, "Throttling", "Rate exceeded")
        }
        "es" => (
            StatusCode::TOO_MANY_REQUESTS,
            "ThrottlingException",
            "Rate exceeded",
        ),
        _ => (
            StatusCode::BAD_REQUEST,
            "ThrottlingException",
            "Rate exceeded",
        ),
    };
    AwsError::with(status, code, message)
}
