//! The rules of the other services. Pages are those of each service's API Reference.

use super::cloud::TestCloud;

pub fn f(name: &str, value: &str) -> String {
    format!("{name}={value}")
}

/// A database's subnet group, parameter group and fields.
pub async fn database(cloud: &TestCloud, subnets: &[String], group: &str) -> Vec<String> {
    let subnets: Vec<String> = subnets
        .iter()
        .enumerate()
        .map(|(n, id)| format!("SubnetIds.SubnetIdentifier.{}={id}", n + 1))
        .collect();
    let mut fields = vec!["DBSubnetGroupName=g", "DBSubnetGroupDescription=d"];
    fields.extend(subnets.iter().map(String::as_str));
    cloud.rds("CreateDBSubnetGroup", &fields).await.ok();
    let fields = [
        "DBParameterGroupName=p",
        "DBParameterGroupFamily=postgres15",
        "Description=d",
        "Tags.Tag.1.Key=k",
        "Tags.Tag.1.Value=v",
    ];
    cloud.rds("CreateDBParameterGroup", &fields).await.ok();
    [
        "DBInstanceIdentifier=d1",
        "Engine=postgres",
        "DBInstanceClass=db.t3.micro",
        "AllocatedStorage=20",
        "MasterUsername=m",
        "MasterUserPassword=correct-horse",
        "DBSubnetGroupName=g",
        "DBParameterGroupName=p",
        "BackupRetentionPeriod=1",
        &f("VpcSecurityGroupIds.VpcSecurityGroupId.1", group),
    ]
    .map(str::to_owned)
    .to_vec()
}

pub fn borrowed(fields: &[String]) -> Vec<&str> {
    fields.iter().map(String::as_str).collect()
}

/// The fields with one of them changed.
pub fn with<'a>(fields: &'a [String], change: &'a str) -> Vec<&'a str> {
    let name = change.split_once('=').unwrap().0;
    let mut changed = borrowed(fields);
    changed.retain(|field| field.split_once('=').unwrap().0 != name);
    changed.push(change);
    changed
}

