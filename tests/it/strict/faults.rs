//! Failures on purpose: each service's own words, buckets of AWS's size, and cuts on either
//! side of a call's effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use strict_cloud::{Expiry, FaultPlan, Intervention, Moment, Shortage};

use super::cloud::TestCloud;

/// "Throttle requests to the Amazon EC2 API": RunInstances has 5 requests at once and 2
/// a second, describe calls 100.
#[tokio::test]
async fn launches_are_throttled_by_the_bucket() {
    let cloud = TestCloud::with("us-east-1", |options| {
        options.faults = Some(FaultPlan {
            throttle: Some(1.0),
            ..FaultPlan::default()
        });
    })
    .await;
    let launch = ["ImageId=ami-0123456789abcdef9", "MinCount=1", "MaxCount=1"];
    let calls = (0..12).map(|_| cloud.ec2("RunInstances", &launch));
    let answers = futures::future::join_all(calls).await;
    let throttled = answers
        .iter()
        .filter(|answer| answer.code() == "RequestLimitExceeded")
        .count();
    // At least the five of the bucket pass; a slow machine refills it meanwhile.
    assert!((1..=7).contains(&throttled), "{throttled} of 12");
    assert!(
        answers
            .iter()
            .any(|answer| answer.code() == "InvalidAMIID.NotFound")
    );
    let refused = answers
        .into_iter()
        .find(|answer| answer.code() == "RequestLimitExceeded");
    refused.unwrap().refused("RequestLimitExceeded", 503);
    let calls = (0..60).map(|_| cloud.ec2("DescribeVpcs", &["MaxResults=5"]));
    for answer in futures::future::join_all(calls).await {
        answer.ok();
    }
}

/// "Error codes for the Amazon EC2 API"; "Common errors" of the other services.
#[tokio::test]
async fn every_service_throttles_with_its_own_error() {
    let cloud = TestCloud::with("us-east-1", |options| {
        options.faults = Some(FaultPlan {
            throttled: 1.0,
            ..FaultPlan::default()
        });
    })
    .await;
    cloud
        .ec2("DescribeVpcs", &[])
        .await
        .refused("RequestLimitExceeded", 503);
    for service in ["rds", "iam", "elasticache"] {
        cloud
            .call(service, "Describe", &[])
            .await
            .refused("Throttling", 400);
    }
    cloud
        .rest("s3", "GET", "/b", "")
        .await
        .refused("SlowDown", 503);
    cloud
        .rest("es", "GET", "/2021-01-01/domain", "")
        .await
        .refused("ThrottlingException", 429);
}

/// RunInstances: `InsufficientInstanceCapacity` in one zone, for one type.
#[tokio::test]
async fn a_zone_has_no_capacity_for_a_type() {
    let cloud = TestCloud::with("us-west-2", |options| {
        options.faults = Some(FaultPlan {
            shortages: vec![Shortage {
                zone: Some("us-west-2a".to_owned()),
                instance_type: Some("t3.small".to_owned()),
                until: None,
            }],
            ..FaultPlan::default()
        });
    })
    .await;
    let network = cloud.network("10.40").await;
    let group = cloud.group(&network.vpc, "a").await;
    let token = ["ClientToken=capacity"];
    cloud
        .launch(&network.subnets[0], &group, &token)
        .await
        .refused("InsufficientInstanceCapacity", 500);
    cloud.launch(&network.subnets[1], &group, &[]).await.ok();
    let other = ["InstanceType=t3.medium", "ClientToken=capacity"];
    cloud.launch(&network.subnets[0], &group, &other).await.ok();
}

/// "Error codes for the Amazon EC2 API": `RequestExpired`; "Common errors": `ExpiredToken`.
#[tokio::test]
async fn credentials_expire_until_they_are_renewed() {
    let mut cloud = TestCloud::with("us-east-1", |options| {
        options.faults = Some(FaultPlan {
            expiry: Expiry::UntilRenewed(2),
            ..FaultPlan::default()
        });
    })
    .await;
    cloud.ec2("DescribeVpcs", &[]).await.ok();
    cloud
        .ec2("DescribeVpcs", &[])
        .await
        .refused("RequestExpired", 400);
    cloud
        .call("sts", "GetCallerIdentity", &[])
        .await
        .refused("ExpiredToken", 403);
    "AKIDNEW".clone_into(&mut cloud.key);
    cloud.ec2("DescribeVpcs", &[]).await.ok();

    let cloud = TestCloud::with("us-east-1", |options| {
        options.faults = Some(FaultPlan {
            expiry: Expiry::Once(1),
            ..FaultPlan::default()
        });
    })
    .await;
    cloud
        .ec2("DescribeVpcs", &[])
        .await
        .refused("RequestExpired", 400);
    cloud.ec2("DescribeVpcs", &[]).await.ok();
}

#[tokio::test]
async fn a_connection_is_cut_on_either_side_of_the_effect() {
    for (moment, effects) in [(Moment::Before, 0), (Moment::After, 1)] {
        let seen = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&seen);
        let cloud = TestCloud::with("ca-central-1", |options| {
            options.observer = Some(Arc::new(move |at, call| {
                if at == moment && call.action == "CreateKeyPair" {
                    counter.fetch_add(1, Ordering::Relaxed);
                    return Intervention::Cut;
                }
                Intervention::Proceed
            }));
        })
        .await;
        let name = format!("KeyName=cut-{moment:?}");
        assert!(cloud.send("ec2", "CreateKeyPair", &[&name]).await.is_err());
        assert_eq!(seen.load(Ordering::Relaxed), 1);
        let listed = cloud.ec2("DescribeKeyPairs", &[]).await.ok();
        assert_eq!(listed.count("keyName", &name["KeyName=".len()..]), effects);
    }
}

/// A launch whose answer was lost is found again by its token.
#[tokio::test]
async fn a_launch_with_a_lost_response_is_not_repeated() {
    let first = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&first);
    let cloud = TestCloud::with("eu-west-2", |options| {
        options.observer = Some(Arc::new(move |at, call| {
            if at == Moment::After
                && call.action == "RunInstances"
                && counter.fetch_add(1, Ordering::Relaxed) == 0
            {
                return Intervention::Cut;
            }
            Intervention::Proceed
        }));
    })
    .await;
    let network = cloud.network("10.40").await;
    let group = cloud.group(&network.vpc, "a").await;
    let image = format!("ImageId={}", super::cloud::IMAGE);
    let subnet = format!("SubnetId={}", network.subnets[0]);
    let fields = [
        image.as_str(),
        "InstanceType=t3.small",
        "MinCount=1",
        "MaxCount=1",
        &subnet,
        &format!("SecurityGroupId.1={group}"),
        "ClientToken=lost",
    ];
    assert!(cloud.send("ec2", "RunInstances", &fields).await.is_err());
    let id = cloud
        .ec2("RunInstances", &fields)
        .await
        .ok()
        .first("instanceId");
    let vpc = format!("Filter.1.Value.1={}", network.vpc);
    let listed = cloud
        .ec2("DescribeInstances", &["Filter.1.Name=vpc-id", &vpc])
        .await
        .ok();
    assert_eq!(listed.text.matches("<instanceState>").count(), 1);
    assert!(listed.text.contains(&id));
}
