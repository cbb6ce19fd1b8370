//! What AWS does and an emulator alone does not, met by loadrig's own adapter.

use loadrig::blueprint::{Address, Desired, Kind, blueprint, kinds};
use loadrig::engine::{Cloud as _, FailureClass, State};
use loadrig::spec::Library;
use strict_cloud::Timing;

use super::cloud::TestCloud;
use super::rig::AdapterRig;

/// AWS stops listing a terminated instance after about an hour and remembers its client token
/// for longer: <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>.
#[tokio::test]
async fn a_host_is_created_although_its_terminated_predecessor_is_unknown() {
    let cloud = TestCloud::instant("eu-south-1").await;
    let text = "architecture: 1k\naccess:\n  operators: [198.51.100.7/32]\n";
    let library = Library::new(Some("no-such-directory".into()));
    let spec = library.load_text("again", text);
    let spec = spec.unwrap_or_else(|errors| panic!("{errors}"));
    let blueprint = blueprint(&spec, &["198.51.100.7/32".parse().unwrap()]);
    let mut rig = AdapterRig::new(&cloud, "again").await;
    let needed = [
        Kind::Vpc,
        Kind::InternetGateway,
        Kind::Subnet,
        Kind::SecurityGroup,
        Kind::KeyPair,
        Kind::Bucket,
        Kind::Role,
        Kind::InstanceProfile,
    ];
    for (address, desired) in blueprint.resources() {
        if needed.contains(&desired.kind()) {
            let made = rig.ask(address, desired, None).await;
            let made = made.unwrap_or_else(|error| panic!("{address}: {error}"));
            rig.inventory.insert(made);
        }
    }
    let (address, desired) = blueprint
        .resources()
        .find(|(_, desired)| desired.kind() == Kind::Instance)
        .unwrap();
    let first = rig.ask(address, desired, None).await.unwrap();
    rig.aws.delete("again", &first).await.unwrap();
    let second = rig.ask(address, desired, None).await.unwrap();
    assert_ne!(first.id, second.id);
    let living = rig.aws.list("again", Kind::Instance).await.unwrap();
    let living: Vec<_> = living
        .iter()
        .filter(|one| !matches!(one.state, State::Gone | State::Deleting))
        .collect();
    assert_eq!(living.len(), 1, "{living:?}");
}

/// A domain's name is taken until it is gone, which takes a quarter of an hour.
#[tokio::test]
async fn a_domain_being_deleted_is_not_adopted() {
    let cloud = TestCloud::with("me-south-1", |options| {
        options.timing = Timing::Aws;
        options.scale = 1000.0;
    })
    .await;
    let network = cloud.network("10.41").await;
    let group = cloud.group(&network.vpc, "search").await;
    cloud.pass(3);
    cloud.search_role().await;
    let of_search = Address::parse("security-group/search");
    let mut rig = AdapterRig::new(&cloud, "going").await;
    let subnets = rig.know_network(&network, (&of_search, &group));
    let desired = Desired::Search(kinds::SearchDomain {
        version: "OpenSearch_2.19".to_owned(),
        nodes: 2,
        instance_type: "t3.small.search".to_owned(),
        storage_gib: 10,
        volume: None,
        masters: None,
        role: Address::search_role(),
        subnets,
        group: of_search,
    });
    // Groups and subnets are known after a while; the engine asks again.
    let create = async || {
        for _ in 0..5 {
            match rig.ask(&Address::search(), &desired, None).await {
                Err(error) if error.class == FailureClass::Converging => cloud.pass(15),
                other => return other,
            }
        }
        panic!("never made");
    };
    let first = create().await.unwrap();
    assert_eq!(first.state, State::Pending);
    cloud.pass(1021);
    // It shows that it is ready before it takes a change.
    let early = rig.ask(&Address::search(), &desired, Some(&first)).await;
    let early = early.unwrap_err();
    assert_eq!(early.class, FailureClass::Converging, "{early}");
    assert!(early.message.contains("in progress"), "{early}");
    cloud.pass(61);
    // Somebody opens it to everybody: the policy alone is put right, where it is.
    let open = serde_json::json!({"Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "es:ESHttp*", "Resource": "*",
    }]});
    let body = serde_json::json!({"AccessPolicies": open.to_string()}).to_string();
    let path = format!("/2021-01-01/opensearch/domain/{}/config", first.id);
    cloud.rest("es", "POST", &path, &body).await.ok();
    let access = async || {
        // As long as a change of the nodes would not take.
        cloud.pass(120);
        let listed = rig.aws.list("going", Kind::Search).await.unwrap();
        let [domain] = listed.as_slice() else {
            panic!("{listed:?}")
        };
        assert_eq!(domain.state, State::Ready, "{domain:?}");
        domain.clone()
    };
    let opened = access().await;
    assert_eq!(opened.text("access"), Some("changed"));
    rig.ask(&Address::search(), &desired, Some(&opened))
        .await
        .unwrap();
    assert_eq!(access().await.text("access"), Some("role/search-proxy"));
    rig.aws.delete("going", &first).await.unwrap();
    let taken = rig.ask(&Address::search(), &desired, None).await.unwrap();
    assert_eq!(taken.state, State::Deleting, "the engine waits for that");
    cloud.pass(721);
    // Its name is remembered for a while.
    let early = rig
        .ask(&Address::search(), &desired, None)
        .await
        .unwrap_err();
    assert_eq!(early.class, FailureClass::Converging, "{early}");
    assert!(early.message.contains("still being deleted"), "{early}");
    assert_eq!(create().await.unwrap().state, State::Pending);
}