/// CreateDBInstance, DeleteDBInstance, DeleteDBSubnetGroup, DeleteDBParameterGroup,
/// CreateDBInstanceReadReplica, CreateDBSnapshot.
#[tokio::test]
async fn deleting_a_database_needs_a_snapshot_choice_and_precedes_its_groups() {
    let cloud = TestCloud::instant("eu-central-1").await;
    let network = cloud.network("10.20").await;
    let group = cloud.group(&network.vpc, "db").await;
    let fields = database(&cloud, &network.subnets, &group).await;
    for (change, code, status) in [
        ("MasterUserPassword=short", "InvalidParameterValue", 400),
        (
            "MasterUserPassword=with/slash-in-it",
            "InvalidParameterValue",
            400,
        ),
        ("DBSubnetGroupName=none", "DBSubnetGroupNotFoundFault", 404),
        ("DBParameterGroupName=none", "DBParameterGroupNotFound", 404),
        (
            "VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-0123456789abcdef0",
            "InvalidParameterValue",
            400,
        ),
    ] {
        cloud
            .rds("CreateDBInstance", &with(&fields, change))
            .await
            .refused(code, status);
    }
    cloud.rds("CreateDBInstance", &borrowed(&fields)).await.ok();
    cloud
        .rds("CreateDBInstance", &borrowed(&fields))
        .await
        .refused("DBInstanceAlreadyExists", 400);
    // Its interface is in the network, and holds group and subnet.
    let interfaces = ["Filter.1.Name=group-id", &f("Filter.1.Value.1", &group)];
    let listed = cloud
        .ec2("DescribeNetworkInterfaces", &interfaces)
        .await
        .ok();
    assert_eq!(
        listed.count("requesterId", "amazon-rds"),
        1,
        "{}",
        listed.text
    );
    cloud
        .ec2("DeleteSecurityGroup", &[&f("GroupId", &group)])
        .await
        .refused("DependencyViolation", 400);
    cloud
        .ec2("DeleteSubnet", &[&f("SubnetId", &network.subnets[0])])
        .await
        .refused("DependencyViolation", 400);
    cloud
        .rds("DeleteDBSubnetGroup", &["DBSubnetGroupName=g"])
        .await
        .refused("InvalidDBSubnetGroupStateFault", 400);
    cloud
        .rds("DeleteDBParameterGroup", &["DBParameterGroupName=p"])
        .await
        .refused("InvalidDBParameterGroupState", 400);
    let snapshot = ["DBInstanceIdentifier=d1", "DBSnapshotIdentifier=s1"];
    cloud.rds("CreateDBSnapshot", &snapshot).await.ok();
    cloud
        .rds("CreateDBSnapshot", &snapshot)
        .await
        .refused("DBSnapshotAlreadyExists", 400);

    let delete = async |more: &[&str]| {
        let mut fields = vec!["DBInstanceIdentifier=d1"];
        fields.extend(more);
        cloud.rds("DeleteDBInstance", &fields).await
    };
    delete(&[])
        .await
        .refused("InvalidParameterCombination", 400);
    delete(&["SkipFinalSnapshot=true", "FinalDBSnapshotIdentifier=s2"])
        .await
        .refused("InvalidParameterCombination", 400);
    delete(&["FinalDBSnapshotIdentifier=s1"])
        .await
        .refused("DBSnapshotAlreadyExists", 400);
    let protect = async |on: &str| {
        let fields = ["DBInstanceIdentifier=d1", &f("DeletionProtection", on)];
        cloud.rds("ModifyDBInstance", &fields).await.ok();
    };
    protect("true").await;
    delete(&["SkipFinalSnapshot=true"])
        .await
        .refused("InvalidParameterCombination", 400);
    protect("false").await;
    delete(&["SkipFinalSnapshot=true"]).await.ok();
    delete(&["SkipFinalSnapshot=true"])
        .await
        .refused("DBInstanceNotFound", 404);
    cloud
        .rds("DeleteDBSubnetGroup", &["DBSubnetGroupName=g"])
        .await
        .ok();
    cloud
        .rds("DeleteDBParameterGroup", &["DBParameterGroupName=p"])
        .await
        .ok();
    cloud
        .ec2("DeleteSecurityGroup", &[&f("GroupId", &group)])
        .await
        .ok();
}

