//! A cache through the adapter, on a cloud that is as slow as AWS.

use std::sync::{Arc, Mutex};

use loadrig::blueprint::{Address, Desired, Kind, kinds};
use loadrig::engine::{Cloud as _, FailureClass, Observed, State};
use loadrig::spec::CacheEngine;
use strict_cloud::{Intervention, Moment, Timing};

use super::cloud::TestCloud;
use super::rig::AdapterRig;

async fn cache(rig: &AdapterRig) -> Option<Observed> {
    let snapshot = rig.aws.snapshot(rig.environment).await.unwrap();
    snapshot.get(&Address::cache()).cloned()
}

/// Its tags are not told on the way: it is waited for by its name, and nothing is done to it.
#[tokio::test]
async fn a_cache_being_created_is_seen_and_not_changed() {
    // What last snapshots were asked for.
    let asked: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let cloud = TestCloud::with("eu-south-2", |options| {
        options.timing = Timing::Aws;
        options.scale = 1000.0;
        let asked = Arc::clone(&asked);
        options.observer = Some(Arc::new(move |moment, call| {
            if moment == Moment::Before && call.action == "DeleteReplicationGroup" {
                let last = call.get("FinalSnapshotIdentifier").map(str::to_owned);
                asked.lock().unwrap().push(last);
            }
            Intervention::Proceed
        }));
    })
    .await;
    let network = cloud.network("10.40").await;
    let group = cloud.group(&network.vpc, "cache").await;
    cloud.know_caches().await;
    let of_cache = Address::parse("security-group/cache");
    let mut rig = AdapterRig::new(&cloud, "slow").await;
    let subnets = rig.know_network(&network, (&of_cache, &group));
    let desired = Desired::CacheSubnets(kinds::CacheSubnets {
        subnets: subnets.clone(),
    });
    let made = rig.ask(&Address::cache_subnets(), &desired, None).await;
    rig.inventory.insert(made.unwrap());
    let mut desired = Desired::Cache(kinds::CacheGroup {
        nodes: 2,
        instance_type: "cache.t4g.micro".to_owned(),
        engine: CacheEngine::Redis,
        final_snapshot: true,
        subnets: Address::cache_subnets(),
        group: of_cache,
    });
    let create = async || rig.ask(&Address::cache(), &desired, None).await;
    assert_eq!(create().await.unwrap().state, State::Pending);
    // Safe to repeat, as after an answer that was lost.
    assert_eq!(create().await.unwrap().state, State::Pending);
    let coming = cache(&rig).await.expect("a cache that is created");
    assert_eq!(
        (coming.state, coming.status.as_str()),
        (State::Pending, "creating")
    );
    assert_eq!(coming.value("final_snapshot"), None);
    let early = rig.aws.delete("slow", &coming).await.unwrap_err();
    assert_eq!(early.class, FailureClass::Converging, "{early}");
    let early = rig.ask(&Address::cache(), &desired, Some(&coming)).await;
    assert_eq!(early.unwrap_err().class, FailureClass::Converging);

    cloud.pass(481);
    let ready = cache(&rig).await.expect("a cache");
    assert_eq!(ready.state, State::Ready, "{ready:?}");
    assert!(ready.says("final_snapshot", true));
    if let Desired::Cache(kinds::CacheGroup { instance_type, .. }) = &mut desired {
        "cache.t4g.small".clone_into(instance_type);
    }
    let changing = rig.ask(&Address::cache(), &desired, Some(&ready)).await;
    assert_eq!(changing.unwrap().status, "modifying");
    assert_eq!(cache(&rig).await.unwrap().state, State::Pending);
    let listed = rig.aws.list("slow", Kind::Cache).await.unwrap();
    assert_eq!(listed[0].status, "modifying");

    cloud.pass(481);
    // Whoever saw nothing of its protection reads it before it goes.
    rig.aws.delete("slow", &coming).await.unwrap();
    assert_eq!(cache(&rig).await.unwrap().state, State::Deleting);
    // Safe to repeat.
    rig.aws.delete("slow", &coming).await.unwrap();
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let last = asked[0].as_deref().expect("a last snapshot");
    assert!(last.starts_with("lr-slow-final-"), "{last}");
    cloud.pass(301);
    assert_eq!(cache(&rig).await, None);
    // The snapshot outlives the cache.
    let proof = rig.aws.find_leftovers("slow").await.unwrap();
    let kept: Vec<&str> = proof
        .iter()
        .flat_map(|look| look.kept.iter().map(|kept| kept.id.as_str()))
        .collect();
    assert_eq!(kept, [last]);
}
