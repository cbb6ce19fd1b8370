//! The data services against an emulator of the API: what keeps data, and what changes in
//! place. Driven by the engine itself, over real HTTP on loopback.

use std::collections::BTreeMap;
use std::sync::Arc;

use loadrig::aws::Aws;
use loadrig::blueprint::{Address, blueprint};
use loadrig::engine::{
    Cloud as _, Engine, HostRequest, Hosts, Kept, Poller, Snapshot, TaskError, Urgency,
};
use loadrig::events::{Events, Outcome};
use loadrig::plan::{Action, Plan, Removal, plan, plan_down_as};
use loadrig::spec::{Library, Spec};

use crate::common::Moto;

/// A small rig without search and cache, which these tests are not about.
const SMALL: &str = "architecture: 1k
access: {operators: [198.51.100.7/32]}
sizes:
  nodes:
    app: {count: 1}
    proxy: {count: 1}
    search-proxy: {count: 0}
    metrics: {count: 0}
    agent: {count: 0}
  search: {nodes: 0}
  database: {readers: 1, storage_gib: 400}
";

fn spec(more: &str) -> Spec {
    read(&format!("{SMALL}{more}"))
}

fn read(yaml: &str) -> Spec {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("demo.yaml");
    std::fs::write(&path, yaml).expect("a file");
    let spec = Library::new(None).load(path.to_str().expect("a path"));
    spec.unwrap_or_else(|errors| panic!("{errors}"))
}

struct UntouchedHosts;

impl Hosts for UntouchedHosts {
    async fn apply(&self, _request: HostRequest) -> Result<Outcome, TaskError> {
        Ok(Outcome::Unchanged)
    }
}

struct DataRig {
    cloud: Arc<Aws>,
}

impl DataRig {
    async fn new(moto: &Moto) -> Self {
        Self {
            cloud: Arc::new(moto.cloud().await),
        }
    }

    fn engine(&self) -> Arc<Engine<Aws, UntouchedHosts>> {
        Arc::new(Engine {
            cloud: Arc::clone(&self.cloud),
            poller: Poller::new(Arc::clone(&self.cloud), "demo"),
            hosts: Arc::new(UntouchedHosts),
            environment: "demo".to_owned(),
            tags: BTreeMap::new(),
            operator_key: None,
            permit: loadrig::engine::Permit::default(),
            events: Events::default(),
        })
    }

    async fn snapshot(&self) -> Snapshot {
        self.cloud.snapshot("demo").await.expect("a snapshot")
    }

    async fn plan(&self, spec: &Spec) -> Plan {
        let blueprint = blueprint(spec, &spec.access.operators);
        plan(&blueprint, &self.snapshot().await)
    }

    /// Carries a plan out and answers what it was, without what is kept.
    async fn up(&self, spec: &Spec) -> Vec<(String, Action)> {
        let blueprint = blueprint(spec, &spec.access.operators);
        let plan = self.plan(spec).await;
        let work: Vec<_> = plan
            .work()
            .map(|change| (change.address.to_string(), change.action))
            .collect();
        let (_keep, stop) = tokio::sync::watch::channel(Urgency::None);
        let (report, _world) = self.engine().up(&blueprint, &plan, stop).await;
        assert!(report.is_complete(), "{report:?}");
        work
    }

    async fn down(&self, how: Removal) {
        let plan = plan_down_as(&self.snapshot().await, how);
        let (_keep, stop) = tokio::sync::watch::channel(Urgency::None);
        let report = self.engine().down(&plan, stop).await;
        assert!(report.is_complete(), "{report:?}");
    }

    /// What is left by mistake, and on purpose.
    async fn left(&self) -> (Vec<String>, Vec<Kept>) {
        let looked = self.cloud.find_leftovers("demo").await.expect("a proof");
        let left = looked.iter().flat_map(|look| look.left.clone()).collect();
        let kept = looked.into_iter().flat_map(|look| look.kept).collect();
        (left, kept)
    }
}

const LIFT: Removal = Removal {
    lift_protection: true,
    discard_data: false,
};

fn update(address: &str) -> (String, Action) {
    (address.to_owned(), Action::Update)
}

