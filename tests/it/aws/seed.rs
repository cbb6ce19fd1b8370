//! The seed under a KMS key whose policy limits who may read it.

use loadrig::blueprint::{Address, Desired, kinds};
use loadrig::engine::{Cloud as _, FailureClass};

use super::StepwiseRig;
use super::late::through;
use crate::common::Moto;
use crate::common::recorder::{CallRecorder, RecordedCall};

const KEY: &str = "alias/loadrig-operators";

/// What SSM answers to who may read the parameter and not use its key (AWS Systems Manager User
/// Guide, "AWS KMS encryption for Parameter Store SecureString parameters").
fn denied(call: &RecordedCall) -> Option<(u16, String)> {
    let decrypts = call.parameters.get("WithDecryption").map(String::as_str) == Some("true");
    let body = r#"{"__type":"AccessDeniedException","message":"The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access: not authorized to perform kms:Decrypt"}"#;
    (call.action == "GetParameter" && decrypts).then(|| (400, body.to_owned()))
}

#[tokio::test]
async fn the_seed_is_encrypted_with_the_key_that_the_yaml_names() {
    let moto = Moto::start();
    let recorder = CallRecorder::start(moto.endpoint()).await;
    let cloud = through(&recorder).await;
    let rig = StepwiseRig::new(&cloud, "demo");
    let seed = kinds::Seed {
        key: Some(KEY.to_owned()),
    };
    rig.create(&Address::seed(), &Desired::Seed(seed))
        .await
        .unwrap();
    let calls = recorder.take();
    let put = calls
        .iter()
        .find(|call| call.action == "PutParameter")
        .unwrap();
    assert_eq!(put.parameters.get("KeyId").map(String::as_str), Some(KEY));
    let snapshot = cloud.snapshot("demo").await.unwrap();
    let seed = snapshot
        .resources
        .iter()
        .find(|one| one.address == Address::seed());
    assert_eq!(seed.unwrap().text("key"), Some(KEY));
}

#[tokio::test]
async fn who_may_not_use_the_key_of_the_seed_is_told_so() {
    let moto = Moto::start();
    let recorder = CallRecorder::with(moto.endpoint(), denied).await;
    let cloud = through(&recorder).await;
    let rig = StepwiseRig::new(&cloud, "demo");
    let seed = Desired::Seed(kinds::Seed::default());
    rig.create(&Address::seed(), &seed).await.unwrap();
    let error = cloud.seed("demo").await.unwrap_err();
    assert_eq!(error.class, FailureClass::Denied, "{error}");
    assert!(error.message.contains("kms:Decrypt"), "{error}");
    assert!(error.message.contains("its key policy names"), "{error}");
}
