//! Service-linked roles: how they are named, that each is there once, and who needs one.

use std::sync::Arc;

use strict_cloud::Emulator;

use super::cloud::TestCloud;
use crate::common::Moto;

/// "Using service-linked roles" of each service; CreateServiceLinkedRole, `InvalidInput`.
/// CreateDomain: "Before you can proceed, you must enable a service-linked role" (people quote it,
/// lgallard/terraform-aws-elasticsearch#59).
#[tokio::test]
async fn a_search_domain_in_a_network_needs_its_role() {
    // An emulator of its own: an account that has no role yet.
    let moto = Moto::start();
    let upstream = Emulator::new(moto.endpoint()).unwrap();
    let cloud = TestCloud::with("eu-west-2", |options| options.upstream = Arc::new(upstream)).await;
    let network = cloud.network("10.20").await;
    let body = serde_json::json!({
        "DomainName": "dom", "EngineVersion": "OpenSearch_2.19",
        "VPCOptions": { "SubnetIds": [network.subnets[0]] },
    })
    .to_string();
    let path = "/2021-01-01/opensearch/domain";
    let refused = cloud.rest("es", "POST", path, &body).await;
    assert!(
        refused.text.contains("service-linked role"),
        "{}",
        refused.text
    );
    refused.refused("ValidationException", 400);
    let create = async |fields: &[&str]| cloud.call("iam", "CreateServiceLinkedRole", fields).await;
    for (service, name) in [
        (
            "opensearchservice",
            "AWSServiceRoleForAmazonOpenSearchService",
        ),
        (
            "elasticloadbalancing",
            "AWSServiceRoleForElasticLoadBalancing",
        ),
        ("elasticache", "AWSServiceRoleForElastiCache"),
        ("rds", "AWSServiceRoleForRDS"),
    ] {
        let service = format!("AWSServiceName={service}.amazonaws.com");
        create(&[&service, "CustomSuffix=one"])
            .await
            .refused("InvalidInput", 400);
        assert_eq!(create(&[&service]).await.ok().first("RoleName"), name);
        let again = create(&[&service]).await;
        assert!(again.text.contains(name), "{}", again.text);
        again.refused("InvalidInput", 400);
        let role = format!("RoleName={name}");
        let trust = r#"PolicyDocument={"Version":"2012-10-17","Statement":[]}"#;
        for (action, fields) in [
            ("DeleteRole", vec![role.as_str()]),
            ("UpdateAssumeRolePolicy", vec![&role, trust]),
        ] {
            let changed = cloud.call("iam", action, &fields).await;
            changed.refused("UnmodifiableEntity", 400);
        }
    }
    cloud.rest("es", "POST", path, &body).await.ok();
}
