//! The AWS adapter against an emulator of the API, over real HTTP on loopback.

mod files;
mod late;
mod opened;
mod proof;
#[cfg(target_os = "linux")]
mod region;
mod seed;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ipnet::Ipv4Net;
use loadrig::aws::{Aws, Connection};
use loadrig::blueprint::kinds::PENDING_RESTART;
use loadrig::blueprint::{
    Address, Blueprint, Desired, Group, Peer, Protocol, Rule, blueprint, kinds,
};
use loadrig::engine::{
    Cloud, CloudError, FailureClass, Inventory, Observed, Request, SecretInputs, Snapshot, State,
};
use loadrig::identity::names::Names;
use loadrig::spec::{
    Access, AddressKind, Cache, CloudTarget, Database, Mattermost, Network, NodeGroup, Protection,
    Purpose, Release, Role, Search, ServerConfig, ServerConnections, Services, Source, SourceKind,
    Spec, SshKey,
};

use crate::common::Moto;
use crate::common::emulator::note_created;

const PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUSNw2vJ1ZBVL1hGVmTXWWm2KCEFMwvV3b9nYZp0Vb1 test";

fn spec(name: &str) -> Spec {
    let group = |count| NodeGroup {
        count,
        instance_type: "t3.small".to_owned(),
        disk_gib: 20,
        fallback_instance_types: vec![],
    };
    Spec {
        name: name.to_owned(),
        cloud: CloudTarget::Local,
        region: "us-east-1".to_owned(),
        architecture: "1k".to_owned(),
        concurrent_users: 100,
        source: Source {
            kind: SourceKind::Derived,
            url: String::new(),
            note: String::new(),
        },
        app_nodes_of_size: 1,
        nodes: [(Role::App, group(2)), (Role::Proxy, group(1))].into(),
        database: Database {
            version: "15".to_owned(),
            instance_type: "db.t4g.medium".to_owned(),
            readers: 1,
            storage_gib: 20,
        },
        search: Search {
            version: "OpenSearch_2.19".to_owned(),
            nodes: 2,
            instance_type: "t3.small.search".to_owned(),
            storage_gib: 10,
        },
        cache: Cache {
            // The emulator cannot remove a cache's subnet group.
            nodes: 0,
            instance_type: "cache.t4g.micro".to_owned(),
        },
        purpose: Purpose::Rig,
        protection: Protection::default(),
        services: Services::default(),
        mattermost: Mattermost {
            release: Release::Standin,
            sha256: None,
            license: loadrig::spec::LicenseSource::Standin,
            service_environment: loadrig::spec::ServiceEnvironment::default(),
            without: Vec::new(),
            config: ServerConfig::new(),
            connections: ServerConnections::default(),
            plugins: Vec::new(),
            hash_time: None,
        },
        network: Network::public("10.42.0.0/16".parse().unwrap(), 2),
        load_balancer: loadrig::spec::LoadBalancer::default(),
        tls: None,
        login_gate: loadrig::spec::GateSetting::default(),
        access: Access {
            address: AddressKind::Private,
            operators: vec![],
            key: SshKey::Generated,
            seed_key: None,
        },
        extras: BTreeMap::new(),
        authorities: Vec::new(),
        time_to_live: None,
        tags: BTreeMap::new(),
    }
}

/// One environment on one cloud, built the way the engine does it, one by one.
struct StepwiseRig<'a> {
    cloud: &'a Aws,
    environment: String,
    blueprint: Blueprint,
    tags: BTreeMap<String, String>,
    inventory: Inventory,
}

impl<'a> StepwiseRig<'a> {
    fn new(cloud: &'a Aws, environment: &str) -> Self {
        let operators: Vec<Ipv4Net> = vec!["198.51.100.7/32".parse().unwrap()];
        Self {
            cloud,
            environment: environment.to_owned(),
            blueprint: blueprint(&spec(environment), &operators),
            tags: [("team".to_owned(), "load".to_owned())].into(),
            inventory: Inventory::new(),
        }
    }

