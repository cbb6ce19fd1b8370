//! Zones of new subnets, against a strict cloud in which some zones lack something.

use std::path::Path;
use std::process::Output;

use loadrig::aws::{Aws, Connection};
use loadrig::blueprint::Kind;
use loadrig::engine::Cloud as _;
use strict_cloud::{Emulator, FaultPlan, StrictCloud, StrictOptions};
use tokio::net::TcpListener;

use crate::common::{Moto, loadrig, text};

/// An emulator with strict clouds before it, and an operator's machine.
struct Account {
    moto: Moto,
    home: tempfile::TempDir,
}

impl Account {
    fn new(network: &str) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let account = Self {
            moto: Moto::start(),
            home,
        };
        account.write(network);
        account
    }

    fn write(&self, network: &str) {
        let folder = self.home.path().join("environments");
        std::fs::create_dir_all(&folder).expect("a directory");
        let yaml = format!(
            "architecture: 1k\naccess:\n  operators: [198.51.100.7/32]\nmattermost:\n  \
             release: standin\n{network}"
        );
        std::fs::write(folder.join("perf.yaml"), yaml).expect("a file");
    }

    /// A strict cloud with these faults before the emulator.
    async fn front(&self, faults: &str) -> String {
        let upstream = Emulator::new(self.moto.endpoint()).expect("an emulator");
        let plan = FaultPlan::parse(1, faults, "us-east-1").expect("known faults");
        let strict = StrictCloud::new(StrictOptions {
            faults: Some(plan),
            ..StrictOptions::instant(upstream)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(strict.serve(listener));
        endpoint
    }

    fn run(&self, endpoint: &str, arguments: &[&str]) -> Output {
        let home: &Path = self.home.path();
        tokio::task::block_in_place(|| loadrig(home, endpoint, arguments))
    }

    fn up(&self, endpoint: &str) -> Output {
        let up = [
            "up",
            "perf",
            "--resources-only",
            "--accept-unchecked",
            "all",
            "--yes",
        ];
        self.run(endpoint, &up)
    }

    /// The zones of the subnets, by their addresses.
    async fn zones(&self) -> Vec<(String, String)> {
        let cloud = Aws::connect(Connection {
            region: "us-east-1".to_owned(),
            profile: None,
            endpoint_url: Some(self.moto.endpoint().to_owned()),
            credentials: Some(("AKIDTEST".to_owned(), "secret".to_owned().into())),
            paced: false,
        });
        let snapshot = cloud.await.expect("a connection").snapshot("perf").await;
        let resources = snapshot.expect("a snapshot").resources.into_iter();
        let subnets = resources.filter(|one| one.kind == Kind::Subnet);
        let mut zones: Vec<(String, String)> = subnets
            .map(|one| {
                let zone = one.text("zone").expect("a zone").to_owned();
                (one.address.to_string(), zone)
            })
            .collect();
        zones.sort();
        zones
    }
}

fn in_zones(first: &str, second: &str) -> Vec<(String, String)> {
    ["public", "private"]
        .iter()
        .rev()
        .flat_map(|tier| [("a", first), ("b", second)].map(|(letter, zone)| (tier, letter, zone)))
        .map(|(tier, letter, zone)| (format!("subnet/{tier}-{letter}"), zone.to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zones_that_lack_a_service_are_passed_over_and_a_rig_never_moves() {
    let account = Account::new("");
    let lacking = "lacks=db.r7g.large@us-east-1a,lacks=r6g.xlarge.search@us-east-1b";
    let endpoint = account.front(lacking).await;
    let plan = account.run(&endpoint, &["plan", "perf"]);
    let shown = text(&plan.stdout);
    assert!(
        shown.contains("passed: zones: us-east-1c, us-east-1d"),
        "{shown}"
    );
    let up = account.up(&endpoint);
    assert!(up.status.success(), "{}", text(&up.stderr));
    assert_eq!(account.zones().await, in_zones("us-east-1c", "us-east-1d"));

    // Later another zone lacks something, and the first offers all: what exists stays.
    let endpoint = account.front("lacks=c7i.large@us-east-1c").await;
    let plan = account.run(&endpoint, &["plan", "perf", "--detailed-exitcode"]);
    assert_eq!(plan.status.code(), Some(0), "{}", text(&plan.stdout));

    // A name in the YAML that is not the zone that it is in is refused.
    account.write("network:\n  availability_zones: [us-east-1a, us-east-1d]\n");
    let moved = account.up(&endpoint);
    assert_eq!(moved.status.code(), Some(1), "{}", text(&moved.stderr));
    let said = text(&moved.stderr);
    assert!(
        said.contains("is in us-east-1c and cannot move to us-east-1a"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn named_zones_are_used_or_refused() {
    let account = Account::new("network:\n  availability_zones: [us-east-1d, us-east-1b]\n");
    let endpoint = account.front("lacks=m7i.large@us-east-1d").await;
    let refused = account.up(&endpoint);
    assert_eq!(refused.status.code(), Some(6), "{}", text(&refused.stderr));
    let said = text(&refused.stderr);
    assert!(
        said.contains("us-east-1d does not offer m7i.large"),
        "{said}"
    );
    assert!(account.zones().await.is_empty());

    let endpoint = account.front("lacks=m7i.large@us-east-1a").await;
    let up = account.up(&endpoint);
    assert!(up.status.success(), "{}", text(&up.stderr));
    assert_eq!(account.zones().await, in_zones("us-east-1d", "us-east-1b"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_complete_zones_are_refused_with_what_each_lacks() {
    let account = Account::new("");
    let lacking: Vec<String> = ["a", "b", "c", "d", "e"]
        .iter()
        .map(|letter| format!("lacks=db.r7g.large@us-east-1{letter}"))
        .collect();
    let endpoint = account.front(&lacking.join(",")).await;
    let refused = account.up(&endpoint);
    assert_eq!(refused.status.code(), Some(6), "{}", text(&refused.stderr));
    let said = text(&refused.stderr);
    assert!(said.contains("too few zones offer everything"), "{said}");
    assert!(said.contains("us-east-1d lacks db.r7g.large"), "{said}");
    assert!(account.zones().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn classes_of_aurora_are_offers_too() {
    let account = Account::new("database:\n  engine: aurora-postgresql\n");
    let endpoint = account.front("lacks=db.r7g.large@us-east-1b").await;
    let plan = account.run(&endpoint, &["plan", "perf"]);
    let shown = text(&plan.stdout);
    assert!(
        shown.contains("passed: zones: us-east-1a, us-east-1c"),
        "{shown}"
    );
    assert!(
        shown.contains("passed: offer: db.r7g.large for Aurora PostgreSQL"),
        "{shown}"
    );
}