/// CreateDBSubnetGroup: `DBSubnetGroupDoesNotCoverEnoughAZs`, `DBSubnetGroupAlreadyExists`;
/// CreateDBInstanceReadReplica: `InvalidDBInstanceState` without backups;
/// ResetDBParameterGroup and DescribeDBParameterGroups, which the emulator lacks.
#[tokio::test]
async fn database_groups_follow_rds_rules() {
    let cloud = TestCloud::instant("eu-north-1").await;
    let network = cloud.network("10.20").await;
    let group = cloud.group(&network.vpc, "db").await;
    let one = [
        "DBSubnetGroupName=one",
        "DBSubnetGroupDescription=d",
        &f("SubnetIds.SubnetIdentifier.1", &network.subnets[0]),
    ];
    cloud
        .rds("CreateDBSubnetGroup", &one)
        .await
        .refused("DBSubnetGroupDoesNotCoverEnoughAZs", 400);
    let fields = database(&cloud, &network.subnets, &group).await;
    let again = [
        "DBSubnetGroupName=g",
        "DBSubnetGroupDescription=d",
        &f("SubnetIds.SubnetIdentifier.1", &network.subnets[0]),
        &f("SubnetIds.SubnetIdentifier.2", &network.subnets[1]),
    ];
    cloud
        .rds("CreateDBSubnetGroup", &again)
        .await
        .refused("DBSubnetGroupAlreadyExists", 400);
    cloud
        .rds(
            "CreateDBInstance",
            &with(&fields, "BackupRetentionPeriod=0"),
        )
        .await
        .ok();
    cloud
        .rds(
            "CreateDBInstanceReadReplica",
            &["DBInstanceIdentifier=r", "SourceDBInstanceIdentifier=d1"],
        )
        .await
        .refused("InvalidDBInstanceState", 400);

    cloud
        .rds("DescribeDBParameterGroups", &["DBParameterGroupName=none"])
        .await
        .refused("DBParameterGroupNotFound", 404);
    let two = [
        "DBParameterGroupName=p",
        "Parameters.Parameter.1.ParameterName=work_mem",
        "Parameters.Parameter.1.ParameterValue=1",
        "Parameters.Parameter.1.ApplyMethod=immediate",
        "Parameters.Parameter.2.ParameterName=max_connections",
        "Parameters.Parameter.2.ParameterValue=2",
        "Parameters.Parameter.2.ApplyMethod=pending-reboot",
    ];
    cloud.rds("ModifyDBParameterGroup", &two).await.ok();
    let reset = [
        "DBParameterGroupName=p",
        "Parameters.Parameter.1.ParameterName=work_mem",
        "Parameters.Parameter.1.ApplyMethod=immediate",
    ];
    cloud.rds("ResetDBParameterGroup", &reset).await.ok();
    let user = ["DBParameterGroupName=p", "Source=user"];
    let left = cloud.rds("DescribeDBParameters", &user).await.ok();
    assert!(!left.text.contains("work_mem") && left.text.contains("max_connections"));
    let listed = cloud
        .rds("DescribeDBParameterGroups", &["DBParameterGroupName=p"])
        .await
        .ok();
    let arn = f("ResourceName", &listed.first("DBParameterGroupArn"));
    let tags = cloud.rds("ListTagsForResource", &[&arn]).await.ok();
    assert!(tags.text.contains("<Key>k</Key>"), "{}", tags.text);
}

/// DeleteCacheSubnetGroup: `CacheSubnetGroupInUse`; CreateReplicationGroup:
/// `ReplicationGroupAlreadyExists`; names are free again once deleted.
#[tokio::test]
async fn a_cache_is_deleted_before_its_subnets_and_frees_its_name() {
    let cloud = TestCloud::instant("ap-south-1").await;
    let network = cloud.network("10.20").await;
    let group = cloud.group(&network.vpc, "cache").await;
    let cache =
        async |action: &str, fields: &[&str]| cloud.call("elasticache", action, fields).await;
    let subnets = [
        "CacheSubnetGroupName=c",
        "CacheSubnetGroupDescription=d",
        &f("SubnetIds.SubnetIdentifier.1", &network.subnets[0]),
        &f("SubnetIds.SubnetIdentifier.2", &network.subnets[1]),
    ];
    let fields = [
        "ReplicationGroupId=rg",
        "ReplicationGroupDescription=d",
        "Engine=redis",
        "CacheNodeType=cache.t4g.micro",
        "NumCacheClusters=1",
        "CacheSubnetGroupName=c",
        &f("SecurityGroupIds.SecurityGroupId.1", &group),
    ];
    let of_group = ["Filter.1.Name=group-id", &f("Filter.1.Value.1", &group)];
    for _ in 0..3 {
        cache("CreateCacheSubnetGroup", &subnets).await.ok();
        cache("CreateCacheSubnetGroup", &subnets)
            .await
            .refused("CacheSubnetGroupAlreadyExists", 400);
        let made = cache("CreateReplicationGroup", &fields).await.ok();
        assert_eq!(made.first("ReplicationGroupId"), "rg");
        cache("CreateReplicationGroup", &fields)
            .await
            .refused("ReplicationGroupAlreadyExists", 400);
        let listed = cloud.ec2("DescribeNetworkInterfaces", &of_group).await.ok();
        assert_eq!(listed.count("requesterId", "amazon-elasticache"), 1);
        cache("DeleteCacheSubnetGroup", &["CacheSubnetGroupName=c"])
            .await
            .refused("CacheSubnetGroupInUse", 400);
        cloud
            .ec2("DeleteSecurityGroup", &[&f("GroupId", &group)])
            .await
            .refused("DependencyViolation", 400);
        cache("DeleteReplicationGroup", &["ReplicationGroupId=rg"])
            .await
            .ok();
        cache("DescribeReplicationGroups", &["ReplicationGroupId=rg"])
            .await
            .refused("ReplicationGroupNotFoundFault", 404);
        let all = cache("DescribeReplicationGroups", &[]).await.ok();
        assert_eq!(all.count("ReplicationGroupId", "rg"), 0, "{}", all.text);
        cache("DeleteCacheSubnetGroup", &["CacheSubnetGroupName=c"])
            .await
            .ok();
        let all = cache("DescribeCacheSubnetGroups", &[]).await.ok();
        assert_eq!(all.count("CacheSubnetGroupName", "c"), 0, "{}", all.text);
    }
    cloud
        .ec2("DeleteSecurityGroup", &[&f("GroupId", &group)])
        .await
        .ok();
}