    fn request<'b>(&'b self, address: &'b Address, desired: &'b Desired) -> Request<'b> {
        Request {
            environment: &self.environment,
            address,
            desired,
            inventory: &self.inventory,
            tags: &self.tags,
            predecessors: &[],
            secrets: SecretInputs {
                user_data: Some("#cloud-config\n".to_owned().into()),
                password: Some("correct-horse-battery".to_owned().into()),
                public_key: Some(PUBLIC_KEY.to_owned()),
                seed: Some("c2VlZA==".to_owned().into()),
            },
        }
    }

    async fn create(&self, address: &Address, desired: &Desired) -> Result<Observed, CloudError> {
        self.cloud.create(self.request(address, desired)).await
    }

    /// Creates everything that the filter admits and reads it until it is ready.
    async fn create_all(&mut self, admits: impl Fn(&Desired) -> bool) {
        let resources: Vec<(Address, Desired)> = self
            .blueprint
            .resources()
            .filter(|(_, desired)| admits(desired))
            .map(|(address, desired)| (address.clone(), desired.clone()))
            .collect();
        for (address, desired) in resources {
            let created = self
                .create(&address, &desired)
                .await
                .unwrap_or_else(|error| panic!("{address}: {error}"));
            assert_eq!(created.address, address);
            assert_eq!(created.kind, desired.kind());
            let mut ready = self.ready(created).await;
            // moto takes parameters over at once; AWS and ministack with a restart.
            let waits = |one: &Observed| one.text("parameters") == Some(PENDING_RESTART);
            while ready.says("finished", false) || waits(&ready) {
                let request = self.request(&address, &desired);
                let before = self.inventory.name_references(ready);
                let updated = self.cloud.update(request, &before).await;
                ready = self.ready(updated.expect("its further calls")).await;
            }
            self.inventory.insert(ready);
        }
    }

    async fn ready(&self, created: Observed) -> Observed {
        let ready = self.wait_until_ready(created).await;
        note_created(ready.kind);
        ready
    }

    async fn wait_until_ready(&self, created: Observed) -> Observed {
        if created.state == State::Ready {
            return created;
        }
        // moto is done at once; ministack takes some seconds to restart a database.
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let found = read(self.cloud, &self.environment, &created).await;
            let found = found.unwrap_or_else(|| panic!("{} vanished", created.address));
            if found.state == State::Ready {
                return found;
            }
            assert!(Instant::now() < deadline, "it never gets ready: {found:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn snapshot(&self) -> Snapshot {
        self.cloud.snapshot(&self.environment).await.unwrap()
    }

    /// What differs from the blueprint, as a plan would see it. What the snapshot does not
    /// ask for has to be reported when the kind is read by itself.
    async fn drift(&self, snapshot: &Snapshot) -> Vec<String> {
        let mut drift = Vec::new();
        for (address, desired) in self.blueprint.resources() {
            let Some(found) = snapshot.get(address) else {
                drift.push(format!("{address} is missing"));
                continue;
            };
            for (key, wanted) in desired.attributes() {
                let whole = match found.value(&key) {
                    Some(_) => vec![],
                    None => self
                        .cloud
                        .list(&self.environment, desired.kind())
                        .await
                        .unwrap(),
                };
                let whole = whole.iter().find(|one| &one.address == address);
                match found.value(&key).or(whole.and_then(|one| one.value(&key))) {
                    Some(value) if *value == wanted => {}
                    Some(value) => drift.push(format!("{address} {key}: {value}, not {wanted}")),
                    None => drift.push(format!("{address} {key}: not reported")),
                }
            }
        }
        drift
    }

    async fn delete_all(&self) {
        let snapshot = self.snapshot().await;
        let order: Vec<&Address> = self
            .blueprint
            .resources()
            .map(|(address, _)| address)
            .collect();
        let mut resources: Vec<&Observed> = snapshot
            .resources
            .iter()
            .filter(|found| !found.state.is_leaving())
            .collect();
        resources.sort_by_key(|found| order.iter().position(|address| **address == found.address));
        for found in resources.into_iter().rev() {
            self.cloud
                .delete(&self.environment, found)
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", found.address));
            // Safe to repeat.
            self.cloud.delete(&self.environment, found).await.unwrap();
        }
    }

    async fn left(&self) -> Vec<String> {
        let looked = self.cloud.find_leftovers(&self.environment).await.unwrap();
        assert!(looked.len() > 20, "few places were looked at: {looked:?}");
        looked
            .into_iter()
            .flat_map(|place| {
                let at = place.at;
                place.left.into_iter().map(move |id| format!("{at}: {id}"))
            })
            .collect()
    }
}

