//! The bucket of uploaded files: what others set on it, and what its tags are needed for.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging,
};
use loadrig::aws::{Aws, Connection};
use loadrig::blueprint::{Address, AttributeValue, Desired, Kind, kinds};
use loadrig::engine::{Cloud as _, FailureClass, Observed};
use loadrig::spec::Protection;

use super::{StepwiseRig, sdk_s3};
use crate::common::Moto;
use crate::common::recorder::{CallRecorder, RecordedCall};

fn bucket(versioning: bool, deletion: bool) -> Desired {
    Desired::Bucket(kinds::FilesBucket {
        versioning,
        protection: Protection {
            deletion,
            final_snapshot: false,
        },
    })
}

async fn make(rig: &mut StepwiseRig<'_>) -> Observed {
    rig.create_all(|desired| matches!(desired, Desired::Bucket { .. }))
        .await;
    rig.inventory.get(&Address::bucket()).unwrap().clone()
}

/// As `up` does it: by what the plan saw.
async fn change(rig: &StepwiseRig<'_>, seen: &Observed, desired: &Desired) {
    let address = Address::bucket();
    let changed = rig.cloud.update(rig.request(&address, desired), seen).await;
    changed.unwrap();
}

async fn seen(rig: &StepwiseRig<'_>) -> Observed {
    let snapshot = rig.snapshot().await;
    snapshot.get(&Address::bucket()).expect("a bucket").clone()
}

async fn tags(s3: &aws_sdk_s3::Client, name: &str) -> Vec<(String, String)> {
    let answer = s3.get_bucket_tagging().bucket(name).send().await.unwrap();
    let mut tags: Vec<_> = answer
        .tag_set
        .into_iter()
        .map(|tag| (tag.key, tag.value))
        .collect();
    tags.sort();
    tags
}

async fn rules(s3: &aws_sdk_s3::Client, name: &str) -> Vec<String> {
    let call = s3.get_bucket_lifecycle_configuration().bucket(name);
    let rules = call.send().await.unwrap().rules.unwrap_or_default();
    let mut ids: Vec<_> = rules.into_iter().filter_map(|rule| rule.id).collect();
    ids.sort();
    ids
}

/// What an organisation sets on every bucket.
async fn organise(s3: &aws_sdk_s3::Client, name: &str, with_ours: bool) {
    let mut set = s3.get_bucket_tagging().bucket(name).send().await.unwrap();
    set.tag_set.retain(|tag| tag.key() != "cost-center");
    let tag = Tag::builder().key("cost-center").value("7").build();
    set.tag_set.push(tag.unwrap());
    let tagging = Tagging::builder().set_tag_set(Some(set.tag_set)).build();
    let call = s3.put_bucket_tagging().bucket(name);
    call.tagging(tagging.unwrap()).send().await.unwrap();
    let call = s3.get_bucket_lifecycle_configuration().bucket(name);
    let mut rules = call.send().await.unwrap().rules.unwrap_or_default();
    rules.retain(|rule| with_ours && rule.id() != Some("archive"));
    let archive = LifecycleRule::builder()
        .id("archive")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("old/").build())
        .expiration(LifecycleExpiration::builder().days(30).build());
    rules.push(archive.build().unwrap());
    let configuration = BucketLifecycleConfiguration::builder().set_rules(Some(rules));
    let call = s3.put_bucket_lifecycle_configuration().bucket(name);
    let call = call.lifecycle_configuration(configuration.build().unwrap());
    call.send().await.unwrap();
    let default =
        ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::AwsKms);
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(default.build().unwrap());
    let encryption = ServerSideEncryptionConfiguration::builder().rules(rule.build());
    let call = s3.put_bucket_encryption().bucket(name);
    let call = call.server_side_encryption_configuration(encryption.build().unwrap());
    call.send().await.unwrap();
}

#[tokio::test]
async fn foreign_bucket_settings_are_kept() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let mut rig = StepwiseRig::new(&cloud, "demo");
    let name = make(&mut rig).await.id;
    // Once there is a role, a plan does not look at encryption and clearing up any more.
    rig.create_all(|desired| matches!(desired, Desired::Role { .. }))
        .await;
    let s3 = sdk_s3(&moto).await;
    organise(&s3, &name, true).await;
    let before = tags(&s3, &name).await;

    change(&rig, &seen(&rig).await, &bucket(true, false)).await;
    assert!(seen(&rig).await.says("versioning", true));
    assert_eq!(tags(&s3, &name).await, before);
    assert_eq!(rules(&s3, &name).await, ["archive", "unfinished-uploads"]);
    let whole = cloud.list("demo", Kind::Bucket).await.unwrap();
    assert_eq!(whole[0].text("encryption"), Some("aws:kms"));

    change(&rig, &seen(&rig).await, &bucket(true, true)).await;
    let protected = seen(&rig).await;
    assert!(protected.says("deletion_protection", true));
    let mut with_policy = before.clone();
    with_policy.push(("loadrig:protection".to_owned(), "deletion".to_owned()));
    with_policy.sort();
    assert_eq!(tags(&s3, &name).await, with_policy);
    change(&rig, &protected, &bucket(true, false)).await;
    assert_eq!(tags(&s3, &name).await, before);

    // Our rule is put beside theirs, where it was seen to be missing.
    organise(&s3, &name, false).await;
    assert_eq!(rules(&s3, &name).await, ["archive"]);
    let whole = cloud.list("demo", Kind::Bucket).await.unwrap();
    change(&rig, &whole[0], &bucket(true, false)).await;
    assert_eq!(rules(&s3, &name).await, ["archive", "unfinished-uploads"]);
}

