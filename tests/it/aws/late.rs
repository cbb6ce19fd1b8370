//! Lists, reads and tags that lag behind creations, and pages that are empty.

use std::sync::atomic::{AtomicU32, Ordering};

use loadrig::aws::{Aws, Connection};
use loadrig::blueprint::{Address, Desired, kinds};
use loadrig::engine::{Cloud as _, FailureClass};
use loadrig::identity::names::Names;

use super::{StepwiseRig, sdk_config};
use crate::common::Moto;
use crate::common::recorder::{CallRecorder, RecordedCall};

pub async fn through(recorder: &CallRecorder) -> Aws {
    Aws::connect(Connection {
        paced: false,
        region: "us-east-1".to_owned(),
        profile: None,
        endpoint_url: Some(recorder.endpoint.clone()),
        credentials: Some(("AKIDTEST".to_owned(), "secret".to_owned().into())),
    })
    .await
    .unwrap()
}

/// Reads and tags of a parameter that lag: what is told of it, look by look.
fn late(call: &RecordedCall) -> Option<(u16, String)> {
    static READS: AtomicU32 = AtomicU32::new(0);
    static TAGS: AtomicU32 = AtomicU32::new(0);
    let body = match call.action.as_str() {
        "GetParameter" if READS.fetch_add(1, Ordering::SeqCst) < 2 => {
            return Some((400, r#"{"__type":"ParameterNotFound"}"#.to_owned()));
        }
        "ListTagsForResource" if TAGS.fetch_add(1, Ordering::SeqCst) < 4 => r#"{"TagList":[]}"#,
        _ => return None,
    };
    Some((200, body.to_owned()))
}

#[tokio::test]
async fn late_reads_and_tags_do_not_make_a_resource_foreign() {
    let moto = Moto::start();
    let recorder = CallRecorder::with(moto.endpoint(), late).await;
    let cloud = through(&recorder).await;
    let rig = StepwiseRig::new(&cloud, "demo");
    let create = async || {
        rig.create(&Address::seed(), &Desired::Seed(kinds::Seed::default()))
            .await
    };
    // Twice it is not there, then twice without its tags.
    for _ in 0..4 {
        let error = create().await.unwrap_err();
        assert_eq!(error.code, "NotVisibleYet", "{error}");
        assert_eq!(error.class, FailureClass::Converging, "{error}");
    }
    assert_eq!(create().await.unwrap().address, Address::seed());
}

#[tokio::test]
async fn a_foreign_resource_of_our_name_fails_at_once() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let rig = StepwiseRig::new(&cloud, "demo");
    let ssm = aws_sdk_ssm::Client::new(&sdk_config(&moto).await);
    ssm.put_parameter()
        .name(Names::of("demo").seed())
        .value("theirs")
        .r#type(aws_sdk_ssm::types::ParameterType::String)
        .send()
        .await
        .unwrap();
    let error = rig
        .create(&Address::seed(), &Desired::Seed(kinds::Seed::default()))
        .await;
    assert_eq!(error.unwrap_err().code, "ForeignResource");
}

/// The first page is empty and not the last.
fn in_pages(call: &RecordedCall) -> Option<(u16, String)> {
    let body = match call.action.as_str() {
        "DescribeParameters" if call.parameters.contains_key("NextToken") => {
            r#"{"Parameters":[{"Name":"/loadrig/demo/seed"}]}"#
        }
        "DescribeParameters" => r#"{"Parameters":[],"NextToken":"more"}"#,
        _ => return None,
    };
    Some((200, body.to_owned()))
}

#[tokio::test]
async fn a_seed_on_the_second_page_is_found() {
    let moto = Moto::start();
    let recorder = CallRecorder::with(moto.endpoint(), in_pages).await;
    let cloud = through(&recorder).await;
    let snapshot = cloud.snapshot("demo").await.unwrap();
    assert!(snapshot.get(&Address::seed()).is_some(), "{snapshot:?}");
}