/// CreateDomain: `ResourceAlreadyExistsException`, 409; DeleteDomain.
#[tokio::test]
async fn domain_names_are_unique_and_domains_have_interfaces() {
    let cloud = TestCloud::instant("ap-southeast-1").await;
    let network = cloud.network("10.20").await;
    let group = cloud.group(&network.vpc, "search").await;
    let body = serde_json::json!({
        "DomainName": "dom", "EngineVersion": "OpenSearch_2.19",
        "ClusterConfig": { "InstanceType": "t3.small.search", "InstanceCount": 2 },
        "VPCOptions": { "SubnetIds": network.subnets, "SecurityGroupIds": [group] },
    })
    .to_string();
    let path = "/2021-01-01/opensearch/domain";
    cloud.search_role().await;
    cloud.rest("es", "POST", path, &body).await.ok();
    cloud
        .rest("es", "POST", path, &body)
        .await
        .refused("ResourceAlreadyExistsException", 409);
    let of_group = ["Filter.1.Name=group-id", &f("Filter.1.Value.1", &group)];
    let listed = cloud.ec2("DescribeNetworkInterfaces", &of_group).await.ok();
    assert_eq!(listed.count("requesterId", "amazon-elasticsearch"), 2);
    cloud
        .ec2("DeleteSubnet", &[&f("SubnetId", &network.subnets[1])])
        .await
        .refused("DependencyViolation", 400);
    cloud
        .rest("es", "DELETE", &format!("{path}/dom"), "")
        .await
        .ok();
    cloud
        .ec2("DeleteSubnet", &[&f("SubnetId", &network.subnets[1])])
        .await
        .ok();
}