#[tokio::test]
async fn an_untagged_bucket_is_not_emptied() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let mut rig = StepwiseRig::new(&cloud, "demo");
    let name = make(&mut rig).await.id;
    let s3 = sdk_s3(&moto).await;
    let untag = async || s3.delete_bucket_tagging().bucket(&name).send().await;
    let put = s3.put_object().bucket(&name).key("a");
    let put = put.body(ByteStream::from_static(b"one"));
    put.send().await.unwrap();
    untag().await.unwrap();

    let found = seen(&rig).await;
    assert_eq!(found.value("keeps_files"), Some(&AttributeValue::Unknown));
    let refused = cloud.delete("demo", &found).await.unwrap_err();
    assert_eq!(refused.code, "UntaggedBucket", "{refused}");
    assert_eq!(refused.class, FailureClass::Blocked);
    assert!(refused.message.contains("put its tags back"), "{refused}");
    let kept = s3.head_object().bucket(&name).key("a").send().await;
    kept.expect("the file is still there");

    // `up` puts them back, and then it may go.
    change(&rig, &found, &bucket(false, false)).await;
    let found = seen(&rig).await;
    assert!(found.says("keeps_files", false));
    cloud.delete("demo", &found).await.unwrap();
    cloud.delete("demo", &found).await.unwrap();

    // There is nothing to lose in an empty one.
    let made = make(&mut rig).await;
    untag().await.unwrap();
    cloud.delete("demo", &made).await.unwrap();
    assert_eq!(rig.left().await, Vec::<String>::new());
}

async fn through(recorder: &CallRecorder) -> Aws {
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

async fn put(moto: &Moto, name: &str) {
    let s3 = sdk_s3(moto).await;
    let put = s3.put_object().bucket(name).key("a");
    let put = put.body(ByteStream::from_static(b"one"));
    put.send().await.unwrap();
    let call = s3.create_multipart_upload().bucket(name).key("b");
    call.send().await.unwrap();
}

#[tokio::test]
async fn every_call_on_a_bucket_names_its_account() {
    let moto = Moto::start();
    let recorder = CallRecorder::start(moto.endpoint()).await;
    let cloud = through(&recorder).await;
    let mut rig = StepwiseRig::new(&cloud, "demo");
    let made = make(&mut rig).await;
    change(&rig, &made, &bucket(true, true)).await;
    put(&moto, &made.id).await;
    rig.left().await;
    cloud.delete("demo", &made).await.unwrap();
    let mut calls = 0;
    for call in recorder.take() {
        let creates = call.method == "PUT" && call.parameters.keys().all(|key| key == "x-id");
        if call.service == "s3" && call.path != "/" && !creates {
            assert_eq!(call.bucket_owner, "123456789012", "{call:?}");
            calls += 1;
        }
    }
    assert!(calls > 15, "{calls}");
}

fn slow_down(call: &RecordedCall) -> Option<(u16, String)> {
    let deletes = call.method == "POST" && call.parameters.contains_key("delete");
    let body = "<DeleteResult><Error><Key>a</Key><Code>SlowDown</Code>\
                <Message>Please reduce your request rate.</Message></Error></DeleteResult>";
    deletes.then(|| (200, body.to_owned()))
}

#[tokio::test]
async fn an_object_that_was_throttled_is_tried_again() {
    let moto = Moto::start();
    let recorder = CallRecorder::with(moto.endpoint(), slow_down).await;
    let cloud = through(&recorder).await;
    let mut rig = StepwiseRig::new(&cloud, "demo");
    let made = make(&mut rig).await;
    put(&moto, &made.id).await;
    let error = cloud.delete("demo", &made).await.unwrap_err();
    assert_eq!(error.code, "SlowDown", "{error}");
    assert_eq!(error.class, FailureClass::Transient);
    assert!(error.target.ends_with("/a"), "{error}");
}

/// Versions that are called `null`, from before versions were kept, go when they are named: else
/// each round would only add a delete marker.
#[tokio::test]
async fn a_bucket_with_files_from_before_its_versions_is_emptied() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let mut rig = StepwiseRig::new(&cloud, "demo");
    let made = make(&mut rig).await;
    put(&moto, &made.id).await;
    change(&rig, &seen(&rig).await, &bucket(true, false)).await;
    put(&moto, &made.id).await;
    let deletion = rig.cloud.delete("demo", &made);
    let deletion = tokio::time::timeout(std::time::Duration::from_secs(20), deletion);
    deletion.await.expect("emptying ends").unwrap();
    assert!(rig.snapshot().await.get(&Address::bucket()).is_none());
}

/// A page of uploads that never gets shorter.
fn lasting_upload(call: &RecordedCall) -> Option<(u16, String)> {
    let body = "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><Upload><Key>b</Key>\
                <UploadId>u-1</UploadId></Upload></ListMultipartUploadsResult>";
    match call.method.as_str() {
        "GET" if call.parameters.contains_key("uploads") => Some((200, body.to_owned())),
        "DELETE" if call.parameters.contains_key("uploadId") => Some((204, String::new())),
        _ => None,
    }
}

#[tokio::test]
async fn an_upload_that_stays_listed_does_not_loop_for_ever() {
    let moto = Moto::start();
    let recorder = CallRecorder::with(moto.endpoint(), lasting_upload).await;
    let cloud = through(&recorder).await;
    let mut rig = StepwiseRig::new(&cloud, "demo");
    let made = make(&mut rig).await;
    let deletion = cloud.delete("demo", &made);
    let deletion = tokio::time::timeout(std::time::Duration::from_secs(20), deletion);
    let error = deletion.await.expect("emptying ends").unwrap_err();
    assert_eq!(error.code, "StillListed", "{error}");
    assert_eq!(error.class, FailureClass::Converging);
    assert!(error.target.ends_with("/b"), "{error}");
}
