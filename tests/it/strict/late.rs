//! What the services learn late of one another, and changes that are made one at a time.

use super::cloud::PROPAGATION;
use super::time::still;

fn f(name: &str, value: &str) -> String {
    format!("{name}={value}")
}

/// CreateLoadBalancer: `SubnetNotFound`, `InvalidSecurityGroup`; CreateCacheSubnetGroup:
/// `InvalidSubnet`; CreateHostedZone: `InvalidVPCId`.
#[tokio::test]
async fn other_services_learn_late_of_a_network() {
    let cloud = still("ca-central-1").await;
    let network = cloud.network("10.30").await;
    let balancer = [
        "Name=late",
        "Scheme=internal",
        &f("Subnets.member.1", &network.subnets[0]),
        &f("Subnets.member.2", &network.subnets[1]),
    ];
    let elb = async |fields: &[&str]| {
        cloud
            .call("elasticloadbalancing", "CreateLoadBalancer", fields)
            .await
    };
    elb(&balancer).await.refused("SubnetNotFound", 400);
    let subnets = [
        "CacheSubnetGroupName=late",
        "CacheSubnetGroupDescription=d",
        &f("SubnetIds.SubnetIdentifier.1", &network.subnets[0]),
    ];
    let cache =
        async |action: &str, fields: &[&str]| cloud.call("elasticache", action, fields).await;
    // The account's first cache has its role created.
    let first = cache("CreateCacheSubnetGroup", &subnets).await;
    first.refused("ServiceLinkedRoleNotFoundFault", 400);
    let zone = format!(
        "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>late.internal</Name><VPC><VPCRegion>ca-central-1</VPCRegion><VPCId>{}</VPCId></VPC><CallerReference>late-1</CallerReference></CreateHostedZoneRequest>",
        network.vpc
    );
    let zones = "/2013-04-01/hostedzone";
    let create_zone = async || cloud.rest("route53", "POST", zones, &zone).await;
    create_zone().await.refused("InvalidVPCId", 400);

    cloud.pass(PROPAGATION);
    cache("CreateCacheSubnetGroup", &subnets).await.ok();
    create_zone().await.ok();
    let group = cloud.group(&network.vpc, "late").await;
    let group = f("SecurityGroups.member.1", &group);
    let with_group = [&balancer[..], &[group.as_str()]].concat();
    elb(&with_group).await.refused("InvalidSecurityGroup", 400);
    let other = cloud.network("10.31").await;
    let early = [
        "CacheSubnetGroupName=later",
        "CacheSubnetGroupDescription=d",
        &f("SubnetIds.SubnetIdentifier.1", &other.subnets[0]),
    ];
    let early = cache("CreateCacheSubnetGroup", &early).await;
    early.refused("InvalidSubnet", 400);
    cloud.pass(PROPAGATION);
    elb(&with_group).await.ok();
}

/// RegisterTargets: `InvalidTarget`, an instance that is "not in a running state".
#[tokio::test]
async fn a_load_balancer_learns_late_that_an_instance_runs() {
    let cloud = still("sa-east-1").await;
    let network = cloud.network("10.30").await;
    let group = cloud.group(&network.vpc, "app").await;
    cloud.pass(3);
    let made = cloud.launch(&network.subnets[0], &group, &[]).await;
    let id = made.ok().first("instanceId");
    let elb = async |action: &str, fields: &[&str]| {
        cloud.call("elasticloadbalancing", action, fields).await
    };
    let vpc = f("VpcId", &network.vpc);
    let fields = ["Name=late", "Protocol=HTTP", "Port=80", &vpc];
    let made = elb("CreateTargetGroup", &fields).await.ok();
    let arn = f("TargetGroupArn", &made.first("TargetGroupArn"));
    let target = f("Targets.member.1.Id", &id);
    let register = async || elb("RegisterTargets", &[&arn, &target]).await;
    // It runs after 8 s.
    cloud.pass(9);
    register().await.refused("InvalidTarget", 400);
    cloud.pass(PROPAGATION);
    register().await.ok();
}

