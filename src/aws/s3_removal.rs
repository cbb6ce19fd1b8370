//! How a bucket is emptied and removed.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::engine::CloudError;

use super::Aws;
use super::error::{During, Judge, built, refused};

impl Aws {
    /// Empties and removes a bucket.
    pub(super) async fn delete_bucket(&self, name: &str) -> Result<(), CloudError> {
        if !self.bucket_exists(name).await? {
            return Ok(());
        }
        self.abort_uploads(name).await?;
        self.delete_objects(name).await?;
        let answer = self.s3.delete_bucket().bucket(name).send().await;
        answer.during("s3:DeleteBucket", name).or_gone()?;
        Ok(())
    }

    async fn abort_uploads(&self, name: &str) -> Result<(), CloudError> {
        // Not paginated: every round removes what it listed.
        loop {
            let answer = self.s3.list_multipart_uploads().bucket(name).send().await;
            let Some(answer) = answer
                .during("s3:ListBucketMultipartUploads", name)
                .or_gone()?
            else {
                return Ok(());
            };
            for upload in answer.uploads() {
                self.s3
                    .abort_multipart_upload()
                    .bucket(name)
                    .set_key(upload.key.clone())
                    .set_upload_id(upload.upload_id.clone())
                    .send()
                    .await
                    .during("s3:AbortMultipartUpload", name)
                    .or_gone()?;
            }
            if answer.is_truncated() != Some(true) {
                return Ok(());
            }
        }
    }

    /// Objects, their versions and delete markers; a page of at most 1,000 at a time.
    async fn delete_objects(&self, name: &str) -> Result<(), CloudError> {
        let operation = "s3:DeleteObject";
        loop {
            let answer = self.s3.list_object_versions().bucket(name).send().await;
            let Some(page) = answer.during("s3:ListBucketVersions", name).or_gone()? else {
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
                    // Where versions were never kept they are called `null`, which a
                    // deletion need not name.
                    .set_version_id(version.filter(|id| *id != "null").map(str::to_owned))
                    .build();
                objects.push(built(object, operation, name)?);
            }
            if objects.is_empty() {
                return Ok(());
            }
            let delete = Delete::builder()
                .set_objects(Some(objects))
                .quiet(true)
                .build();
            let answer = self
                .s3
                .delete_objects()
                .bucket(name)
                .delete(built(delete, operation, name)?)
                .send()
                .await
                .during(operation, name)?;
            // Without this an object that cannot be deleted would be listed for ever.
            if let Some(failed) = answer.errors().first() {
                let code = failed.code().unwrap_or("unknown");
                let message = failed.message().unwrap_or("no reason given");
                return Err(refused(operation, name, code, message));
            }
        }
    }
}
