//! The shapes of answers and refusals are those that AWS's SDK reads.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::config::Credentials;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use strict_cloud::FaultPlan;

use super::cloud::TestCloud;

async fn config(cloud: &TestCloud) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new(cloud.region))
        .endpoint_url(&cloud.endpoint)
        .credentials_provider(Credentials::new("AKIDTEST", "secret", None, None, "test"))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .load()
        .await
}

/// Code and HTTP status as the SDK reads them.
fn read<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, SdkError<E>>,
) -> (String, u16) {
    let error = result.unwrap_err();
    let code = error.code().unwrap_or("none").to_owned();
    (
        code,
        error
            .raw_response()
            .map_or(0, |answer| answer.status().as_u16()),
    )
}

#[tokio::test]
async fn the_sdk_parses_refusals() {
    let cloud = TestCloud::instant("sa-east-1").await;
    let config = config(&cloud).await;
    let network = cloud.network("10.50").await;
    cloud.group(&network.vpc, "a").await;
    let ec2 = aws_sdk_ec2::Client::new(&config);
    assert_eq!(
        read(ec2.delete_vpc().vpc_id(&network.vpc).send().await),
        ("DependencyViolation".to_owned(), 400)
    );
    let rds = aws_sdk_rds::Client::new(&config);
    let subnets = rds
        .create_db_subnet_group()
        .db_subnet_group_name("g")
        .db_subnet_group_description("d")
        .subnet_ids(&network.subnets[0]);
    assert_eq!(
        read(subnets.send().await),
        ("DBSubnetGroupDoesNotCoverEnoughAZs".to_owned(), 400)
    );
    let groups = rds
        .describe_db_parameter_groups()
        .db_parameter_group_name("none");
    let error = groups.send().await.unwrap_err().into_service_error();
    assert!(error.is_db_parameter_group_not_found_fault(), "{error:?}");
}

#[tokio::test]
async fn the_sdk_parses_failures_in_every_protocol() {
    let cloud = TestCloud::with("us-east-1", |options| {
        options.faults = Some(FaultPlan {
            throttled: 1.0,
            ..FaultPlan::default()
        });
    })
    .await;
    let config = config(&cloud).await;
    let is = |code: &str, status| (code.to_owned(), status);
    let ec2 = aws_sdk_ec2::Client::new(&config);
    assert_eq!(
        read(ec2.describe_vpcs().send().await),
        is("RequestLimitExceeded", 503)
    );
    let iam = aws_sdk_iam::Client::new(&config);
    assert_eq!(
        read(iam.get_role().role_name("r").send().await),
        is("Throttling", 400)
    );
    let cache = aws_sdk_elasticache::Client::new(&config);
    assert_eq!(
        read(cache.describe_cache_clusters().send().await),
        is("Throttling", 400)
    );
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(&config);
    assert_eq!(
        read(elb.describe_load_balancers().send().await),
        is("ThrottlingException", 400)
    );
    let route53 = aws_sdk_route53::Client::new(&config);
    assert_eq!(
        read(route53.list_hosted_zones().send().await),
        is("Throttling", 400)
    );
    let search = aws_sdk_opensearch::Client::new(&config);
    assert_eq!(
        read(search.describe_domain().domain_name("dom").send().await),
        is("ThrottlingException", 429)
    );
    let ssm = aws_sdk_ssm::Client::new(&config);
    assert_eq!(
        read(ssm.get_parameter().name("/p").send().await),
        is("ThrottlingException", 400)
    );
    let s3 = aws_sdk_s3::config::Builder::from(&config)
        .force_path_style(true)
        .build();
    let s3 = aws_sdk_s3::Client::from_conf(s3);
    assert_eq!(read(s3.list_buckets().send().await), is("SlowDown", 503));
}

#[tokio::test]
async fn the_sdk_parses_interfaces_of_services() {
    let cloud = TestCloud::instant("me-central-1").await;
    let network = cloud.network("10.50").await;
    let group = cloud.group(&network.vpc, "lb").await;
    let fields = [
        "Name=sdk".to_owned(),
        format!("Subnets.member.1={}", network.subnets[0]),
        format!("Subnets.member.2={}", network.subnets[1]),
        format!("SecurityGroups.member.1={group}"),
    ];
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    cloud
        .call("elasticloadbalancing", "CreateLoadBalancer", &fields)
        .await
        .ok();
    let ec2 = aws_sdk_ec2::Client::new(&config(&cloud).await);
    let found = ec2.describe_network_interfaces().send().await.unwrap();
    let found = found.network_interfaces();
    assert_eq!(found.len(), 2);
    for interface in found {
        assert_eq!(interface.requester_managed(), Some(true));
        assert!(interface.description().unwrap().starts_with("ELB app/sdk/"));
        assert_eq!(interface.groups()[0].group_id(), Some(group.as_str()));
        assert!(
            network
                .subnets
                .iter()
                .any(|subnet| Some(subnet.as_str()) == interface.subnet_id())
        );
        let id = interface.network_interface_id().unwrap();
        let by_id = ec2.describe_network_interfaces().network_interface_ids(id);
        assert_eq!(by_id.send().await.unwrap().network_interfaces().len(), 1);
        let delete = ec2.delete_network_interface().network_interface_id(id);
        assert_eq!(read(delete.send().await).0, "AuthFailure");
    }
}