#[tokio::test]
async fn a_gold_standard_is_protected_and_leaves_its_data_behind() {
    let moto = Moto::start();
    let rig = DataRig::new(&moto).await;
    let gold = spec(
        "purpose: gold-standard\ntls: {host_name: chat.example.com, issuer: private}\ndatabase: {multi_az: true}\n",
    );
    rig.up(&gold).await;
    assert_eq!(rig.up(&gold).await, []);
    let writer = Address::parse("database/writer");
    let first = rig.snapshot().await;
    let first = first.get(&writer).expect("a writer");
    assert!(first.says("deletion_protection", true));
    assert!(first.says("multi_az", true));
    assert!(first.says("backup_days", 7_u32));

    let refused = plan_down_as(&rig.snapshot().await, Removal::default());
    let refused: Vec<&str> = refused
        .changes
        .iter()
        .filter(|change| change.action == Action::Refuse)
        .map(|change| change.address.as_str())
        .collect();
    assert_eq!(refused.len(), 4, "{refused:?}");
    // Nor does AWS do it for somebody who did not see the protection. (The emulator heeds it
    // on databases, not on instances.)
    let mut blind = first.clone();
    blind.attributes.remove("deletion_protection");
    assert!(rig.cloud.delete("demo", &blind).await.is_err());

    rig.down(LIFT).await;
    let (left, kept) = rig.left().await;
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept.iter().any(|one| one.id.starts_with("lr-demo-files-")));
    let last = kept.iter().find(|one| one.id.starts_with("lr-demo-final-"));
    let last = last.expect("a final snapshot");
    assert_eq!(last.cost, "400 GiB, at most $38.00 a month");

    // To remove it again makes no second snapshot; to make and remove it anew does.
    rig.cloud.delete("demo", first).await.expect("is gone");
    assert_eq!(rig.left().await.1, kept);
    rig.up(&gold).await;
    rig.down(LIFT).await;
    let (left, again) = rig.left().await;
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(again.len(), 3, "{again:?}");

    rig.up(&gold).await;
    rig.down(Removal {
        lift_protection: true,
        discard_data: true,
    })
    .await;
    let (left, rest) = rig.left().await;
    assert_eq!(left, Vec::<String>::new());
    // Only what was kept before, and no files any more.
    assert_eq!(rest.len(), 2, "{rest:?}");
}

#[tokio::test]
async fn protection_changes_in_place() {
    let moto = Moto::start();
    let rig = DataRig::new(&moto).await;
    let tls = "tls: {host_name: chat.example.com, issuer: private}\n";
    let plain = spec(tls);
    rig.up(&plain).await;
    assert_eq!(rig.up(&plain).await, []);
    let gold = spec(&format!(
        "purpose: gold-standard\n{tls}database: {{storage: {{iops: 16000}}}}\n"
    ));
    // The emulator does not tell the IOPS of a reader.
    let changed = [
        update("bucket/files"),
        update("database/writer"),
        update("instance/proxy-1"),
        update("instance/app-1"),
    ];
    assert_eq!(rig.up(&gold).await, changed);
    assert_eq!(rig.up(&gold).await, []);
    rig.up(&plain).await;
    assert_eq!(rig.up(&plain).await, []);
    rig.down(Removal::default()).await;
    assert_eq!(rig.left().await, (vec![], vec![]));
}

#[tokio::test]
async fn protected_data_is_not_removed_by_an_up_without_it() {
    let moto = Moto::start();
    let rig = DataRig::new(&moto).await;
    let gold =
        spec("purpose: gold-standard\ntls: {host_name: chat.example.com, issuer: private}\n");
    rig.up(&gold).await;
    // As if the database had been taken out of the YAML.
    let mut without = blueprint(&gold, &gold.access.operators);
    without
        .nodes
        .retain(|node| !node.address.as_str().starts_with("database/"));
    let plan = plan(&without, &rig.snapshot().await);
    let change = |address: &str| {
        let found = plan.changes.iter().find(|c| c.address.as_str() == address);
        found.map(|change| change.action)
    };
    assert_eq!(change("database/writer"), Some(Action::Refuse));
    assert_eq!(change("database/reader-1"), Some(Action::Delete));
}

const AURORA: &str = "database: {engine: aurora-postgresql}\n";