/// One resource as it is now; `None` when it is gone.
async fn read(cloud: &Aws, environment: &str, existing: &Observed) -> Option<Observed> {
    let all = cloud.list(environment, existing.kind).await.unwrap();
    all.into_iter().find(|one| {
        one.id == existing.id && one.address == existing.address && one.state != State::Gone
    })
}

fn ids(snapshot: &Snapshot) -> BTreeSet<(Address, String)> {
    snapshot
        .resources
        .iter()
        .filter(|found| !found.state.is_leaving())
        .map(|found| (found.address.clone(), found.id.clone()))
        .collect()
}

#[tokio::test]
async fn an_environment_is_created_found_and_removed_completely() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let mut rig = StepwiseRig::new(&cloud, "demo");
    assert_eq!(rig.left().await, Vec::<String>::new());

    rig.create_all(|_| true).await;
    let snapshot = rig.snapshot().await;
    assert_eq!(rig.drift(&snapshot).await, Vec::<String>::new());
    let known: BTreeSet<_> = rig
        .inventory
        .iter()
        .map(|found| (found.address.clone(), found.id.clone()))
        .collect();
    assert_eq!(ids(&snapshot), known);
    assert_eq!(
        cloud.environments().await.unwrap(),
        ["demo".to_owned()].into()
    );
    let seed = cloud.seed("demo").await.unwrap().unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&seed), "c2VlZA==");

    // Outputs that hosts are configured with.
    for (address, keys) in [
        (
            "instance/app-1",
            vec!["private_ip", "public_ip", "zone", "image", "created"],
        ),
        (
            "database/writer",
            vec!["endpoint", "port", "user", "database"],
        ),
        ("database/reader-1", vec!["endpoint", "port"]),
        ("search", vec!["endpoint", "port"]),
    ] {
        let found = snapshot.get(&Address::parse(address)).unwrap();
        for key in keys {
            assert!(
                found.value(key).is_some(),
                "{address} has no {key}: {found:?}"
            );
        }
    }

    // Another environment sees nothing of it, not even one whose name begins alike.
    assert_eq!(cloud.snapshot("dem").await.unwrap(), Snapshot::default());
    assert_eq!(cloud.snapshot("demo-2").await.unwrap(), Snapshot::default());

    assert!(!rig.left().await.is_empty());
    rig.delete_all().await;
    assert_eq!(rig.left().await, Vec::<String>::new());
    // Terminated instances are still listed, for their ids.
    let after = rig.snapshot().await;
    assert!(
        after
            .resources
            .iter()
            .all(|found| found.status == "terminated"),
        "{after:?}"
    );
    assert_eq!(after.resources.len(), 3);
    for found in &after.resources {
        assert_eq!(read(&cloud, "demo", found).await, None);
    }
}

#[tokio::test]
async fn a_repeated_creation_finds_the_existing_resources() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let mut rig = StepwiseRig::new(&cloud, "demo");
    // Instances are told apart by their client token, which the emulator does not heed.
    let admits = |desired: &Desired| !matches!(desired, Desired::Instance { .. });
    rig.create_all(admits).await;
    let before = ids(&rig.snapshot().await);
    rig.create_all(admits).await;
    assert_eq!(ids(&rig.snapshot().await), before);
}