/// ChangeResourceRecordSets: `NoSuchHostedZone`; GetChange: `PENDING`, `INSYNC`.
#[tokio::test]
async fn a_zone_is_changed_late_and_its_servers_learn_later() {
    let cloud = still("us-east-2").await;
    let zones = "/2013-04-01/hostedzone";
    let zone = "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>sync.internal</Name><CallerReference>sync-1</CallerReference></CreateHostedZoneRequest>";
    let made = cloud.rest("route53", "POST", zones, zone).await.ok();
    assert_eq!(made.first("Status"), "PENDING");
    let id = made.between("<Id>/hostedzone/", "</Id>").unwrap();
    let record = "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change><Action>UPSERT</Action><ResourceRecordSet><Name>a.sync.internal</Name><Type>A</Type><TTL>1</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>";
    let records = format!("{zones}/{id}/rrset");
    let change = async || cloud.rest("route53", "POST", &records, record).await;
    change().await.refused("NoSuchHostedZone", 404);
    cloud.pass(PROPAGATION);
    let changed = change().await.ok();
    let change = changed.between("<Id>/change/", "</Id>").unwrap();
    let path = format!("/2013-04-01/change/{change}");
    let status = async || {
        cloud
            .rest("route53", "GET", &path, "")
            .await
            .ok()
            .first("Status")
    };
    assert_eq!(status().await, "PENDING");
    cloud.pass(31);
    assert_eq!(status().await, "INSYNC");
}

/// IncreaseReplicaCount, DecreaseReplicaCount: `NoOperationFault`, `InvalidReplicationGroupState`; the
/// least number of replicas while failover is on.
#[tokio::test]
async fn replicas_come_and_go_one_change_at_a_time() {
    let cloud = still("eu-north-1").await;
    let network = cloud.network("10.30").await;
    cloud.know_caches().await;
    let cache =
        async |action: &str, fields: &[&str]| cloud.call("elasticache", action, fields).await;
    let subnets = [
        "CacheSubnetGroupName=replicas",
        "CacheSubnetGroupDescription=d",
        &f("SubnetIds.SubnetIdentifier.1", &network.subnets[0]),
    ];
    cache("CreateCacheSubnetGroup", &subnets).await.ok();
    let id = "ReplicationGroupId=replicas";
    let fields = [
        id,
        "ReplicationGroupDescription=d",
        "Engine=redis",
        "CacheNodeType=cache.t4g.micro",
        "NumCacheClusters=1",
        "CacheSubnetGroupName=replicas",
    ];
    cache("CreateReplicationGroup", &fields).await.ok();
    let resize = async |action: &str, replicas: u32| {
        let count = f("NewReplicaCount", &replicas.to_string());
        cache(action, &[id, &count, "ApplyImmediately=true"]).await
    };
    let (more, fewer) = ("IncreaseReplicaCount", "DecreaseReplicaCount");
    resize(more, 2)
        .await
        .refused("InvalidReplicationGroupState", 400);
    cloud.pass(481);
    resize(more, 0).await.refused("NoOperationFault", 400);
    resize(more, 6).await.refused("InvalidParameterValue", 400);
    let resized = resize(more, 2).await.ok();
    assert_eq!(resized.first("Status"), "modifying");
    resize(more, 3)
        .await
        .refused("InvalidReplicationGroupState", 400);
    cloud.pass(481);
    let listed = cache("DescribeReplicationGroups", &[id]).await.ok();
    assert_eq!(
        listed.text.matches("<ClusterId>").count(),
        3,
        "{}",
        listed.text
    );
    let failover = [id, "AutomaticFailoverEnabled=true", "MultiAZEnabled=true"];
    cache("ModifyReplicationGroup", &failover).await.ok();
    cloud.pass(481);
    resize(fewer, 0)
        .await
        .refused("InvalidParameterCombination", 400);
    resize(fewer, 1).await.ok();
}
