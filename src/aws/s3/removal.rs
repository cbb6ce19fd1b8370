//! How a bucket is emptied and removed.

use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, built, failed_item, foreign_resource, refused};
use crate::aws::s3::bucket::BucketOwner;
use crate::engine::{CloudError, FailureClass};

const REMOVE: &str = "s3:DeleteBucket";

impl Aws {
    /// Removes the bucket of uploaded files with all that is in it, if its tags still say that
    /// it is the environment's. They are part of the call that creates it: where they are missing,
    /// somebody took them away, and with them what they said of keeping the files.
    pub(in crate::aws) async fn delete_files(
        &self,
        environment: &str,
        name: &str,
    ) -> Result<(), CloudError> {
        match self.bucket_owner(name, environment).await? {
            None => Ok(()),
            Some(BucketOwner::Ours(..)) => self.delete_bucket(name).await,
            Some(BucketOwner::Untagged) => self.delete_untagged(environment, name).await,
            Some(BucketOwner::Foreign) => Err(foreign_resource(REMOVE, name, environment)),
        }
    }

    /// S3 itself refuses to remove what is not empty.
    async fn delete_untagged(&self, environment: &str, name: &str) -> Result<(), CloudError> {
        match self.delete_empty(name).await {
            Err(error) if error.code == "BucketNotEmpty" => Err(CloudError {
                class: FailureClass::Blocked,
                request_id: error.request_id,
                status: error.status,
                ..refused(
                    REMOVE,
                    name,
                    "UntaggedBucket",
                    format!(
                        "it holds files and has no tags any more, so nothing says whether they \
                         are to be kept; put its tags back (`up {environment}` does), or empty \
                         and remove it by hand"
                    ),
                )
            }),
            other => other,
        }
    }

    /// Empties and removes a bucket.
    pub(in crate::aws) async fn delete_bucket(&self, name: &str) -> Result<(), CloudError> {
        if !self.bucket_exists(name).await? {
            return Ok(());
        }
        self.abort_uploads(name).await?;
        self.delete_objects(name).await?;
        self.delete_empty(name).await
    }

    async fn delete_empty(&self, name: &str) -> Result<(), CloudError> {
        let answer = self
            .s3
            .delete_bucket()
            .bucket(name)
            .expected_bucket_owner(self.bucket_account().await?)
            .send()
            .await;
        answer.context(REMOVE, name).ok_if_not_found()?;
        Ok(())
    }

    async fn abort_uploads(&self, name: &str) -> Result<(), CloudError> {
        let owner = self.bucket_account().await?;
        // Not paginated: every round removes what it listed.
        let mut first_before: Option<(Option<String>, Option<String>)> = None;
        loop {
            let answer = self
                .s3
                .list_multipart_uploads()
                .bucket(name)
                .expected_bucket_owner(owner)
                .send()
                .await;
            let Some(answer) = answer
                .context("s3:ListBucketMultipartUploads", name)
                .ok_if_not_found()?
            else {
                return Ok(());
            };
            if let Some(first) = answer.uploads().first() {
                let first = (first.key.clone(), first.upload_id.clone());
                if first_before.as_ref() == Some(&first) {
                    let target = format!("{name}/{}", first.0.unwrap_or_default());
                    return Err(still_listed("s3:AbortMultipartUpload", target));
                }
                first_before = Some(first);
            }
            for upload in answer.uploads() {
                self.s3
                    .abort_multipart_upload()
                    .bucket(name)
                    .expected_bucket_owner(owner)
                    .set_key(upload.key.clone())
                    .set_upload_id(upload.upload_id.clone())
                    .send()
                    .await
                    .context("s3:AbortMultipartUpload", name)
                    .ok_if_not_found()?;
            }
            if answer.is_truncated() != Some(true) {
                return Ok(());
            }
        }
    }

    /// Objects, their versions and delete markers; a page of at most 1,000 at a time.
    async fn delete_objects(&self, name: &str) -> Result<(), CloudError> {
        let operation = "s3:DeleteObject";
        let owner = self.bucket_account().await?;
        let mut first_before: Option<(String, Option<String>)> = None;
        loop {
            let answer = self
                .s3
                .list_object_versions()
                .bucket(name)
                .expected_bucket_owner(owner)
                .send()
                .await;
            let Some(page) = answer
                .context("s3:ListBucketVersions", name)
                .ok_if_not_found()?
            else {
                return Ok(());
            };
            let versions = page.versions().iter().map(|v| (v.key(), v.version_id()));
            let markers = page
                .delete_markers()
                .iter()
                .map(|m| (m.key(), m.version_id()));
            let mut objects = Vec::new();
            for (key, version) in versions.chain(markers) {
                let Some(key) = key else { continue };
                let object = ObjectIdentifier::builder()
                    .key(key)
                    // Also `null`, the version from before versions were kept, or while they are
                    // suspended: a deletion that does not name it only adds a marker.
                    .set_version_id(version.map(str::to_owned))
                    .build();
                objects.push(built(object, operation, name)?);
            }
            let Some(first) = objects.first() else {
                return Ok(());
            };
            let first = (
                first.key().to_owned(),
                first.version_id().map(str::to_owned),
            );
            if first_before.as_ref() == Some(&first) {
                return Err(still_listed(operation, format!("{name}/{}", first.0)));
            }
            first_before = Some(first);
            let delete = Delete::builder()
                .set_objects(Some(objects))
                .quiet(true)
                .build();
            let answer = self
                .s3
                .delete_objects()
                .bucket(name)
                .expected_bucket_owner(owner)
                .delete(built(delete, operation, name)?)
                .send()
                .await
                .context(operation, name)?;
            // Without this an object that cannot be deleted would be listed for ever.
            if let Some(failed) = answer.errors().first() {
                let target = format!("{name}/{}", failed.key().unwrap_or_default());
                let why = (failed.code(), failed.message());
                return Err(failed_item(operation, target, why, answer.request_id()));
            }
        }
    }
}

/// Lists lag behind deletions; if it is more than that, the patience ends.
fn still_listed(operation: &str, target: String) -> CloudError {
    CloudError {
        class: FailureClass::Converging,
        ..refused(
            operation,
            target,
            "StillListed",
            "it was deleted and is still listed",
        )
    }
}