#[tokio::test]
async fn security_rules_converge_to_the_desired_set() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let mut rig = StepwiseRig::new(&cloud, "demo");
    rig.create_all(|desired| {
        matches!(
            desired,
            Desired::Vpc { .. } | Desired::SecurityGroup { .. } | Desired::SecurityRules { .. }
        )
    })
    .await;
    let group = Group::Hosts(Role::App);
    let address = Address::security_rules(group);
    let existing = rig.inventory.get(&address).unwrap().clone();
    assert!(
        existing
            .set("rules")
            .unwrap()
            .contains("tcp/22 from 198.51.100.7/32")
    );

    let rule = |port, from| Rule {
        protocol: Protocol::Tcp,
        port,
        from,
    };
    let desired = Desired::SecurityRules(kinds::SecurityRules {
        group,
        rules: vec![
            rule(22, Peer::Range("203.0.113.0/24".parse().unwrap())),
            rule(8065, Peer::Group(Group::Hosts(Role::Proxy))),
        ],
    });
    cloud
        .update(rig.request(&address, &desired), &existing)
        .await
        .unwrap();
    let found = read(&cloud, "demo", &existing).await.unwrap();
    assert_eq!(
        found.shown("rules").as_deref(),
        Some("tcp/22 from 203.0.113.0/24\ntcp/8065 from security-group/proxy")
    );
    assert_eq!(found.attributes, desired.attributes());

    cloud.delete("demo", &existing).await.unwrap();
    assert_eq!(read(&cloud, "demo", &existing).await, None);
    let snapshot = rig.snapshot().await;
    assert_eq!(
        snapshot.get(&address).unwrap().shown("rules").as_deref(),
        Some("")
    );
}

#[tokio::test]
async fn incomplete_resources_are_shown_and_completed() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let mut rig = StepwiseRig::new(&cloud, "demo");
    rig.create_all(|desired| {
        matches!(
            desired,
            Desired::Bucket { .. } | Desired::Role { .. } | Desired::InstanceProfile { .. }
        )
    })
    .await;
    let names = Names::of("demo");
    let config = sdk_config(&moto).await;
    let iam = aws_sdk_iam::Client::new(&config);
    iam.delete_role_policy()
        .role_name(names.role("us-east-1"))
        .policy_name("files-bucket")
        .send()
        .await
        .unwrap();
    iam.remove_role_from_instance_profile()
        .role_name(names.role("us-east-1"))
        .instance_profile_name(names.instance_profile("us-east-1"))
        .send()
        .await
        .unwrap();
    let snapshot = rig.snapshot().await;
    let role = snapshot.get(&Address::role()).unwrap();
    let profile = snapshot.get(&Address::instance_profile()).unwrap();
    assert_eq!(role.text("policy"), Some("none"));
    assert_eq!(profile.text("role"), Some("none"));

    for found in [role, profile] {
        let node = rig
            .blueprint
            .resources()
            .find(|(address, _)| **address == found.address);
        let (address, desired) = node.unwrap();
        let updated = cloud
            .update(rig.request(address, desired), found)
            .await
            .unwrap();
        for (key, value) in desired.attributes() {
            assert_eq!(updated.value(&key), Some(&value));
        }
    }
}

#[tokio::test]
async fn foreign_resources_are_neither_adopted_nor_removed() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let rig = StepwiseRig::new(&cloud, "demo");
    let name = Names::of("demo").role("us-east-1");
    let iam = aws_sdk_iam::Client::new(&sdk_config(&moto).await);
    iam.create_role()
        .role_name(&name)
        .assume_role_policy_document("{}")
        .send()
        .await
        .unwrap();

    assert_eq!(rig.snapshot().await, Snapshot::default());
    let mut rig = rig;
    rig.create_all(|desired| matches!(desired, Desired::Bucket { .. }))
        .await;
    let desired = Desired::Role(kinds::HostRole {
        bucket: Some(Address::bucket()),
    });
    let error = rig.create(&Address::role(), &desired).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Terminal);
    assert_eq!(error.code, "ForeignResource");
    assert!(error.to_string().contains(&name), "{error}");

    rig.delete_all().await;
    let policies = iam
        .list_role_policies()
        .role_name(&name)
        .send()
        .await
        .unwrap();
    assert!(policies.policy_names().is_empty());
    // It bears the environment's name, so the proof tells of it.
    assert_eq!(rig.left().await, [format!("IAM roles: {name}")]);
}

