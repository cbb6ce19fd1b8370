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
