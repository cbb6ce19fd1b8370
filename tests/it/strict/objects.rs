//! The rules of S3 for versions, deletions, expiration and the settings of buckets. Pages are those
//! of the S3 User Guide.

use super::cloud::{TestCloud, WireAnswer};

/// The namespace of S3's bodies.
const NAMESPACE: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

/// One bucket.
struct TestBucket {
    cloud: TestCloud,
    name: &'static str,
}

impl TestBucket {
    async fn new(name: &'static str) -> Self {
        let bucket = Self {
            cloud: TestCloud::instant("us-east-1").await,
            name,
        };
        bucket.send("PUT", "", "").await.ok();
        bucket
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> WireAnswer {
        let path = format!("/{}{path}", self.name);
        self.cloud.rest("s3", method, &path, body).await
    }

    async fn keep_versions(&self, status: &str) {
        let body = format!(
            "<VersioningConfiguration {NAMESPACE}><Status>{status}</Status></VersioningConfiguration>"
        );
        self.send("PUT", "?versioning", &body).await.ok();
        let told = self.send("GET", "?versioning", "").await.ok();
        assert_eq!(told.first("Status"), status);
    }

    /// Kind, id and whether it is the latest of every version, newest first.
    async fn versions(&self) -> Vec<(String, String, bool)> {
        let text = self.send("GET", "?versions", "").await.ok().text;
        let document = roxmltree::Document::parse(&text).unwrap();
        let mut versions: Vec<_> = document
            .root_element()
            .children()
            .filter_map(|node| {
                let part = |name: &str| {
                    let found = node
                        .children()
                        .find(|child| child.tag_name().name() == name)?;
                    found.text().map(str::to_owned)
                };
                let id = part("VersionId")?;
                let latest = part("IsLatest")? == "true";
                Some((node.tag_name().name().to_owned(), id, latest))
            })
            .collect();
        versions.sort_by_key(|(_, _, latest)| !latest);
        versions
    }
}

/// "Adding objects to versioning-suspended buckets", "Deleting objects from versioning-suspended
/// buckets": `null` alone is overwritten, and replaced by a marker.
#[tokio::test]
async fn a_suspended_bucket_keeps_its_versions_and_overwrites_null() {
    let bucket = TestBucket::new("strict-suspended").await;
    let before = bucket.send("PUT", "/old", "0").await.ok();
    assert_eq!(before.version, None);
    bucket.keep_versions("Enabled").await;
    // What was there before is the version `null`.
    let read = bucket.send("GET", "/old", "").await.ok();
    assert_eq!(
        (read.text.as_str(), read.version.as_deref()),
        ("0", Some("null"))
    );
    let first = bucket.send("PUT", "/key", "1").await.ok().version.unwrap();
    bucket.send("DELETE", "/old?versionId=null", "").await.ok();
    bucket.keep_versions("Suspended").await;
    for content in ["2", "3"] {
        let written = bucket.send("PUT", "/key", content).await.ok();
        assert_eq!(written.version, None);
    }
    let object = |id: &str, latest| ("Version".to_owned(), id.to_owned(), latest);
    let marker = |id: &str, latest| ("DeleteMarker".to_owned(), id.to_owned(), latest);
    let expected = [object("null", true), object(&first, false)];
    assert_eq!(bucket.versions().await, expected);
    for path in ["/key", "/key?versionId=null"] {
        let read = bucket.send("GET", path, "").await.ok();
        assert_eq!(
            (read.text.as_str(), read.version.as_deref()),
            ("3", Some("null"))
        );
    }
    let deleted = bucket.send("DELETE", "/key", "").await.ok();
    assert_eq!(deleted.version.as_deref(), Some("null"));
    let expected = [marker("null", true), object(&first, false)];
    assert_eq!(bucket.versions().await, expected);
    bucket.send("PUT", "/key", "4").await.ok();
    let expected = [object("null", true), object(&first, false)];
    assert_eq!(bucket.versions().await, expected);
    // Versions again: `null` stays, and what follows has an id.
    bucket.keep_versions("Enabled").await;
    let last = bucket.send("PUT", "/key", "5").await.ok().version.unwrap();
    let read = bucket.send("GET", "/key?versionId=null", "").await.ok();
    assert_eq!(read.text, "4");
    for id in ["null", &first, &last] {
        let path = format!("/key?versionId={id}");
        let deleted = bucket.send("DELETE", &path, "").await.ok();
        assert_eq!(deleted.version.as_deref(), Some(id));
    }
    assert_eq!(bucket.versions().await, []);
    bucket.send("DELETE", "", "").await.ok();
}

/// "Working with delete markers"; DeleteObject and DeleteObjects.
#[tokio::test]
async fn deletions_leave_markers_and_know_their_versions() {
    let bucket = TestBucket::new("strict-markers").await;
    bucket
        .send(
            "DELETE",
            "/none?versionId=0123456789abcdef0123456789abcdef",
            "",
        )
        .await
        .refused("InvalidArgument", 400);
    bucket.keep_versions("Enabled").await;
    let unknown = bucket.send("DELETE", "/unknown", "").await.ok();
    let marker = unknown.version.unwrap();
    let expected = ("DeleteMarker".to_owned(), marker.clone(), true);
    assert_eq!(bucket.versions().await, [expected]);
    bucket
        .send("GET", &format!("/unknown?versionId={marker}"), "")
        .await
        .refused("MethodNotAllowed", 405);
    bucket
        .send("GET", "/unknown", "")
        .await
        .refused("NoSuchKey", 404);
    for method in ["GET", "DELETE"] {
        bucket
            .send(
                method,
                "/unknown?versionId=no-id-that-S3-has-ever-made-anywhere",
                "",
            )
            .await
            .refused("InvalidArgument", 400);
    }
    let kept = bucket.send("PUT", "/kept", "x").await.ok().version.unwrap();
    let delete = |objects: &str| format!("<Delete {NAMESPACE}>{objects}</Delete>");
    let body = delete(&format!(
        "<Object><Key>kept</Key><VersionId>HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD</VersionId></Object>\
         <Object><Key>unknown</Key><VersionId>{marker}</VersionId></Object><Object><Key>other</Key></Object>"
    ));
    let answer = bucket.send("POST", "?delete", &body).await.ok();
    assert_eq!(answer.count("Code", "NoSuchVersion"), 1, "{}", answer.text);
    assert_eq!(answer.count("DeleteMarker", "true"), 2, "{}", answer.text);
    assert_eq!(answer.count("DeleteMarkerVersionId", &marker), 1);
    let versions = bucket.versions().await;
    let ids: Vec<&str> = versions.iter().map(|(_, id, _)| id.as_str()).collect();
    assert!(ids.len() == 2 && ids.contains(&kept.as_str()), "{ids:?}");
    let other = ids.into_iter().find(|id| *id != kept).unwrap();
    let body = delete(&format!(
        "<Quiet>true</Quiet><Object><Key>kept</Key><VersionId>{kept}</VersionId></Object>\
         <Object><Key>other</Key><VersionId>{other}</VersionId></Object>"
    ));
    let quiet = bucket.send("POST", "?delete", &body).await.ok();
    assert!(!quiet.text.contains("<Deleted>"), "{}", quiet.text);
    bucket.send("DELETE", "", "").await.ok();
}

/// "Lifecycle configuration elements"; PutObject, `x-amz-expiration`. The dates are tested beside
/// the rule.
#[tokio::test]
async fn objects_tell_when_a_rule_lets_them_expire() {
    let bucket = TestBucket::new("strict-lifecycle").await;
    let rule = "<Rule><ID>old logs</ID><Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule>";
    let body = format!("<LifecycleConfiguration {NAMESPACE}>{rule}</LifecycleConfiguration>");
    bucket.send("PUT", "?lifecycle", &body).await.ok();
    let written = bucket.send("PUT", "/logs/1", "x").await.ok();
    let told = written.expiration.unwrap();
    assert!(
        told.ends_with(" 00:00:00 GMT\", rule-id=\"old%20logs\""),
        "{told}"
    );
    let read = bucket.send("GET", "/logs/1", "").await.ok();
    assert_eq!(read.expiration.as_deref(), Some(told.as_str()));
    let other = bucket.send("PUT", "/other", "x").await.ok();
    assert_eq!(other.expiration, None);
    bucket.send("DELETE", "?lifecycle", "").await.ok();
    let read = bucket.send("GET", "/logs/1", "").await.ok();
    assert_eq!(read.expiration, None);
    for key in ["/logs/1", "/other"] {
        bucket.send("DELETE", key, "").await.ok();
    }
    bucket.send("DELETE", "", "").await.ok();
}

/// PutBucketTagging and CreateBucket, as they were recorded on AWS (LocalStack's test_s3_api.py).
#[tokio::test]
async fn tags_of_a_bucket_may_be_none_and_not_repeated() {
    let bucket = TestBucket::new("strict-tags").await;
    let tag = "<Tag><Key>k</Key><Value>v</Value></Tag>";
    let tagging = format!("<Tagging {NAMESPACE}><TagSet>{tag}</TagSet></Tagging>");
    let none = format!("<Tagging {NAMESPACE}><TagSet></TagSet></Tagging>");
    bucket.send("PUT", "?tagging", &tagging).await.ok();
    bucket.send("PUT", "?tagging", &none).await.ok();
    bucket
        .send("GET", "?tagging", "")
        .await
        .refused("NoSuchTagSet", 404);
    bucket.send("DELETE", "", "").await.ok();
    let body = format!(
        "<CreateBucketConfiguration {NAMESPACE}><Tags>{tag}{tag}</Tags></CreateBucketConfiguration>"
    );
    bucket
        .send("PUT", "", &body)
        .await
        .refused("InternalError", 500);
}

/// CreateBucket, `LocationConstraint`: `EU` is eu-west-1; "Location" of the answer.
#[tokio::test]
async fn a_bucket_elsewhere_has_an_address() {
    let cloud = TestCloud::instant("eu-west-1").await;
    let body = format!(
        "<CreateBucketConfiguration {NAMESPACE}><LocationConstraint>EU</LocationConstraint></CreateBucketConfiguration>"
    );
    let made = cloud.rest("s3", "PUT", "/strict-eu", &body).await.ok();
    let address = "http://strict-eu.s3.amazonaws.com/";
    assert_eq!(made.location.as_deref(), Some(address));
    cloud.rest("s3", "DELETE", "/strict-eu", "").await.ok();
    let cloud = TestCloud::instant("eu-central-1").await;
    cloud
        .rest("s3", "PUT", "/strict-eu", &body)
        .await
        .refused("IllegalLocationConstraintException", 400);
}
