//! The proof that nothing is left, where not everything can be looked at.

use loadrig::engine::Cloud as _;

use super::late::through;
use crate::common::Moto;
use crate::common::recorder::{CallRecorder, RecordedCall};

fn without_volumes(call: &RecordedCall) -> Option<(u16, String)> {
    (call.action == "DescribeVolumes").then(|| {
        let body = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are \
                    not authorized to perform this operation.</Message></Error></Errors>\
                    <RequestID>r-1</RequestID></Response>";
        (403, body.to_owned())
    })
}

#[tokio::test]
async fn a_look_up_that_fails_leaves_a_gap_and_the_rest_is_proved() {
    let moto = Moto::start();
    let recorder = CallRecorder::with(moto.endpoint(), without_volumes).await;
    let cloud = through(&recorder).await;
    let proof = cloud.find_leftovers("demo").await.unwrap();
    let gaps: Vec<_> = proof.iter().filter(|one| one.gap.is_some()).collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0].at, "EC2 volumes");
    assert!(proof.len() > 20, "{proof:?}");
    assert!(proof.iter().all(|one| one.left.is_empty()), "{proof:?}");
}

/// A policy that is older than some of the look-ups, while a database still bills.
fn without_backups(call: &RecordedCall) -> Option<(u16, String)> {
    let denied = |action: &str| {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User is not \
             authorized to perform: rds:{action}</Message></Error><RequestId>r-1</RequestId>\
             </ErrorResponse>"
        );
        (403, body)
    };
    match call.action.as_str() {
        action @ ("DescribeDBClusterAutomatedBackups" | "DescribeDBSnapshots") => {
            Some(denied(action))
        }
        _ => None,
    }
}

#[tokio::test]
async fn a_look_up_of_rds_that_is_refused_hides_no_database() {
    let moto = Moto::start();
    let rds = aws_sdk_rds::Client::new(&moto.sdk().await);
    let id = "lr-demo-db-writer";
    rds.create_db_instance()
        .db_instance_identifier(id)
        .db_instance_class("db.t4g.medium")
        .engine("postgres")
        .allocated_storage(20)
        .master_username("mattermost")
        .master_user_password("correct-horse-battery")
        .send()
        .await
        .unwrap();
    let recorder = CallRecorder::with(moto.endpoint(), without_backups).await;
    let proof = through(&recorder).await.find_leftovers("demo").await;
    let proof = proof.unwrap();
    let gaps = proof.iter().filter(|one| one.gap.is_some());
    assert_eq!(
        gaps.map(|one| one.at.as_str()).collect::<Vec<_>>(),
        ["RDS snapshots", "Aurora automated backups"]
    );
    let at = |place: &str| &proof.iter().find(|one| one.at == place).unwrap().left;
    assert_eq!(*at("RDS instances"), [id]);
    assert!(at("Aurora clusters").is_empty());
}

fn without_credentials(call: &RecordedCall) -> Option<(u16, String)> {
    (call.action == "DescribeVolumes").then(|| {
        let body = "<Response><Errors><Error><Code>RequestExpired</Code><Message>Request has \
                    expired.</Message></Error></Errors><RequestID>r-1</RequestID></Response>";
        (400, body.to_owned())
    })
}

#[tokio::test]
async fn credentials_that_end_end_the_proof() {
    let moto = Moto::start();
    let recorder = CallRecorder::with(moto.endpoint(), without_credentials).await;
    let error = through(&recorder).await.find_leftovers("demo").await;
    assert!(error.unwrap_err().is_about_credentials());
}
