//! Every kind of network, from plan to nothing, by the real engine against an emulator of AWS.
//!
//! Hosts are not set up here: what is shown is that each kind is made, found again without
//! a difference, mended where somebody changed it, and removed without a trace.

mod blockers;

use std::sync::Arc;

use crate::common::Moto;
use loadrig::aws::Aws;
use loadrig::blueprint::{Address, blueprint};
use loadrig::engine::{Cloud, Engine, HostRequest, Hosts, Poller, TaskError, Urgency};
use loadrig::events::{Events, Outcome};
use loadrig::plan::{Action, Observed, Plan, Snapshot, plan, plan_down};
use loadrig::spec::{Certificate, Library, LoadBalancer, Spec};
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

struct NetworkRig {
    cloud: Arc<Aws>,
    spec: Spec,
}

impl NetworkRig {
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
        let blueprint = blueprint(&self.spec, &operators);
        let mut snapshot = self.snapshot().await;
        let adopted = self.cloud.adopted(&blueprint.adopted()).await.unwrap();
        snapshot.resources.extend(adopted);
        plan(&blueprint, &snapshot)
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
            .find_leftovers(&self.spec.name)
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

async fn ec2(moto: &Moto) -> aws_sdk_ec2::Client {
    aws_sdk_ec2::Client::new(&moto.sdk().await)
}

#[tokio::test]
async fn hosts_behind_nat_and_a_bastion_are_created_and_removed() {
    let moto = Moto::start();
    let mut rig = NetworkRig::new(&moto, "network: { layout: bastion, nat: per-zone }").await;
    rig.up().await;

    let gateway = rig.get("nat-gateway/b").await;
    let address = rig.get("elastic-address/nat-b").await;
    assert_eq!(gateway.text("public_ip"), address.text("public_ip"));
    let table = rig.get("route-table/private-b").await;
    assert_eq!(table.text("default_route"), Some("nat-gateway/b"));
    assert_eq!(table.shown("subnets").as_deref(), Some("subnet/private-b"));
    assert_eq!(rig.get("instance/app-1").await.text("public_ip"), None);
    for host in ["bastion-1", "proxy-1"] {
        let host = rig.get(&format!("instance/{host}")).await;
        assert!(host.text("public_ip").is_some(), "{host:?}");
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
        ["Update route-table/private-b: changes default_route"]
    );
    rig.up().await;

    // One gateway instead of two: the second zone's route changes, then the rest goes.
    rig.spec = spec("network: { layout: bastion, nat: single }");
    let plan = rig.plan().await;
    assert_eq!(plan.count(Action::Update), 1);
    assert_eq!(plan.count(Action::Delete), 2);
    rig.up().await;
    let table = rig.get("route-table/private-b").await;
    assert_eq!(table.text("default_route"), Some("nat-gateway/a"));

    rig.down().await;
}

/// Sizes of a rig behind a load balancer.
const BEHIND_ALB: &str = "
architecture: 1k
load_balancer: alb
sizes:
  cache: { nodes: 0 }
  search: { nodes: 0 }
  database: { readers: 0 }
  nodes: { search-proxy: { count: 0 }, proxy: { count: 0 }, app: { count: 1 } }
";

fn spec_of(text: &str) -> Spec {
    Library::new(Some("no-such-directory".into()))
        .load_text("rig", text)
        .unwrap_or_else(|errors| panic!("{errors}"))
}

#[tokio::test]
async fn a_load_balancer_is_created_repaired_and_removed() {
    let moto = Moto::start();
    let mut rig = NetworkRig {
        cloud: Arc::new(moto.cloud().await),
        spec: spec_of(BEHIND_ALB),
    };
    rig.up().await;
    let balancer = rig.get("load-balancer").await;
    assert!(balancer.text("endpoint").is_some(), "{balancer:?}");
    assert!(balancer.says("idle_timeout", 75_u32));
    let targets = rig.get("targets").await;
    assert_eq!(targets.shown("targets").as_deref(), Some("instance/app-1"));
    let rules = rig.get("security-rules/load-balancer").await;
    assert_eq!(
        rules.shown("rules").as_deref(),
        Some("tcp/80 from 198.51.100.7/32\ntcp/80 from instance/agent-1")
    );

    // Somebody takes a node out, and lets go of idle connections sooner.
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(&moto.sdk().await);
    let app = rig.get("instance/app-1").await.id;
    elb.deregister_targets()
        .target_group_arn(&targets.id)
        .targets(
            aws_sdk_elasticloadbalancingv2::types::TargetDescription::builder()
                .id(&app)
                .port(80)
                .build(),
        )
        .send()
        .await
        .unwrap();
    elb.modify_load_balancer_attributes()
        .load_balancer_arn(&balancer.id)
        .attributes(
            aws_sdk_elasticloadbalancingv2::types::LoadBalancerAttribute::builder()
                .key("idle_timeout.timeout_seconds")
                .value("10")
                .build(),
        )
        .send()
        .await
        .unwrap();
    assert_eq!(
        rig.work().await,
        [
            "Update load-balancer: changes idle_timeout",
            "Update targets: changes targets"
        ]
    );
    rig.up().await;

    // A certificate: the same listener on another port, by another protocol. The emulator
    // knows those of IAM.
    let iam = aws_sdk_iam::Client::new(&moto.sdk().await);
    let uploaded = iam
        .upload_server_certificate()
        .server_certificate_name("chat")
        .certificate_body("a certificate")
        .private_key("its key")
        .send()
        .await
        .unwrap();
    let arn = uploaded.server_certificate_metadata.unwrap().arn;
    let secure = |text: &str| {
        let mut spec = spec_of(text);
        if let LoadBalancer::Alb(alb) = &mut spec.load_balancer {
            alb.certificate = Some(Certificate {
                arn: arn.clone(),
                host_name: "chat.example.com".to_owned(),
                authority: None,
            });
        }
        spec
    };
    let before = rig.get("listener").await;
    rig.spec = secure(BEHIND_ALB);
    rig.up().await;
    let listener = rig.get("listener").await;
    assert_eq!(listener.id, before.id);
    assert!(listener.says("port", 443_u32));
    assert_eq!(listener.text("certificate"), Some(arn.as_str()));
    assert_eq!(
        rig.get("security-rules/load-balancer")
            .await
            .shown("rules")
            .as_deref(),
        Some("tcp/443 from 198.51.100.7/32\ntcp/443 from instance/agent-1")
    );

    // A larger node is another instance: it takes the place of the old one.
    let larger = "app: { count: 1, instance_type: m7i.large }";
    rig.spec = secure(&BEHIND_ALB.replace("app: { count: 1 }", larger));
    rig.up().await;
    let targets = rig.get("targets").await;
    assert_eq!(targets.shown("targets").as_deref(), Some("instance/app-1"));
    assert_ne!(rig.get("instance/app-1").await.id, app);

    rig.down().await;
}

#[tokio::test]
async fn agents_behind_nat_reach_a_public_load_balancer_by_the_gateways_address() {
    let moto = Moto::start();
    let rig = NetworkRig {
        cloud: Arc::new(moto.cloud().await),
        spec: spec_of(&format!("{BEHIND_ALB}network: {{layout: bastion}}")),
    };
    rig.up().await;
    assert_eq!(
        rig.get("security-rules/load-balancer")
            .await
            .shown("rules")
            .as_deref(),
        Some("tcp/80 from 198.51.100.7/32\ntcp/80 from elastic-address/nat-a")
    );
    let endpoint = rig.get("s3-endpoint").await;
    assert_eq!(
        endpoint.shown("tables").as_deref(),
        Some("route-table/private-a route-table/private-b route-table/public")
    );
    rig.down().await;
}

#[tokio::test]
async fn dns_records_follow_their_targets() {
    let moto = Moto::start();
    let dns = "network: { private_dns: true, s3_endpoint: true }";
    let mut rig = NetworkRig::new(&moto, dns).await;
    rig.up().await;
    let records = rig.get("dns-records").await;
    let names: Vec<&str> = records
        .set("names")
        .unwrap()
        .iter()
        .map(String::as_str)
        .collect();
    assert!(names.contains(&"app-1 instance/app-1"), "{names:?}");
    assert!(names.contains(&"database database/writer"), "{names:?}");

    // Records that somebody changed, added and removed.
    let route53 = aws_sdk_route53::Client::new(&moto.sdk().await);
    let before = record_sets(&route53, &records.id).await;
    assert_eq!(before.len(), names.len());
    let database = before.iter().find(|set| set.name.starts_with("database."));
    change(&route53, &records.id, "DELETE", database.unwrap().clone()).await;
    let mut stray = before[0].clone();
    stray.name = format!("stray.{}", "rig.loadrig.internal.");
    change(&route53, &records.id, "CREATE", stray).await;
    assert_eq!(rig.work().await, ["Update dns-records: changes names"]);
    rig.up().await;
    assert_eq!(record_sets(&route53, &records.id).await, before);

    // A host that is replaced has another address, which its name has to follow.
    let was = rig.get("instance/app-1").await;
    rig.spec = spec_of(
        &format!("{SIZES}{dns}").replace("nodes: {", "nodes: { app: { instance_type: m7i.large },"),
    );
    let plan = rig.plan().await;
    let follows = plan
        .changes
        .iter()
        .find(|c| c.address == Address::records());
    assert_eq!(follows.unwrap().reason, "instance/app-1 is replaced");
    rig.up().await;
    let is = rig.get("instance/app-1").await;
    let sets = record_sets(&route53, &records.id).await;
    let app = sets.iter().find(|set| set.name.starts_with("app-1."));
    let value = app.unwrap().resource_records()[0].value.clone();
    assert_ne!(was.id, is.id);
    assert_eq!(Some(value.as_str()), is.text("private_ip"));

    rig.down().await;
}

async fn record_sets(
    route53: &aws_sdk_route53::Client,
    zone: &str,
) -> Vec<aws_sdk_route53::types::ResourceRecordSet> {
    let answer = route53.list_resource_record_sets().hosted_zone_id(zone);
    let mut sets = answer.send().await.unwrap().resource_record_sets;
    sets.retain(|set| !matches!(set.r#type.as_str(), "SOA" | "NS"));
    sets
}

async fn change(
    route53: &aws_sdk_route53::Client,
    zone: &str,
    action: &str,
    set: aws_sdk_route53::types::ResourceRecordSet,
) {
    use aws_sdk_route53::types::{Change, ChangeBatch};
    let change = Change::builder()
        .action(action.into())
        .resource_record_set(set)
        .build()
        .unwrap();
    let batch = ChangeBatch::builder().changes(change).build().unwrap();
    let call = route53.change_resource_record_sets().hosted_zone_id(zone);
    call.change_batch(batch).send().await.unwrap();
}

/// Somebody else's VPC, with subnets in two zones.
async fn somebodys_network(moto: &Moto) -> (aws_sdk_ec2::Client, String, Vec<String>) {
    let ec2 = ec2(moto).await;
    let vpc = ec2.create_vpc().cidr_block("10.77.0.0/16").send().await;
    let vpc = vpc.unwrap().vpc.unwrap().vpc_id.unwrap();
    let mut subnets = Vec::new();
    for (index, zone) in ["us-east-1a", "us-east-1b", "us-east-1a", "us-east-1b"]
        .iter()
        .enumerate()
    {
        let subnet = ec2
            .create_subnet()
            .vpc_id(&vpc)
            .availability_zone(*zone)
            .cidr_block(format!("10.77.{index}.0/24"))
            .send()
            .await
            .unwrap();
        subnets.push(subnet.subnet.unwrap().subnet_id.unwrap());
    }
    (ec2, vpc, subnets)
}

/// Everything that the API tells of a VPC and what lies in it, as text.
async fn picture(ec2: &aws_sdk_ec2::Client, vpc: &str) -> String {
    let filter = aws_sdk_ec2::types::Filter::builder()
        .name("vpc-id")
        .values(vpc)
        .build();
    let vpcs = ec2.describe_vpcs().vpc_ids(vpc).send().await.unwrap();
    let subnets = ec2.describe_subnets().filters(filter.clone()).send().await;
    let tables = ec2.describe_route_tables().filters(filter.clone()).send();
    let tables = tables.await.unwrap();
    let gateways = ec2.describe_internet_gateways().send().await.unwrap();
    let groups = ec2.describe_security_groups().filters(filter).send().await;
    let groups: Vec<_> = groups.unwrap().security_groups.unwrap();
    let mut lines: Vec<String> = subnets
        .unwrap()
        .subnets()
        .iter()
        // Free addresses come and go with hosts.
        .map(|one| {
            format!(
                "{:?} {:?} {:?}",
                one.subnet_id, one.tags, one.map_public_ip_on_launch
            )
        })
        .collect();
    lines.sort();
    format!(
        "{:?}\n{}\n{:?}\n{:?}\n{}",
        vpcs.vpcs(),
        lines.join("\n"),
        tables.route_tables(),
        gateways.internet_gateways(),
        groups.len()
    )
}

#[tokio::test]
async fn an_adopted_network_is_used_and_not_changed() {
    let moto = Moto::start();
    let (ec2, vpc, subnets) = somebodys_network(&moto).await;
    let network = |vpc: &str, subnets: &[String]| {
        format!(
            "network:\n  layout: bastion\n  private_dns: true\n  existing:\n    vpc: {vpc}\n    \
             public_subnets: [{}, {}]\n    private_subnets: [{}, {}]\n",
            subnets[0], subnets[1], subnets[2], subnets[3]
        )
    };
    let before = picture(&ec2, &vpc).await;
    let rig = NetworkRig::new(&moto, &network(&vpc, &subnets)).await;
    rig.up().await;
    let app = rig.get("instance/app-1").await;
    assert!(
        app.text("private_ip").unwrap().starts_with("10.77.2."),
        "{app:?}"
    );
    assert_eq!(app.text("public_ip"), None);
    assert!(
        rig.get("instance/bastion-1")
            .await
            .text("public_ip")
            .is_some()
    );
    let snapshot = rig.snapshot().await;
    assert!(
        snapshot
            .resources
            .iter()
            .all(|one| !one.id.starts_with("vpc-") && !one.id.starts_with("subnet-")),
    );

    // A VPC of its own instead would leave everything behind in this one.
    let own = NetworkRig {
        cloud: Arc::clone(&rig.cloud),
        spec: spec("network: { layout: bastion, private_dns: true }"),
    };
    let refused = own.plan().await;
    let refused = refused.changes.iter().find(|c| c.action == Action::Refuse);
    assert_eq!(
        refused.unwrap().reason,
        format!("the environment is in {vpc}; take it down first")
    );

    rig.down().await;
    assert_eq!(picture(&ec2, &vpc).await, before);

    // What is not there, or does not fit, is refused before anything is made.
    let wrong = network("vpc-00000000", &subnets);
    let rig = NetworkRig::new(&moto, &wrong).await;
    let plan = rig.plan().await;
    let reasons: Vec<&str> = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Refuse)
        .map(|change| change.reason.as_str())
        .collect();
    assert_eq!(reasons.len(), 5);
    assert_eq!(
        reasons[0],
        "vpc-00000000 does not exist in this account and region"
    );
    let same_zone = vec![
        subnets[0].clone(),
        subnets[2].clone(),
        subnets[1].clone(),
        subnets[3].clone(),
    ];
    let rig = NetworkRig::new(&moto, &network(&vpc, &same_zone)).await;
    let plan = rig.plan().await;
    let refused: Vec<&str> = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Refuse)
        .map(|change| change.reason.as_str())
        .collect();
    assert_eq!(
        refused,
        ["it shares its zone with another of the subnets"; 4]
    );
}
