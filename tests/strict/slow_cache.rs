//! A cache through the adapter, on a cloud that is as slow as AWS.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use loadrig::aws::{Aws, Connection};
use loadrig::blueprint::{Address, Desired, Kind};
use loadrig::engine::{
    Cloud as _, CloudError, FailureClass, Observed, Request, SecretInputs, State,
};
use loadrig::localcloud::strict::{Moment, Profile, Verdict};
use loadrig::spec::CacheEngine;

use crate::cloud::Cloud;

fn at(address: Address, kind: Kind, id: &str) -> Observed {
    Observed {
        address,
        kind,
        id: id.to_owned(),
        state: State::Ready,
        status: "available".to_owned(),
        attributes: BTreeMap::new(),
    }
}

struct Rig {
    aws: Aws,
    world: BTreeMap<Address, Observed>,
}

impl Rig {
    async fn new(cloud: &Cloud, known: impl IntoIterator<Item = Observed>) -> Self {
        let aws = Aws::connect(Connection {
            paced: false,
            region: cloud.region.to_owned(),
            profile: None,
            endpoint_url: Some(cloud.endpoint.clone()),
            credentials: Some(("AKIDTEST".to_owned(), "secret".to_owned().into())),
        });
        let known = known.into_iter();
        Self {
            aws: aws.await.unwrap(),
            world: known.map(|one| (one.address.clone(), one)).collect(),
        }
    }

    async fn ask(
        &self,
        address: &Address,
        desired: &Desired,
        existing: Option<&Observed>,
    ) -> Result<Observed, CloudError> {
        let request = Request {
            environment: "slow",
            address,
            desired,
            world: &self.world,
            tags: &BTreeMap::new(),
            predecessors: &[],
            secrets: SecretInputs::default(),
        };
        match existing {
            Some(existing) => self.aws.update(request, existing).await,
            None => self.aws.create(request).await,
        }
    }

    async fn cache(&self) -> Option<Observed> {
        let snapshot = self.aws.snapshot("slow").await.unwrap();
        snapshot.get(&Address::cache()).cloned()
    }
}

/// Its tags are not told on the way: it is waited for by its name, and nothing is done to it.
#[tokio::test]
async fn a_cache_on_its_way_is_seen_and_left_alone() {
    // What last snapshots were asked for.
    let asked: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let cloud = Cloud::with("eu-south-2", |options| {
        options.profile = Profile::Aws;
        options.scale = 1000.0;
        let asked = Arc::clone(&asked);
        options.observer = Some(Arc::new(move |moment, call| {
            if moment == Moment::Before && call.action == "DeleteReplicationGroup" {
                let last = call.get("FinalSnapshotIdentifier").map(str::to_owned);
                asked.lock().unwrap().push(last);
            }
            Verdict::Go
        }));
    })
    .await;
    let network = cloud.network("10.40").await;
    let group = cloud.group(&network.vpc, "cache").await;
    cloud.pass(3);
    let subnets: Vec<Address> = ["subnet/private-a", "subnet/private-b"]
        .map(Address::parse)
        .to_vec();
    let of_cache = Address::parse("security-group/cache");
    let known = [
        at(subnets[0].clone(), Kind::Subnet, &network.subnets[0]),
        at(subnets[1].clone(), Kind::Subnet, &network.subnets[1]),
        at(of_cache.clone(), Kind::SecurityGroup, &group),
    ];
    let mut rig = Rig::new(&cloud, known).await;
    let desired = Desired::CacheSubnets {
        subnets: subnets.clone(),
    };
    let made = rig.ask(&Address::cache_subnets(), &desired, None).await;
    rig.world.insert(Address::cache_subnets(), made.unwrap());
    let mut desired = Desired::Cache {
        nodes: 2,
        instance_type: "cache.t4g.micro".to_owned(),
        engine: CacheEngine::Redis,
        final_snapshot: true,
        subnets: Address::cache_subnets(),
        group: of_cache,
    };
    let create = async || rig.ask(&Address::cache(), &desired, None).await;
    assert_eq!(create().await.unwrap().state, State::Pending);
    // Safe to repeat, as after an answer that was lost.
    assert_eq!(create().await.unwrap().state, State::Pending);
    let coming = rig.cache().await.expect("a cache that is created");
    assert_eq!(
        (coming.state, coming.status.as_str()),
        (State::Pending, "creating")
    );
    assert_eq!(coming.get("final_snapshot"), None);
    let early = rig.aws.delete("slow", &coming).await.unwrap_err();
    assert_eq!(early.class, FailureClass::Converging, "{early}");
    let early = rig.ask(&Address::cache(), &desired, Some(&coming)).await;
    assert_eq!(early.unwrap_err().class, FailureClass::Converging);

    cloud.pass(481);
    let ready = rig.cache().await.expect("a cache");
    assert_eq!(ready.state, State::Ready, "{ready:?}");
    assert_eq!(ready.get("final_snapshot"), Some("true"));
    if let Desired::Cache { instance_type, .. } = &mut desired {
        "cache.t4g.small".clone_into(instance_type);
    }
    let changing = rig.ask(&Address::cache(), &desired, Some(&ready)).await;
    assert_eq!(changing.unwrap().status, "modifying");
    assert_eq!(rig.cache().await.unwrap().state, State::Pending);
    let listed = rig.aws.list("slow", Kind::Cache).await.unwrap();
    assert_eq!(listed[0].status, "modifying");

    cloud.pass(481);
    // Whoever saw nothing of its protection reads it before it goes.
    rig.aws.delete("slow", &coming).await.unwrap();
    assert_eq!(rig.cache().await.unwrap().state, State::Deleting);
    // Safe to repeat.
    rig.aws.delete("slow", &coming).await.unwrap();
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let last = asked[0].as_deref().expect("a last snapshot");
    assert!(last.starts_with("lr-slow-final-"), "{last}");
    cloud.pass(301);
    assert_eq!(rig.cache().await, None);
}
