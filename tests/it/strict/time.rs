//! Time: states in their order, things that are seen late, interfaces that linger. AWS's
//! times are made so long that none passes by itself; tests let it pass.

use std::time::Duration;

use strict_cloud::Timing;

use super::cloud::{PROPAGATION, TestCloud, WireAnswer};

fn f(name: &str, value: &str) -> String {
    format!("{name}={value}")
}

/// A cloud where nothing moves by itself.
pub async fn still(region: &'static str) -> TestCloud {
    TestCloud::with(region, |options| {
        options.timing = Timing::Aws;
        options.scale = 1000.0;
    })
    .await
}

impl TestCloud {
    /// Lets seconds of AWS's pass.
    pub fn pass(&self, seconds: u64) {
        self.strict.pass(Duration::from_secs(seconds));
    }
}

/// The state of the one instance of an answer.
fn state(answer: &WireAnswer) -> String {
    answer
        .between("<instanceState>", "</instanceState>")
        .map_or_else(
            || answer.code().to_owned(),
            |state| {
                state
                    .split_once("<name>")
                    .unwrap()
                    .1
                    .split('<')
                    .next()
                    .unwrap()
                    .to_owned()
            },
        )
}

/// EC2 User Guide, "Amazon EC2 instance state changes"; EC2 Developer Guide, "Eventual
/// consistency in the Amazon EC2 API"; a group is in use until its instance is terminated.
#[tokio::test]
async fn instances_pass_through_their_states() {
    let cloud = still("us-east-1").await;
    let network = cloud.network("10.30").await;
    let group = cloud.group(&network.vpc, "a").await;
    cloud.pass(3);
    let launch = async || {
        let made = cloud.launch(&network.subnets[0], &group, &[]).await;
        made.ok().first("instanceId")
    };
    // Reads lag behind for every second thing: of several launches some are not found yet.
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(launch().await);
    }
    let look = async |id: &str| {
        cloud
            .ec2("DescribeInstances", &[&f("InstanceId.1", id)])
            .await
    };
    let of_network = ["Filter.1.Name=vpc-id", &f("Filter.1.Value.1", &network.vpc)];
    let mut missing = 0;
    for id in &ids {
        let state = state(&look(id).await);
        assert!(
            ["pending", "InvalidInstanceID.NotFound"].contains(&state.as_str()),
            "{state}"
        );
        missing += usize::from(state != "pending");
    }
    assert!(
        0 < missing && missing < ids.len(),
        "{missing} of {}",
        ids.len()
    );
    let listed = cloud.ec2("DescribeInstances", &of_network).await.ok();
    assert_eq!(
        listed.text.matches("<instanceState>").count(),
        ids.len() - missing
    );
    cloud.pass(3);
    for id in &ids {
        assert_eq!(state(&look(id).await), "pending");
    }
    cloud.pass(6);
    for id in &ids {
        assert_eq!(state(&look(id).await), "running");
    }

    let id = &ids[0];
    for id in &ids {
        cloud.terminate(id).await;
    }
    assert_eq!(state(&look(id).await), "shutting-down");
    let delete_group = async || {
        cloud
            .ec2("DeleteSecurityGroup", &[&f("GroupId", &group)])
            .await
    };
    delete_group().await.refused("DependencyViolation", 400);
    // The filter by state sees what is told, not what the emulator has.
    let in_state = async |state: &str| {
        let state = f("Filter.2.Value.1", state);
        let more = ["Filter.2.Name=instance-state-name", &state];
        let fields = [of_network.as_slice(), &more].concat();
        cloud
            .ec2("DescribeInstances", &fields)
            .await
            .ok()
            .text
            .contains(id)
    };
    assert!(in_state("shutting-down").await);
    assert!(!in_state("terminated").await);
    cloud.pass(31);
    assert_eq!(state(&look(id).await), "terminated");
    assert!(in_state("terminated").await);
    delete_group().await.ok();
}

