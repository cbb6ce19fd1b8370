//! The bucket of uploaded files.

use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, Delete, ObjectIdentifier,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging,
};

use crate::blueprint::{Address, Kind};
use crate::engine::{CloudError, Observed, Request, State};
use crate::identity::names::Names;

use super::Aws;
use super::error::{During, Judge, built, foreign, refused};
use super::network::visible;
use super::tags::{self, observed};

/// The only region that has to be left out of a creation.
const FIRST_REGION: &str = "us-east-1";

/// Whose a bucket is by its tags.
enum Owner {
    Ours(Address),
    /// Nobody's: a creation was cut off before the tags were set. The name holds a hash of
    /// account, region and environment, so it cannot be meant for anything else.
    Untagged,
    Stranger,
}

impl Aws {
    pub(super) async fn create_bucket(
        &self,
        request: &Request<'_>,
    ) -> Result<Observed, CloudError> {
        let operation = "s3:CreateBucket";
        let name = self.bucket_name(request.environment).await?;
        let mut configuration =
            CreateBucketConfiguration::builder().set_tags(Some(s3_tags(request, operation)?));
        if self.region != FIRST_REGION {
            configuration = configuration
                .location_constraint(BucketLocationConstraint::from(self.region.as_str()));
        }
        self.s3
            .create_bucket()
            .bucket(&name)
            .create_bucket_configuration(configuration.build())
            .send()
            .await
            .during(operation, request.address)
            .or_done(&["BucketAlreadyOwnedByYou"])
            .map_err(|error| {
                if error.code == "BucketAlreadyExists" {
                    let message = "another account has a bucket of this name; \
                                   give the environment another name";
                    refused(operation, &name, &error.code, message)
                } else {
                    error
                }
            })?;
        self.complete_bucket(request, &name).await
    }

    pub(super) async fn complete_bucket(
        &self,
        request: &Request<'_>,
        name: &str,
    ) -> Result<Observed, CloudError> {
        // Before anything is changed: where we own the name already, the creation of a
        // bucket succeeds.
        match self.bucket_owner(name, request.environment).await? {
            Some(Owner::Stranger) => {
                return Err(foreign("s3:CreateBucket", name, request.environment));
            }
            Some(Owner::Ours(_)) => {}
            Some(Owner::Untagged) | None => self.tag_bucket(request, name).await?,
        }
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
            .public_access_block_configuration(block)
            .send()
            .await
            .during(operation, name)
            .while_creating()?;
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
            .server_side_encryption_configuration(built(encryption, operation, name)?)
            .send()
            .await
            .during(operation, name)
            .while_creating()?;
        let found = self.bucket(request.environment).await?;
        visible(found.into_iter().collect(), "s3:ListBucket", name)
    }

    async fn tag_bucket(&self, request: &Request<'_>, name: &str) -> Result<(), CloudError> {
        let operation = "s3:PutBucketTagging";
        let tagging = Tagging::builder()
            .set_tag_set(Some(s3_tags(request, operation)?))
            .build();
        self.s3
            .put_bucket_tagging()
            .bucket(name)
            .tagging(built(tagging, operation, name)?)
            .send()
            .await
            .during(operation, name)
            .while_creating()?;
        Ok(())
    }

    pub(super) async fn bucket(&self, environment: &str) -> Result<Option<Observed>, CloudError> {
        let name = self.bucket_name(environment).await?;
        if !self.bucket_exists(&name).await? {
            return Ok(None);
        }
        let (owner, blocked, encryption) = futures::try_join!(
            self.bucket_owner(&name, environment),
            self.public_access_blocked(&name),
            self.bucket_encryption(&name),
        )?;
        let address = match owner {
            Some(Owner::Ours(address)) => address,
            Some(Owner::Untagged) => Address::bucket(),
            Some(Owner::Stranger) | None => return Ok(None),
        };
        Ok(Some(observed(
            address,
            Kind::Bucket,
            name,
            (State::Ready, "available"),
            [
                (
                    "public_access",
                    Some(if blocked { "blocked" } else { "possible" }.to_owned()),
                ),
                ("encryption", encryption),
                ("region", Some(self.region.clone())),
            ],
        )))
    }

    pub(super) async fn bucket_name(&self, environment: &str) -> Result<String, CloudError> {
        let account = self.known_account().await?;
        Ok(Names::of(environment).bucket(&account.id, &account.region))
    }

    pub(super) async fn bucket_exists(&self, name: &str) -> Result<bool, CloudError> {
        let answer = self.s3.head_bucket().bucket(name).send().await;
        Ok(answer.during("s3:ListBucket", name).or_gone()?.is_some())
    }

    /// `None` when there is no such bucket.
    async fn bucket_owner(
        &self,
        name: &str,
        environment: &str,
    ) -> Result<Option<Owner>, CloudError> {
        let answer = self.s3.get_bucket_tagging().bucket(name).send().await;
        let tags = match answer.during("s3:GetBucketTagging", name) {
            Ok(answer) => answer.tag_set,
            Err(error) if error.code == "NoSuchTagSet" => vec![],
            Err(error) if error.code == "NoSuchBucket" => return Ok(None),
            Err(error) => return Err(error),
        };
        if tags.is_empty() {
            return Ok(Some(Owner::Untagged));
        }
        let pairs = tags.iter().map(|tag| (Some(tag.key()), Some(tag.value())));
        Ok(Some(
            tags::address(pairs, environment).map_or(Owner::Stranger, Owner::Ours),
        ))
    }

    async fn public_access_blocked(&self, name: &str) -> Result<bool, CloudError> {
        let answer = self.s3.get_public_access_block().bucket(name).send().await;
        let found = answer
            .during("s3:GetBucketPublicAccessBlock", name)
            .or_gone()?;
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

    async fn bucket_encryption(&self, name: &str) -> Result<Option<String>, CloudError> {
        let answer = self.s3.get_bucket_encryption().bucket(name).send().await;
        let found = answer
            .during("s3:GetEncryptionConfiguration", name)
            .or_gone()?;
        let algorithm = found
            .and_then(|answer| answer.server_side_encryption_configuration)
            .and_then(|configuration| configuration.rules.into_iter().next())
            .and_then(|rule| rule.apply_server_side_encryption_by_default)
            .map(|default| default.sse_algorithm.as_str().to_owned());
        Ok(Some(algorithm.unwrap_or_else(|| "none".to_owned())))
    }

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

fn s3_tags(request: &Request<'_>, operation: &str) -> Result<Vec<Tag>, CloudError> {
    tags::of(request)
        .into_iter()
        .map(|(key, value)| {
            built(
                Tag::builder().key(key).value(value).build(),
                operation,
                request.address,
            )
        })
        .collect()
}
