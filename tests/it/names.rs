//! Names that somebody else's resources have are found before anything is created.

use aws_sdk_elasticloadbalancingv2::types::Tag as BalancerTag;
use aws_sdk_opensearch::types::Tag as DomainTag;
use aws_sdk_s3::types::{Tag as BucketTag, Tagging};
use loadrig::blueprint::{Kind, blueprint};
use loadrig::engine::Snapshot;
use loadrig::plan::plan;
use loadrig::preflight::{NewName, TakenNames, new_names};
use loadrig::spec::Library;

use crate::common::Moto;

/// The account of the emulator.
const ACCOUNT: &str = "123456789012";
const ENVIRONMENT_TAG: &str = "loadrig:environment";

/// The names of a new environment that has a resource of every kind that is looked up.
fn names() -> Vec<NewName> {
    let text = "architecture: 200k\nload_balancer: alb\nalb: {scheme: internal}\n\
                sizes: {nodes: {proxy: {count: 0}}}\n";
    let spec = Library::new(None).load_text("perf", text).unwrap();
    let plan = plan(&blueprint(&spec, &[]), &Snapshot::default());
    new_names(&plan, "perf", ACCOUNT, "us-east-1")
}

fn name_of(names: &[NewName], kind: Kind) -> String {
    let found = names.iter().find(|one| one.kind == kind);
    found.unwrap_or_else(|| panic!("{kind:?}")).name.clone()
}

fn taken_kinds(taken: &TakenNames) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = taken
        .iter()
        .filter(|(_, answer)| answer.as_ref().is_ok_and(|taken| *taken))
        .map(|(one, _)| one.kind)
        .collect();
    kinds.sort();
    kinds
}

#[tokio::test]
async fn preflight_finds_foreign_resources_by_name() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let sdk = moto.sdk().await;
    let names = names();

    let free = cloud.taken_names("perf", &names).await;
    assert_eq!(free.len(), names.len());
    assert!(free.values().all(|answer| *answer == Ok(false)), "{free:?}");

    let bucket = name_of(&names, Kind::Bucket);
    let config = aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true);
    let s3 = aws_sdk_s3::Client::from_conf(config.build());
    s3.create_bucket().bucket(&bucket).send().await.unwrap();
    let tag = BucketTag::builder().key(ENVIRONMENT_TAG).value("other");
    let tags = Tagging::builder().tag_set(tag.build().unwrap()).build();
    let tagging = s3.put_bucket_tagging().bucket(&bucket);
    tagging.tagging(tags.unwrap()).send().await.unwrap();

    let elasticache = aws_sdk_elasticache::Client::new(&sdk);
    elasticache
        .create_replication_group()
        .replication_group_id(name_of(&names, Kind::Cache))
        .replication_group_description("theirs")
        .engine("redis")
        .cache_node_type("cache.t4g.micro")
        .num_cache_clusters(1)
        .send()
        .await
        .unwrap();

    let opensearch = aws_sdk_opensearch::Client::new(&sdk);
    let tag = DomainTag::builder().key(ENVIRONMENT_TAG).value("other");
    opensearch
        .create_domain()
        .domain_name(name_of(&names, Kind::Search))
        .engine_version("OpenSearch_2.19")
        .tag_list(tag.build().unwrap())
        .send()
        .await
        .unwrap();

    let ec2 = aws_sdk_ec2::Client::new(&sdk);
    let vpc = ec2.create_vpc().cidr_block("10.77.0.0/16").send().await;
    let vpc = vpc.unwrap().vpc.unwrap().vpc_id.unwrap();
    let mut subnets = Vec::new();
    for (range, zone) in [
        ("10.77.0.0/24", "us-east-1a"),
        ("10.77.1.0/24", "us-east-1b"),
    ] {
        let subnet = ec2.create_subnet().vpc_id(&vpc).cidr_block(range);
        let subnet = subnet.availability_zone(zone).send().await.unwrap();
        subnets.push(subnet.subnet.unwrap().subnet_id.unwrap());
    }
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(&sdk);
    elb.create_load_balancer()
        .name(name_of(&names, Kind::LoadBalancer))
        .set_subnets(Some(subnets))
        .send()
        .await
        .unwrap();
    let group = elb
        .create_target_group()
        .name(name_of(&names, Kind::TargetGroup))
        .protocol(aws_sdk_elasticloadbalancingv2::types::ProtocolEnum::Http)
        .port(8065)
        .vpc_id(&vpc);
    // The environment's own from an earlier run, which no list has yet.
    let own = [
        (ENVIRONMENT_TAG, "perf"),
        ("loadrig:address", "target-group"),
    ];
    let own = own.map(|(key, value)| BalancerTag::builder().key(key).value(value));
    let tags = own.map(|tag| tag.build());
    group.set_tags(Some(tags.into())).send().await.unwrap();

    let taken = cloud.taken_names("perf", &names).await;
    let mut expected = vec![Kind::Bucket, Kind::Cache, Kind::Search, Kind::LoadBalancer];
    expected.sort();
    assert_eq!(taken_kinds(&taken), expected, "{taken:?}");
}