/// CreateLoadBalancer, CreateTargetGroup, CreateListener: idempotent for the same settings,
/// `Duplicate…` for others; DeleteTargetGroup: `ResourceInUse`.
#[tokio::test]
async fn load_balancers_are_created_once() {
    let cloud = TestCloud::instant("ap-southeast-2").await;
    let network = cloud.network("10.20").await;
    let group = cloud.group(&network.vpc, "lb").await;
    let elb = async |action: &str, fields: &[&str]| {
        cloud.call("elasticloadbalancing", action, fields).await
    };
    let balancer = [
        "Name=lb",
        &f("Subnets.member.1", &network.subnets[0]),
        &f("Subnets.member.2", &network.subnets[1]),
        &f("SecurityGroups.member.1", &group),
    ];
    let arn = elb("CreateLoadBalancer", &balancer)
        .await
        .ok()
        .first("LoadBalancerArn");
    let again = elb("CreateLoadBalancer", &balancer)
        .await
        .ok()
        .first("LoadBalancerArn");
    assert_eq!(arn, again);
    elb(
        "CreateLoadBalancer",
        &[balancer.as_slice(), &["Scheme=internal"]].concat(),
    )
    .await
    .refused("DuplicateLoadBalancerName", 400);
    let target = [
        "Name=tg",
        "Protocol=HTTP",
        "Port=80",
        &f("VpcId", &network.vpc),
    ];
    let targets = elb("CreateTargetGroup", &target)
        .await
        .ok()
        .first("TargetGroupArn");
    assert_eq!(
        elb("CreateTargetGroup", &target)
            .await
            .ok()
            .first("TargetGroupArn"),
        targets
    );
    elb(
        "CreateTargetGroup",
        &[
            "Name=tg",
            "Protocol=HTTP",
            "Port=81",
            &f("VpcId", &network.vpc),
        ],
    )
    .await
    .refused("DuplicateTargetGroupName", 400);
    let listener = |path: &str| {
        vec![
            f("LoadBalancerArn", &arn),
            "Protocol=HTTP".to_owned(),
            "Port=80".to_owned(),
            "DefaultActions.member.1.Type=forward".to_owned(),
            format!("DefaultActions.member.1.TargetGroupArn={targets}"),
            f("Tags.member.1.Key", path),
            "Tags.member.1.Value=x".to_owned(),
        ]
    };
    let first = elb("CreateListener", &borrowed(&listener("a"))).await.ok();
    let second = elb("CreateListener", &borrowed(&listener("a"))).await.ok();
    assert_eq!(first.first("ListenerArn"), second.first("ListenerArn"));
    elb("CreateListener", &borrowed(&listener("b")))
        .await
        .refused("DuplicateListener", 400);
    elb("DeleteTargetGroup", &[&f("TargetGroupArn", &targets)])
        .await
        .refused("ResourceInUse", 400);
    cloud
        .ec2("DeleteSecurityGroup", &[&f("GroupId", &group)])
        .await
        .refused("DependencyViolation", 400);
    elb("DeleteLoadBalancer", &[&f("LoadBalancerArn", &arn)])
        .await
        .ok();
    cloud
        .ec2("DeleteSecurityGroup", &[&f("GroupId", &group)])
        .await
        .ok();
}

/// DeleteRole, DeleteInstanceProfile: `DeleteConflict`, 409; CreateRole:
/// `EntityAlreadyExists`, 409; AddRoleToInstanceProfile: `LimitExceeded`, 409.
#[tokio::test]
async fn a_role_is_deleted_last() {
    let cloud = TestCloud::instant("ca-central-1").await;
    let iam = async |action: &str, fields: &[&str]| cloud.call("iam", action, fields).await;
    let (role, profile) = ("RoleName=strict-role", "InstanceProfileName=strict-profile");
    let create = [role, "AssumeRolePolicyDocument={}"];
    iam("CreateRole", &create).await.ok();
    iam("CreateRole", &create)
        .await
        .refused("EntityAlreadyExists", 409);
    iam("CreateInstanceProfile", &[profile]).await.ok();
    iam("CreateInstanceProfile", &[profile])
        .await
        .refused("EntityAlreadyExists", 409);
    iam("AddRoleToInstanceProfile", &[role, profile]).await.ok();
    iam("AddRoleToInstanceProfile", &[role, profile])
        .await
        .refused("LimitExceeded", 409);
    iam("DeleteInstanceProfile", &[profile])
        .await
        .refused("DeleteConflict", 409);
    iam("DeleteRole", &[role])
        .await
        .refused("DeleteConflict", 409);
    iam("RemoveRoleFromInstanceProfile", &[role, profile])
        .await
        .ok();
    let policy = r#"PolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}"#;
    iam("PutRolePolicy", &[role, "PolicyName=p", policy])
        .await
        .ok();
    iam("DeleteRole", &[role])
        .await
        .refused("DeleteConflict", 409);
    iam("DeleteRolePolicy", &[role, "PolicyName=p"]).await.ok();
    iam("DeleteRole", &[role]).await.ok();
    iam("DeleteInstanceProfile", &[profile]).await.ok();
}

