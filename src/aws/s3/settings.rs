//! The settings of a bucket, one call each: who may read it, encryption, versions, and what
//! becomes of uploads that were never finished.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketVersioningStatus,
    ExpirationStatus, LifecycleRule, LifecycleRuleFilter, PublicAccessBlockConfiguration,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule, VersioningConfiguration,
};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, built};
use crate::engine::CloudError;

/// Parts of an upload that was never finished are billed and listed nowhere; after so many
/// days nobody will finish it (Amazon S3 User Guide, "Configuring a bucket lifecycle
/// configuration to delete incomplete multipart uploads").
const UPLOAD_DAYS: i32 = 7;
/// Id of the rule that removes them.
const UPLOADS: &str = "unfinished-uploads";

impl Aws {
    pub(in crate::aws) async fn block_public_access(&self, name: &str) -> Result<(), CloudError> {
        let operation = "s3:PutBucketPublicAccessBlock";
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .block_public_policy(true)
            .ignore_public_acls(true)
            .restrict_public_buckets(true)
            .build();
        self.s3
            .put_public_access_block()
            .bucket(name)
            .expected_bucket_owner(self.bucket_account().await?)
            .public_access_block_configuration(block)
            .send()
            .await
            .context(operation, name)
            .retry_if_not_found()?;
        Ok(())
    }

    pub(in crate::aws) async fn encrypt_bucket(&self, name: &str) -> Result<(), CloudError> {
        let operation = "s3:PutEncryptionConfiguration";
        let default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::Aes256)
            .build();
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(built(default, operation, name)?)
            .build();
        let encryption = ServerSideEncryptionConfiguration::builder()
            .rules(rule)
            .build();
        self.s3
            .put_bucket_encryption()
            .bucket(name)
            .expected_bucket_owner(self.bucket_account().await?)
            .server_side_encryption_configuration(built(encryption, operation, name)?)
            .send()
            .await
            .context(operation, name)
            .retry_if_not_found()?;
        Ok(())
    }

    /// Versions are never switched off again by AWS, only suspended: the older ones stay.
    pub(in crate::aws) async fn set_versioning(
        &self,
        name: &str,
        on: bool,
    ) -> Result<(), CloudError> {
        // A bucket that never had versions is left so.
        if self.is_versioned(name).await? == on {
            return Ok(());
        }
        let status = if on {
            BucketVersioningStatus::Enabled
        } else {
            BucketVersioningStatus::Suspended
        };
        self.s3
            .put_bucket_versioning()
            .bucket(name)
            .expected_bucket_owner(self.bucket_account().await?)
            .versioning_configuration(VersioningConfiguration::builder().status(status).build())
            .send()
            .await
            .context("s3:PutBucketVersioning", name)
            .retry_if_not_found()?;
        Ok(())
    }

    /// Beside the rules that others put there: a configuration is written as a whole.
    pub(in crate::aws) async fn drop_unfinished_uploads(
        &self,
        name: &str,
    ) -> Result<(), CloudError> {
        let operation = "s3:PutLifecycleConfiguration";
        let there = self.lifecycle(name).await?;
        let smallest = there
            .as_ref()
            .and_then(|found| found.transition_default_minimum_object_size.clone());
        let mut rules = there.and_then(|found| found.rules).unwrap_or_default();
        rules.retain(|rule| rule.id() != Some(UPLOADS));
        let rule = LifecycleRule::builder()
            .id(UPLOADS)
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix("").build())
            .abort_incomplete_multipart_upload(
                AbortIncompleteMultipartUpload::builder()
                    .days_after_initiation(UPLOAD_DAYS)
                    .build(),
            )
            .build();
        rules.push(built(rule, operation, name)?);
        let configuration = BucketLifecycleConfiguration::builder()
            .set_rules(Some(rules))
            .build();
        self.s3
            .put_bucket_lifecycle_configuration()
            .bucket(name)
            .expected_bucket_owner(self.bucket_account().await?)
            .lifecycle_configuration(built(configuration, operation, name)?)
            .set_transition_default_minimum_object_size(smallest)
            .send()
            .await
            .context(operation, name)
            .retry_if_not_found()?;
        Ok(())
    }

    pub(in crate::aws) async fn is_versioned(&self, name: &str) -> Result<bool, CloudError> {
        let answer = self
            .s3
            .get_bucket_versioning()
            .bucket(name)
            .expected_bucket_owner(self.bucket_account().await?)
            .send()
            .await;
        // Emulators wrap this one answer into an element that the SDK does not expect.
        if let Some(unread) = answer.as_ref().err().and_then(SdkError::raw_response)
            && let Some(body) = unread.body().bytes()
            && let Ok(text) = std::str::from_utf8(body)
            && text.contains("GetBucketVersioningResponse")
        {
            return Ok(text.contains("<Status>Enabled</Status>"));
        }
        let found = answer
            .context("s3:GetBucketVersioning", name)
            .ok_if_not_found()?;
        Ok(found.is_some_and(|found| found.status() == Some(&BucketVersioningStatus::Enabled)))
    }

    async fn lifecycle(
        &self,
        name: &str,
    ) -> Result<Option<GetBucketLifecycleConfigurationOutput>, CloudError> {
        let answer = self
            .s3
            .get_bucket_lifecycle_configuration()
            .bucket(name)
            .expected_bucket_owner(self.bucket_account().await?)
            .send()
            .await;
        answer
            .context("s3:GetLifecycleConfiguration", name)
            .ok_if_not_found()
    }

    pub(in crate::aws) async fn drops_unfinished_uploads(
        &self,
        name: &str,
    ) -> Result<bool, CloudError> {
        let found = self.lifecycle(name).await?;
        Ok(found.is_some_and(|found| {
            found.rules().iter().any(|rule| {
                rule.status() == &ExpirationStatus::Enabled
                    && rule.abort_incomplete_multipart_upload().is_some()
            })
        }))
    }

    pub(in crate::aws) async fn public_access_blocked(
        &self,
        name: &str,
    ) -> Result<bool, CloudError> {
        let answer = self
            .s3
            .get_public_access_block()
            .bucket(name)
            .expected_bucket_owner(self.bucket_account().await?)
            .send()
            .await;
        let found = answer
            .context("s3:GetBucketPublicAccessBlock", name)
            .ok_if_not_found()?;
        Ok(found
            .and_then(|answer| answer.public_access_block_configuration)
            .is_some_and(|block| {
                [
                    block.block_public_acls(),
                    block.block_public_policy(),
                    block.ignore_public_acls(),
                    block.restrict_public_buckets(),
                ]
                .into_iter()
                .all(|on| on == Some(true))
            }))
    }

    pub(in crate::aws) async fn bucket_encryption(
        &self,
        name: &str,
    ) -> Result<Option<String>, CloudError> {
        let answer = self
            .s3
            .get_bucket_encryption()
            .bucket(name)
            .expected_bucket_owner(self.bucket_account().await?)
            .send()
            .await;
        let found = answer
            .context("s3:GetEncryptionConfiguration", name)
            .ok_if_not_found()?;
        let algorithm = found
            .and_then(|answer| answer.server_side_encryption_configuration)
            .and_then(|configuration| configuration.rules.into_iter().next())
            .and_then(|rule| rule.apply_server_side_encryption_by_default)
            .map(|default| default.sse_algorithm.as_str().to_owned());
        Ok(Some(algorithm.unwrap_or_else(|| "none".to_owned())))
    }
}