/// "Viewing Amazon RDS DB instance status"; DeleteDBInstance; interfaces of a service
/// outlive it ("Requester-managed network interfaces").
#[tokio::test]
async fn a_database_is_created_and_deleted_in_time() {
    let cloud = still("us-west-2").await;
    let network = cloud.network("10.30").await;
    let group = cloud.group(&network.vpc, "db").await;
    let subnets = [
        "DBSubnetGroupName=g",
        "DBSubnetGroupDescription=d",
        &f("SubnetIds.SubnetIdentifier.1", &network.subnets[0]),
        &f("SubnetIds.SubnetIdentifier.2", &network.subnets[1]),
    ];
    cloud.rds("CreateDBSubnetGroup", &subnets).await.ok();
    let db = "DBInstanceIdentifier=d1";
    let fields = [
        db,
        "Engine=postgres",
        "DBInstanceClass=db.t3.micro",
        "AllocatedStorage=20",
        "MasterUsername=m",
        "MasterUserPassword=correct-horse",
        "DBSubnetGroupName=g",
        "BackupRetentionPeriod=1",
        &f("VpcSecurityGroupIds.VpcSecurityGroupId.1", &group),
    ];
    let made = cloud.rds("CreateDBInstance", &fields).await.ok();
    assert_eq!(made.first("DBInstanceStatus"), "creating");
    let look = async || cloud.rds("DescribeDBInstances", &[db]).await;
    let status = async || look().await.ok().first("DBInstanceStatus");
    let early = look().await.ok();
    assert_eq!(early.first("DBInstanceStatus"), "creating");
    assert!(!early.text.contains("<Endpoint>"), "{}", early.text);
    let class = [db, "DBInstanceClass=db.t3.small", "ApplyImmediately=true"];
    let resize = async || cloud.rds("ModifyDBInstance", &class).await;
    resize().await.refused("InvalidDBInstanceState", 400);
    let source = ["DBInstanceIdentifier=r", "SourceDBInstanceIdentifier=d1"];
    cloud
        .rds("CreateDBInstanceReadReplica", &source)
        .await
        .refused("InvalidDBInstanceState", 400);
    cloud.pass(451);
    assert_eq!(status().await, "available");
    assert!(look().await.text.contains("<Endpoint>"));
    let told = resize().await.ok();
    let pending = "<PendingModifiedValues><DBInstanceClass>db.t3.small<";
    assert!(told.text.contains(pending), "{}", told.text);
    // It shows late, with the old class until then and while it changes.
    assert_eq!(status().await, "available");
    assert_eq!(look().await.first("DBInstanceClass"), "db.t3.micro");
    resize().await.refused("InvalidDBInstanceState", 400);
    cloud.pass(21);
    assert_eq!(status().await, "modifying");
    assert_eq!(look().await.first("DBInstanceClass"), "db.t3.micro");
    resize().await.refused("InvalidDBInstanceState", 400);
    cloud.pass(541);
    assert_eq!(look().await.first("DBInstanceClass"), "db.t3.small");
    assert_eq!(status().await, "available");
    assert_eq!(look().await.count("DBInstanceClass", "db.t3.small"), 1);

    let skip = [db, "SkipFinalSnapshot=true"];
    let answer = cloud.rds("DeleteDBInstance", &skip).await.ok();
    assert_eq!(answer.first("DBInstanceStatus"), "deleting");
    assert_eq!(status().await, "deleting");
    cloud
        .rds("DeleteDBInstance", &skip)
        .await
        .refused("InvalidDBInstanceState", 400);
    let subnets = async || {
        cloud
            .rds("DeleteDBSubnetGroup", &["DBSubnetGroupName=g"])
            .await
    };
    subnets()
        .await
        .refused("InvalidDBSubnetGroupStateFault", 400);
    cloud.pass(301);
    look().await.refused("DBInstanceNotFound", 404);
    subnets().await.ok();
    // Its interface stays a little longer.
    let delete_group = async || {
        cloud
            .ec2("DeleteSecurityGroup", &[&f("GroupId", &group)])
            .await
    };
    delete_group().await.refused("DependencyViolation", 400);
    cloud.pass(21);
    delete_group().await.ok();
}