/// DeleteBucket: `BucketNotEmpty`, 409, versions and markers included.
#[tokio::test]
async fn only_an_empty_bucket_is_deleted() {
    let cloud = TestCloud::instant("us-east-1").await;
    let s3 =
        async |method: &str, path: &str, body: &str| cloud.rest("s3", method, path, body).await;
    s3("PUT", "/strict-bucket", "").await.ok();
    let on = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Enabled</Status></VersioningConfiguration>";
    s3("PUT", "/strict-bucket?versioning", on).await.ok();
    s3("PUT", "/strict-bucket/key", "x").await.ok();
    s3("DELETE", "/strict-bucket", "")
        .await
        .refused("BucketNotEmpty", 409);
    s3("DELETE", "/strict-bucket/key", "").await.ok();
    s3("DELETE", "/strict-bucket", "")
        .await
        .refused("BucketNotEmpty", 409);
    let versions = s3("GET", "/strict-bucket?versions", "").await.ok();
    for id in versions.text.split("<VersionId>").skip(1) {
        let id = id.split('<').next().unwrap();
        s3("DELETE", &format!("/strict-bucket/key?versionId={id}"), "")
            .await
            .ok();
    }
    s3("DELETE", "/strict-bucket", "").await.ok();
    s3("DELETE", "/strict-bucket", "")
        .await
        .refused("NoSuchBucket", 404);
}

/// CreateHostedZone: `HostedZoneAlreadyExists`, 409; DeleteHostedZone: `HostedZoneNotEmpty`.
#[tokio::test]
async fn a_caller_reference_is_accepted_once() {
    let cloud = TestCloud::instant("us-east-1").await;
    let zone = |reference: &str| {
        format!(
            "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>strict.internal</Name><CallerReference>{reference}</CallerReference></CreateHostedZoneRequest>"
        )
    };
    let path = "/2013-04-01/hostedzone";
    let made = cloud
        .rest("route53", "POST", path, &zone("strict-1"))
        .await
        .ok();
    cloud
        .rest("route53", "POST", path, &zone("strict-1"))
        .await
        .refused("HostedZoneAlreadyExists", 409);
    let within = zone("strict-2").replace(
        "<CallerReference>",
        "<VPC><VPCRegion>us-east-1</VPCRegion><VPCId>vpc-0123456789abcdef0</VPCId></VPC><CallerReference>",
    );
    cloud
        .rest("route53", "POST", path, &within)
        .await
        .refused("InvalidVPCId", 400);
    let id = made.first("Id").replace("/hostedzone/", "");
    let change = "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change><Action>ACTION</Action><ResourceRecordSet><Name>a.strict.internal</Name><Type>A</Type><TTL>1</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>";
    let records = format!("{path}/{id}/rrset/");
    let create = change.replace("ACTION", "CREATE");
    cloud.rest("route53", "POST", &records, &create).await.ok();
    let own = format!("{path}/{id}");
    cloud
        .rest("route53", "DELETE", &own, "")
        .await
        .refused("HostedZoneNotEmpty", 400);
    let delete = change.replace("ACTION", "DELETE");
    cloud.rest("route53", "POST", &records, &delete).await.ok();
    cloud.rest("route53", "DELETE", &own, "").await.ok();
}

/// CreateDBCluster, `DBClusterAlreadyExistsFault`: "The user already has a DB cluster with the
/// given identifier."
#[tokio::test]
async fn a_cluster_is_created_once() {
    let cloud = TestCloud::instant("ap-east-1").await;
    let fields = [
        "DBClusterIdentifier=once",
        "Engine=aurora-postgresql",
        "MasterUsername=admin1",
        "MasterUserPassword=password",
    ];
    cloud.rds("CreateDBCluster", &fields).await.ok();
    let again = cloud.rds("CreateDBCluster", &fields).await;
    again.refused("DBClusterAlreadyExistsFault", 400);
}
