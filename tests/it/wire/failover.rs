//! The failover of scenarios over sockets: loadrig's own calls and its wait, before an account in
//! memory in which the program brought the database up.

use loadrig::aws::{Aws, Connection};
use loadrig::blueprint::Kind;
use loadrig::engine::Cloud as _;
use loadrig::ops::test::fail_over_database;
use loadrig::spec::Library;
use strict_cloud::AccountProfile;

use super::desk::{DOWN, Desk, NAME, REGION, UP, YAML};

/// What was seen of a failover.
struct Seen {
    /// The instances of the cluster that wrote before and after, if there is one.
    writers: [Option<String>; 2],
    failovers: u64,
    restarts: u64,
}

/// Brings a database up, and fails it over.
fn fail_over(yaml: &str) -> Seen {
    let desk = Desk::open(AccountProfile::Used, yaml);
    let up = desk.loadrig(UP);
    assert_eq!(up.code, Some(0), "{}", up.said);
    let library = Library::new(Some("no-such-directory".into()));
    let spec = library.load_text(NAME, &format!("{YAML}{yaml}"));
    let spec = spec.unwrap_or_else(|errors| panic!("{errors}"));
    let seen = desk.runtime.block_on(async {
        let aws = Aws::connect(Connection {
            region: REGION.to_owned(),
            profile: None,
            endpoint_url: Some(desk.endpoint.clone()),
            paced: false,
            credentials: Some(("AKIDPAST".to_owned(), "secret".to_owned().into())),
        });
        let aws = aws.await.unwrap();
        let writer = async || {
            let clusters = aws.list(NAME, Kind::DatabaseCluster).await.unwrap();
            clusters.first()?.text("writer").map(str::to_owned)
        };
        let before = writer().await;
        fail_over_database(&aws, &spec).await.unwrap();
        let after = writer().await;
        let count = |call: &str| aws.calls().get(call).copied().unwrap_or_default();
        Seen {
            writers: [before, after],
            failovers: count("rds:FailoverDBCluster"),
            restarts: count("rds:RebootDBInstance"),
        }
    });
    let down = desk.loadrig(DOWN);
    assert_eq!(down.code, Some(0), "{}", down.said);
    assert_eq!(desk.left(), Vec::<String>::new());
    seen
}

#[test]
fn a_cluster_is_failed_over_until_its_reader_writes() {
    let seen =
        fail_over("database: { engine: aurora-postgresql }\nsizes: { database: { readers: 1 } }\n");
    let [before, after] = seen.writers;
    assert_eq!(before.as_deref(), Some("lr-past-db-writer"));
    assert_eq!(after.as_deref(), Some("lr-past-db-reader-1"));
    assert_eq!((seen.failovers, seen.restarts), (1, 0));
}

#[test]
fn an_instance_is_failed_over_to_its_standby() {
    let seen = fail_over("database: { multi_az: true }\n");
    assert_eq!(seen.writers, [None, None]);
    assert_eq!((seen.failovers, seen.restarts), (0, 1));
}