#[tokio::test]
async fn a_bucket_is_emptied_before_it_is_removed() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let mut rig = StepwiseRig::new(&cloud, "demo");
    rig.create_all(|desired| matches!(desired, Desired::Bucket { .. }))
        .await;
    let bucket = &rig.inventory.get(&Address::bucket()).unwrap().id;
    let s3 = sdk_s3(&moto).await;
    s3.put_bucket_versioning()
        .bucket(bucket)
        .versioning_configuration(
            aws_sdk_s3::types::VersioningConfiguration::builder()
                .status(aws_sdk_s3::types::BucketVersioningStatus::Enabled)
                .build(),
        )
        .send()
        .await
        .unwrap();
    for text in ["one", "two"] {
        let body = aws_sdk_s3::primitives::ByteStream::from_static(text.as_bytes());
        s3.put_object()
            .bucket(bucket)
            .key("a/b")
            .body(body)
            .send()
            .await
            .unwrap();
    }
    s3.delete_object()
        .bucket(bucket)
        .key("a/b")
        .send()
        .await
        .unwrap();
    s3.create_multipart_upload()
        .bucket(bucket)
        .key("c")
        .send()
        .await
        .unwrap();

    rig.delete_all().await;
    assert_eq!(rig.left().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_cache_is_created_found_and_removed() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let mut rig = StepwiseRig::new(&cloud, "demo");
    let mut spec = spec("demo");
    spec.cache.nodes = 1;
    rig.blueprint = blueprint(&spec, &[]);
    rig.create_all(|desired| {
        matches!(
            desired,
            Desired::Vpc { .. }
                | Desired::Subnet { .. }
                | Desired::SecurityGroup { .. }
                | Desired::CacheSubnets { .. }
                | Desired::Cache { .. }
        )
    })
    .await;
    let snapshot = rig.snapshot().await;
    let cache = snapshot.get(&Address::cache()).unwrap();
    assert!(cache.says("nodes", 1_u32));
    assert!(cache.text("endpoint").is_some(), "{cache:?}");
    assert!(snapshot.get(&Address::cache_subnets()).is_some());
    cloud.delete("demo", cache).await.unwrap();
    // The emulator leaves it in this state for ever.
    let leaving = read(&cloud, "demo", cache).await;
    assert!(leaving.is_none_or(|found| found.state.is_leaving()));
    // Safe to repeat.
    cloud.delete("demo", cache).await.unwrap();
}

#[tokio::test]
async fn failures_are_classified() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let mut rig = StepwiseRig::new(&cloud, "demo");
    rig.create_all(|desired| matches!(desired, Desired::Vpc { .. } | Desired::Subnet { .. }))
        .await;

    // Subnets are still in it.
    let vpc = rig.inventory.get(&Address::vpc()).unwrap().clone();
    let error = cloud.delete("demo", &vpc).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Converging, "{error}");
    assert_eq!(error.operation, "ec2:DeleteVpc");
    assert_eq!(error.code, "DependencyViolation");
    assert!(error.request_id.is_some(), "{error:?}");

    // What it refers to is not there yet.
    let (address, desired) = rig
        .blueprint
        .resources()
        .find(|(_, desired)| matches!(desired, Desired::Instance { .. }))
        .unwrap();
    let error = rig.create(address, desired).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Converging, "{error}");

    // Nobody answers.
    let unreachable = Aws::connect(Connection {
        paced: true,
        region: "us-east-1".to_owned(),
        profile: None,
        endpoint_url: Some("http://127.0.0.1:1".to_owned()),
        credentials: Some(("AKIDTEST".to_owned(), "secret".to_owned().into())),
    })
    .await
    .unwrap();
    let error = unreachable.account().await.unwrap_err();
    assert_eq!(error.class, FailureClass::Transient, "{error}");
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

async fn sdk_s3(moto: &Moto) -> aws_sdk_s3::Client {
    let config = sdk_config(moto).await;
    let config = aws_sdk_s3::config::Builder::from(&config)
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