/// DomainStatus: `Processing`, `Deleted`; no endpoint before it is there.
#[tokio::test]
async fn a_domain_is_created_and_deleted_in_time() {
    let cloud = still("eu-west-1").await;
    let network = cloud.network("10.30").await;
    let body = serde_json::json!({
        "DomainName": "slow", "EngineVersion": "OpenSearch_2.19",
        "VPCOptions": { "SubnetIds": [network.subnets[0]] },
    });
    let path = "/2021-01-01/opensearch/domain";
    cloud.search_role().await;
    cloud.rest("es", "POST", path, &body.to_string()).await.ok();
    let own = format!("{path}/slow");
    let look = async || {
        let answer = cloud.rest("es", "GET", &own, "").await.ok();
        let json: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
        let domain = json["DomainStatus"].clone();
        (
            domain["Processing"] == true,
            domain["Deleted"] == true,
            domain.get("Endpoints").is_some(),
        )
    };
    assert_eq!(look().await, (true, false, false));
    let change = serde_json::json!({ "ClusterConfig": { "InstanceCount": 2 } }).to_string();
    let config = format!("{own}/config");
    cloud
        .rest("es", "POST", &config, &change)
        .await
        .refused("ValidationException", 400);
    cloud.pass(1021);
    assert_eq!(look().await, (false, false, true));
    // It shows that it is done before it takes the next change.
    cloud
        .rest("es", "POST", &config, &change)
        .await
        .refused("ValidationException", 400);
    cloud.pass(61);
    cloud.rest("es", "POST", &config, &change).await.ok();
    assert_eq!(look().await, (true, false, true));
    cloud.pass(1021);
    assert_eq!(look().await, (false, false, true));
    cloud.rest("es", "DELETE", &own, "").await.ok();
    let (processing, deleted, _) = look().await;
    assert!(processing && deleted);
    cloud.pass(721);
    cloud
        .rest("es", "GET", &own, "")
        .await
        .refused("ResourceNotFoundException", 409);
    // Its name is remembered for longer.
    let create = async || cloud.rest("es", "POST", path, &body.to_string()).await;
    let refused = create().await.refused("ValidationException", 400);
    assert!(
        refused.text.contains("still being deleted"),
        "{}",
        refused.text
    );
    cloud.pass(61);
    create().await.ok();
}