#[tokio::test]
async fn an_aurora_cluster_is_created_updated_and_removed_with_a_final_snapshot() {
    let moto = Moto::start();
    let rig = DataRig::new(&moto).await;
    rig.up(&spec(AURORA)).await;
    assert_eq!(rig.up(&spec(AURORA)).await, []);
    let snapshot = rig.snapshot().await;
    let cluster = snapshot
        .get(&Address::database_cluster())
        .expect("a cluster");
    for key in ["endpoint", "port", "user", "database", "writer", "created"] {
        assert!(cluster.value(key).is_some(), "no {key}: {cluster:?}");
    }
    assert_eq!(cluster.text("writer"), Some("lr-demo-db-writer"));
    let reader = snapshot.get(&Address::parse("database/reader-1"));
    let reader = reader.expect("a reader");
    assert_eq!(reader.text("cluster"), Some("lr-demo-db"));
    assert!(reader.text("endpoint").is_some());

    let gold = spec(
        "purpose: gold-standard\ntls: {host_name: chat.example.com, issuer: private}\ndatabase: {engine: aurora-postgresql, io_optimized: true}\n",
    );
    let changed = rig.up(&gold).await;
    assert!(changed.contains(&update("database-cluster")), "{changed:?}");
    assert_eq!(rig.up(&gold).await, []);
    assert_eq!(
        plan_down_as(&rig.snapshot().await, Removal::default()).count(Action::Refuse),
        4
    );
    rig.down(LIFT).await;
    let (left, kept) = rig.left().await;
    assert_eq!(left, Vec::<String>::new());
    let last: Vec<&Kept> = kept
        .iter()
        .filter(|one| one.id.starts_with("lr-demo-final-"))
        .collect();
    assert_eq!(last.len(), 1, "{kept:?}");

    forget_automated_snapshots(&moto).await;
    // What was kept is what the next one is made from.
    let again = spec(&format!(
        "database: {{engine: aurora-postgresql, snapshot: {}}}\n",
        last[0].id
    ));
    rig.up(&again).await;
    assert_eq!(rig.up(&again).await, []);
    let snapshot = rig.snapshot().await;
    let cluster = snapshot
        .get(&Address::database_cluster())
        .expect("a cluster");
    assert!(cluster.says("finished", true));
    assert!(cluster.says("deletion_protection", false));
}

/// AWS removes a cluster's automated snapshots with it. The emulator keeps them, and then stumbles
/// over their names.
async fn forget_automated_snapshots(moto: &Moto) {
    let config = aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12())
        .region("us-east-1")
        .endpoint_url(moto.endpoint())
        .credentials_provider(aws_credential_types::Credentials::new(
            "AKIDTEST", "secret", None, None, "test",
        ))
        .load()
        .await;
    let rds = aws_sdk_rds::Client::new(&config);
    let found = rds.describe_db_cluster_snapshots().send().await.unwrap();
    for snapshot in found.db_cluster_snapshots() {
        if snapshot.snapshot_type() == Some("automated") {
            rds.delete_db_cluster_snapshot()
                .set_db_cluster_snapshot_identifier(snapshot.db_cluster_snapshot_identifier.clone())
                .send()
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn a_database_is_restored_from_a_snapshot_and_updated() {
    let moto = Moto::start();
    let rig = DataRig::new(&moto).await;
    let kept = spec("protection: {final_snapshot: true}\n");
    rig.up(&kept).await;
    rig.down(Removal::default()).await;
    let (left, kept) = rig.left().await;
    assert_eq!(left, Vec::<String>::new());
    let last = kept.iter().find(|one| one.id.starts_with("lr-demo-final-"));
    let last = &last.expect("a final snapshot").id;

    let restored = spec(&format!("database: {{snapshot: {last}, backup_days: 3}}\n"));
    rig.up(&restored).await;
    assert_eq!(rig.up(&restored).await, []);
    let snapshot = rig.snapshot().await;
    let writer = snapshot.get(&Address::parse("database/writer"));
    let writer = writer.expect("a writer");
    assert!(writer.says("finished", true));
    assert!(writer.says("backup_days", 3_u32));

    // A run that was cut off between the two calls shows, and the next one finishes it.
    let mut cut_off = snapshot.clone();
    for resource in &mut cut_off.resources {
        if resource.address == writer.address {
            resource.attributes.insert("finished", false);
        }
    }
    let graph = blueprint(&restored, &restored.access.operators);
    let plan = plan(&graph, &cut_off);
    let work: Vec<_> = plan.work().collect();
    assert_eq!(work.len(), 1);
    assert_eq!(work[0].action, Action::Update);
    assert!(
        work[0].reason.starts_with("was created, but"),
        "{}",
        work[0].reason
    );
}

#[tokio::test]
async fn an_existing_database_is_neither_created_nor_removed() {
    let moto = Moto::start();
    let rig = DataRig::new(&moto).await;
    // One that exists has a size of its own.
    let small = SMALL.replace("  database: {readers: 1, storage_gib: 400}\n", "");
    assert_ne!(small, SMALL);
    let own = read(&format!(
        "{small}database: {{existing: {{dsn_env: LOADRIG_TEST_DSN}}}}\n"
    ));
    rig.up(&own).await;
    assert_eq!(rig.up(&own).await, []);
    let snapshot = rig.snapshot().await;
    let databases = snapshot
        .resources
        .iter()
        .filter(|one| one.address.as_str().contains("database"));
    assert_eq!(databases.count(), 0);
    rig.down(Removal::default()).await;
    assert_eq!(rig.left().await, (vec![], vec![]));
}
