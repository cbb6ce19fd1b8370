//! What somebody opened by hand shows as drift, and is closed again.

use loadrig::blueprint::{Address, Desired};
use loadrig::engine::Cloud as _;
use loadrig::plan::{Action, plan};

use super::{StepwiseRig, sdk_config};
use crate::common::Moto;

#[tokio::test]
async fn up_reverts_manual_security_changes() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let mut rig = StepwiseRig::new(&cloud, "demo");
    rig.create_all(|desired| {
        !matches!(
            desired,
            Desired::Search { .. } | Desired::CacheSubnets { .. } | Desired::Cache { .. }
        )
    })
    .await;
    let snapshot = rig.snapshot().await;
    let find = |address: &str| {
        let address = Address::parse(address);
        let found = snapshot
            .get(&address)
            .unwrap_or_else(|| panic!("{address}"));
        found.id.clone()
    };
    let (role, app, writer) = (
        find("role"),
        find("instance/app-1"),
        find("database/writer"),
    );
    let foreign = find("security-group/database");

    let config = sdk_config(&moto).await;
    let iam = aws_sdk_iam::Client::new(&config);
    let everything =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let anybody = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}"#;
    let put = iam.put_role_policy().role_name(&role).policy_name("admin");
    put.policy_document(everything).send().await.unwrap();
    let trust = iam.update_assume_role_policy().role_name(&role);
    trust.policy_document(anybody).send().await.unwrap();
    let ec2 = aws_sdk_ec2::Client::new(&config);
    let groups = ec2.modify_instance_attribute().instance_id(&app);
    let own = find("security-group/app");
    groups.groups(&own).groups(&foreign).send().await.unwrap();
    let options = ec2.modify_instance_metadata_options().instance_id(&app);
    let optional = aws_sdk_ec2::types::HttpTokensState::Optional;
    options.http_tokens(optional).send().await.unwrap();
    let rds = aws_sdk_rds::Client::new(&config);
    let database = rds.modify_db_instance().db_instance_identifier(&writer);
    database.publicly_accessible(true).send().await.unwrap();
    let reader = rds
        .modify_db_instance()
        .db_instance_identifier(find("database/reader-1"));
    reader.vpc_security_group_ids(&own).send().await.unwrap();

    let opened = rig.snapshot().await;
    let changes: Vec<_> = plan(&rig.blueprint, &opened)
        .changes
        .into_iter()
        .filter(|change| change.action == Action::Update)
        .collect();
    let shown: Vec<String> = changes
        .iter()
        .flat_map(|change| {
            let lines = change.differences.iter();
            lines.map(|one| {
                format!(
                    "{} {}: {} → {}",
                    change.address, one.attribute, one.old, one.new
                )
            })
        })
        .collect();
    assert_eq!(
        shown,
        [
            "role other_policies: admin → none",
            "role trust: changed → ec2",
            "database/writer public_access: true → false",
            "database/reader-1 groups: security-group/app → security-group/database",
            "instance/app-1 groups: security-group/app security-group/database → security-group/app",
            "instance/app-1 metadata_tokens: optional → required",
        ]
    );
    for change in &changes {
        let desired = rig
            .blueprint
            .resources()
            .find(|(address, _)| **address == change.address);
        let (address, desired) = desired.unwrap();
        let existing = change.existing.as_ref().unwrap();
        let updated = cloud.update(rig.request(address, desired), existing).await;
        updated.unwrap_or_else(|error| panic!("{address}: {error}"));
    }
    let closed = plan(&rig.blueprint, &rig.snapshot().await);
    assert_eq!(
        closed.count(Action::Update),
        0,
        "{:?}",
        closed.work().collect::<Vec<_>>()
    );
}
