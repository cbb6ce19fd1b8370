//! Every kind of network, from plan to nothing, by the real engine against an emulator of AWS.
//!
//! Hosts are not set up here: what is shown is that each kind is made, found again without
//! a difference, mended where somebody changed it, and removed without a trace.

mod common;

use std::sync::Arc;

use common::Moto;
use loadrig::aws::Aws;
use loadrig::blueprint::{Address, blueprint};
use loadrig::engine::{Cloud, Engine, HostRequest, Hosts, Poller, TaskError, Urgency};
use loadrig::events::{Events, Outcome};
use loadrig::plan::{Action, Observed, Plan, Snapshot, plan, plan_down};
use loadrig::spec::{Library, Spec};
use tokio::sync::watch;

/// A rig without what the emulator cannot remove, and without what the network has no part in.
const SIZES: &str = "
architecture: 1k
sizes:
  cache: { nodes: 0 }
  search: { nodes: 0 }
  database: { readers: 0 }
  nodes: { search-proxy: { count: 0 } }
";

struct Nobody;

impl Hosts for Nobody {
    async fn apply(&self, _request: HostRequest) -> Result<Outcome, TaskError> {
        Ok(Outcome::Unchanged)
    }
}

struct Rig {
    cloud: Arc<Aws>,
    spec: Spec,
}

impl Rig {
    async fn new(moto: &Moto, settings: &str) -> Self {
        Self {
            cloud: Arc::new(moto.cloud().await),
            spec: spec(settings),
        }
    }

    async fn snapshot(&self) -> Snapshot {
        self.cloud.snapshot(&self.spec.name).await.unwrap()
    }

    async fn plan(&self) -> Plan {
        let operators = ["198.51.100.7/32".parse().unwrap()];
        plan(&blueprint(&self.spec, &operators), &self.snapshot().await)
    }

    fn engine(&self) -> Arc<Engine<Aws, Nobody>> {
        Arc::new(Engine {
            cloud: Arc::clone(&self.cloud),
            poller: Poller::new(Arc::clone(&self.cloud), &self.spec.name),
            hosts: Arc::new(Nobody),
            environment: self.spec.name.clone(),
            tags: [("team".to_owned(), "load".to_owned())].into(),
            operator_key: None,
            permit: loadrig::engine::Permit::default(),
            events: Events::default(),
        })
    }

    /// Brings the rig to its spec; afterwards there is nothing left to do.
    async fn up(&self) {
        let operators = ["198.51.100.7/32".parse().unwrap()];
        let blueprint = blueprint(&self.spec, &operators);
        let plan = self.plan().await;
        let (_hold, stop) = watch::channel(Urgency::None);
        let (report, _) = self.engine().up(&blueprint, &plan, stop).await;
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        assert_eq!(self.work().await, Vec::<String>::new());
    }

    /// What a plan would do, a line each.
    async fn work(&self) -> Vec<String> {
        let plan = self.plan().await;
        let line = |change: &loadrig::plan::Change| {
            format!("{:?} {}: {}", change.action, change.address, change.reason)
        };
        plan.work().map(line).collect()
    }

    async fn down(&self) {
        let plan = plan_down(&self.snapshot().await);
        let (_hold, stop) = watch::channel(Urgency::None);
        let report = self.engine().down(&plan, stop).await;
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        let left: Vec<String> = self
            .cloud
            .prove_empty(&self.spec.name)
            .await
            .unwrap()
            .into_iter()
            .filter(|place| !place.left.is_empty())
            .map(|place| format!("{}: {:?}", place.at, place.left))
            .collect();
        assert_eq!(left, Vec::<String>::new());
    }

    async fn get(&self, address: &str) -> Observed {
        let snapshot = self.snapshot().await;
        snapshot
            .get(&Address::parse(address))
            .unwrap_or_else(|| panic!("there is no {address}"))
            .clone()
    }
}

fn spec(settings: &str) -> Spec {
    Library::new(Some("no-such-directory".into()))
        .load_text("rig", &format!("{SIZES}{settings}"))
        .unwrap_or_else(|errors| panic!("{errors}"))
}

async fn sdk_config(moto: &Moto) -> aws_config::SdkConfig {
    aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12())
        .region("us-east-1")
        .endpoint_url(moto.endpoint())
        .credentials_provider(aws_credential_types::Credentials::new(
            "AKIDTEST", "secret", None, None, "test",
        ))
        .load()
        .await
}

async fn ec2(moto: &Moto) -> aws_sdk_ec2::Client {
    aws_sdk_ec2::Client::new(&sdk_config(moto).await)
}

#[tokio::test]
async fn hosts_behind_nat_and_a_bastion_come_and_go() {
    let moto = Moto::start();
    let mut rig = Rig::new(&moto, "network: { layout: bastion, nat: per-zone }").await;
    rig.up().await;

    let gateway = rig.get("nat-gateway/b").await;
    let address = rig.get("elastic-address/nat-b").await;
    assert_eq!(gateway.get("public_ip"), address.get("public_ip"));
    let table = rig.get("route-table/private-b").await;
    assert_eq!(table.get("default_route"), Some("nat-gateway/b"));
    assert_eq!(table.get("subnets"), Some("subnet/private-b"));
    assert_eq!(rig.get("instance/app-1").await.get("public_ip"), None);
    for host in ["bastion-1", "proxy-1"] {
        let host = rig.get(&format!("instance/{host}")).await;
        assert!(host.get("public_ip").is_some(), "{host:?}");
    }

    // Somebody sends a zone's packets elsewhere.
    let internet = rig.get("internet-gateway").await.id;
    ec2(&moto)
        .await
        .replace_route()
        .route_table_id(&table.id)
        .destination_cidr_block("0.0.0.0/0")
        .gateway_id(&internet)
        .send()
        .await
        .unwrap();
    assert_eq!(
        rig.work().await,
        ["Update route-table/private-b: default_route differ"]
    );
    rig.up().await;

    // One gateway instead of two: the second zone's route changes, then the rest goes.
    rig.spec = spec("network: { layout: bastion, nat: single }");
    let plan = rig.plan().await;
    assert_eq!(plan.count(Action::Update), 1);
    assert_eq!(plan.count(Action::Delete), 2);
    rig.up().await;
    let table = rig.get("route-table/private-b").await;
    assert_eq!(table.get("default_route"), Some("nat-gateway/a"));

    rig.down().await;
}