/// "NAT gateway basics": `pending`, `available`, `deleting`, `deleted`; its address is free
/// when it is deleted. Load balancers: LoadBalancerState `provisioning`, `active`.
#[tokio::test]
async fn gateways_and_balancers_become_available_with_delay() {
    let cloud = still("eu-central-1").await;
    let network = cloud.network("10.30").await;
    let address = cloud
        .ec2("AllocateAddress", &["Domain=vpc"])
        .await
        .ok()
        .first("allocationId");
    cloud.pass(3);
    let allocation = f("AllocationId", &address);
    let subnet = f("SubnetId", &network.subnets[0]);
    let made = cloud
        .ec2("CreateNatGateway", &[&subnet, &allocation])
        .await
        .ok();
    assert_eq!(made.first("state"), "pending");
    cloud.pass(3);
    let gateway = made.first("natGatewayId");
    let look = async || {
        let fields = [&f("NatGatewayId.1", &gateway) as &str];
        cloud
            .ec2("DescribeNatGateways", &fields)
            .await
            .ok()
            .first("state")
    };
    assert_eq!(look().await, "pending");
    cloud.pass(105);
    assert_eq!(look().await, "available");
    cloud
        .ec2("DeleteNatGateway", &[&f("NatGatewayId", &gateway)])
        .await
        .ok();
    assert_eq!(look().await, "deleting");
    let release = async || cloud.ec2("ReleaseAddress", &[&allocation]).await;
    release().await.refused("AuthFailure", 400);
    cloud.pass(61);
    assert_eq!(look().await, "deleted");
    // Its address is free a moment later.
    release().await.refused("AuthFailure", 400);
    cloud.pass(20);
    release().await.ok();

    let group = cloud.group(&network.vpc, "lb").await;
    let fields = [
        "Name=slow",
        "Scheme=internal",
        &f("Subnets.member.1", &network.subnets[0]),
        &f("Subnets.member.2", &network.subnets[1]),
        &f("SecurityGroups.member.1", &group),
    ];
    let elb = "elasticloadbalancing";
    cloud
        .call(elb, "CreateLoadBalancer", &fields)
        .await
        .refused("InvalidSecurityGroup", 400);
    cloud.pass(PROPAGATION);
    let made = cloud.call(elb, "CreateLoadBalancer", &fields).await.ok();
    let arn = made.first("LoadBalancerArn");
    let look = async || {
        let fields = ["Names.member.1=slow"];
        let answer = cloud.call(elb, "DescribeLoadBalancers", &fields).await.ok();
        answer.first("State")
    };
    assert_eq!(look().await, "<Code>provisioning</Code>");
    cloud.pass(151);
    assert_eq!(look().await, "<Code>active</Code>");
    cloud
        .call(elb, "DeleteLoadBalancer", &[&f("LoadBalancerArn", &arn)])
        .await
        .ok();
    let delete_group = async || {
        cloud
            .ec2("DeleteSecurityGroup", &[&f("GroupId", &group)])
            .await
    };
    delete_group().await.refused("DependencyViolation", 400);
    cloud.pass(61);
    delete_group().await.ok();
}

/// "Changes that I make are not always immediately visible" (IAM User Guide).
#[tokio::test]
async fn ec2_sees_a_new_profile_with_delay() {
    let cloud = still("ap-south-1").await;
    let network = cloud.network("10.30").await;
    let group = cloud.group(&network.vpc, "a").await;
    let role = ["RoleName=strict-late", "AssumeRolePolicyDocument={}"];
    cloud.call("iam", "CreateRole", &role).await.ok();
    let profile = "InstanceProfileName=strict-late";
    cloud
        .call("iam", "CreateInstanceProfile", &[profile])
        .await
        .ok();
    let get = async || cloud.call("iam", "GetInstanceProfile", &[profile]).await;
    get().await.refused("NoSuchEntity", 404);
    cloud.pass(3);
    get().await.ok();
    let both = [profile, "RoleName=strict-late"];
    cloud
        .call("iam", "AddRoleToInstanceProfile", &both)
        .await
        .ok();
    let with_profile = ["IamInstanceProfile.Name=strict-late"];
    let launch = async || {
        cloud
            .launch(&network.subnets[0], &group, &with_profile)
            .await
    };
    let refused = launch().await.refused("InvalidParameterValue", 400);
    assert!(
        refused.text.contains("Invalid IAM Instance Profile name"),
        "{}",
        refused.text
    );
    cloud.pass(9);
    launch().await.ok();
}

/// ReplicationGroup `Status`.
#[tokio::test]
async fn a_cache_is_created_with_delay_and_frees_its_name() {
    let cloud = still("ap-southeast-1").await;
    let network = cloud.network("10.30").await;
    cloud.know_caches().await;
    let cache =
        async |action: &str, fields: &[&str]| cloud.call("elasticache", action, fields).await;
    let subnets = [
        "CacheSubnetGroupName=slow",
        "CacheSubnetGroupDescription=d",
        &f("SubnetIds.SubnetIdentifier.1", &network.subnets[0]),
    ];
    cache("CreateCacheSubnetGroup", &subnets).await.ok();
    let id = "ReplicationGroupId=slow";
    let fields = [
        id,
        "ReplicationGroupDescription=d",
        "Engine=redis",
        "CacheNodeType=cache.t4g.micro",
        "NumCacheClusters=1",
        "CacheSubnetGroupName=slow",
    ];
    let look = async || cache("DescribeReplicationGroups", &[id]).await;
    let drop_subnets =
        async || cache("DeleteCacheSubnetGroup", &["CacheSubnetGroupName=slow"]).await;
    for _ in 0..2 {
        cache("CreateReplicationGroup", &fields).await.ok();
        cache("DeleteReplicationGroup", &[id])
            .await
            .refused("InvalidReplicationGroupState", 400);
        assert_eq!(look().await.ok().first("Status"), "creating");
        cloud.pass(481);
        assert_eq!(look().await.ok().first("Status"), "available");
        cache("DeleteReplicationGroup", &[id]).await.ok();
        assert_eq!(look().await.ok().first("Status"), "deleting");
        drop_subnets().await.refused("CacheSubnetGroupInUse", 400);
        cloud.pass(301);
        look().await.refused("ReplicationGroupNotFoundFault", 404);
    }
    drop_subnets().await.ok();
}

/// ListTagsForResource, AddTagsToResource: `InvalidReplicationGroupState`, 400, "The requested
/// replication group is not in the available state"
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListTagsForResource.html>).
#[tokio::test]
async fn cache_tags_are_listed_only_while_it_is_available() {
    let cloud = still("eu-south-1").await;
    let network = cloud.network("10.30").await;
    cloud.know_caches().await;
    let cache =
        async |action: &str, fields: &[&str]| cloud.call("elasticache", action, fields).await;
    let subnets = [
        "CacheSubnetGroupName=tags",
        "CacheSubnetGroupDescription=d",
        &f("SubnetIds.SubnetIdentifier.1", &network.subnets[0]),
        "Tags.Tag.1.Key=k",
        "Tags.Tag.1.Value=v",
    ];
    let made = cache("CreateCacheSubnetGroup", &subnets).await.ok();
    let of_subnets = f("ResourceName", &made.first("ARN"));
    let id = "ReplicationGroupId=tags";
    let fields = [
        id,
        "ReplicationGroupDescription=d",
        "Engine=redis",
        "CacheNodeType=cache.t4g.micro",
        "NumCacheClusters=1",
        "CacheSubnetGroupName=tags",
        "Tags.Tag.1.Key=k",
        "Tags.Tag.1.Value=v",
    ];
    let made = cache("CreateReplicationGroup", &fields).await.ok();
    let of_group = f("ResourceName", &made.first("ARN"));
    let tags = async |of: &str| cache("ListTagsForResource", &[of]).await;
    let add = [&of_group as &str, "Tags.Tag.1.Key=a", "Tags.Tag.1.Value=b"];
    let untold = ("InvalidReplicationGroupState", 400);
    tags(&of_group).await.refused(untold.0, untold.1);
    let refused = cache("AddTagsToResource", &add).await;
    refused.refused(untold.0, untold.1);
    // A subnet group has no states.
    assert_eq!(tags(&of_subnets).await.ok().count("Key", "k"), 1);
    cloud.pass(481);
    assert_eq!(tags(&of_group).await.ok().count("Key", "k"), 1);
    cache("AddTagsToResource", &add).await.ok();
    let resize = [id, "CacheNodeType=cache.t4g.small"];
    let refused = cache("ModifyReplicationGroup", &resize).await;
    refused.refused(untold.0, untold.1);
    cloud.pass(31);
    cache("ModifyReplicationGroup", &resize).await.ok();
    tags(&of_group).await.refused(untold.0, untold.1);
    cloud.pass(481);
    tags(&of_group).await.ok();
    cache("DeleteReplicationGroup", &[id]).await.ok();
    tags(&of_group).await.refused(untold.0, untold.1);
}
