//! The bucket of uploaded files.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, Tag, Tagging};

use crate::aws::Aws;
use crate::aws::error::{
    CallContext, ErrorPolicy, built, foreign_resource, not_listed_yet, refused,
};
use crate::aws::request::{differs, require_listed};
use crate::aws::tags::{self, observed};
use crate::blueprint::kinds::FilesBucket;
use crate::blueprint::{Address, AttributeValue, Kind};
use crate::engine::{CloudError, FailureClass, Observed, Request, State};
use crate::identity::names::Names;
use crate::spec::Protection;

/// The only region that has to be left out of a creation.
pub(in crate::aws) const FIRST_REGION: &str = "us-east-1";

/// Whose a bucket is by its tags.
pub(in crate::aws) enum BucketOwner {
    Ours(Address, Protection),
    /// Nobody's: somebody removed the tags that it was created with. The name holds a hash of
    /// account, region and environment, so it is the environment's; whether its files are to
    /// be kept is not known any more.
    Untagged,
    Foreign,
}

impl Aws {
    pub(in crate::aws) async fn create_bucket(
        &self,
        request: &Request<'_>,
        wanted: &FilesBucket,
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
            .context(operation, request.address)
            .ok_if_code(&["BucketAlreadyOwnedByYou"])
            .map_err(|error| {
                if error.code == "BucketAlreadyExists" {
                    let message = "another account has a bucket of this name; \
                                   give the environment another name";
                    refused(operation, &name, &error.code, message)
                } else {
                    error
                }
            })?;
        // Before anything is changed: where we own the name already, the creation of a
        // bucket succeeds.
        match self.bucket(request.environment).await? {
            Some(found) => self.change_bucket(request, &found, wanted).await,
            None => match self.bucket_owner(&name, request.environment).await? {
                Some(BucketOwner::Foreign) => {
                    Err(foreign_resource(operation, &name, request.environment))
                }
                _ => Err(not_listed_yet(operation, &name)),
            },
        }
    }

    /// Writes what was seen to differ, and nothing else: what was not read is not shown by
    /// a plan.
    pub(in crate::aws) async fn change_bucket(
        &self,
        request: &Request<'_>,
        seen: &Observed,
        wanted: &FilesBucket,
    ) -> Result<Observed, CloudError> {
        let name = seen.id.as_str();
        let differs = |name: &str| differs(request, seen, name);
        if differs("deletion_protection") || differs("keeps_files") {
            self.tag_bucket(request, name).await?;
        }
        if differs("public_access") {
            self.block_public_access(name).await?;
        }
        if differs("encryption") {
            self.encrypt_bucket(name).await?;
        }
        if differs("versioning") {
            self.set_versioning(name, wanted.versioning).await?;
        }
        if differs("unfinished_uploads") {
            self.drop_unfinished_uploads(name).await?;
        }
        let found = self.bucket(request.environment).await?;
        require_listed(found.into_iter().collect(), "s3:ListBucket", name)
    }

    /// Beside the tags that others put there: a set of tags is written as a whole.
    async fn tag_bucket(&self, request: &Request<'_>, name: &str) -> Result<(), CloudError> {
        let operation = "s3:PutBucketTagging";
        let there = self.bucket_tags(name).await?.unwrap_or_default();
        if let BucketOwner::Foreign = owner_of(&there, request.environment) {
            return Err(foreign_resource(operation, name, request.environment));
        }
        let ours = s3_tags(request, operation)?;
        let mut tags = there;
        // A policy that protects nothing has no tag.
        tags.retain(|tag| {
            tag.key() != tags::PROTECTION && ours.iter().all(|one| one.key() != tag.key())
        });
        tags.extend(ours);
        let tagging = Tagging::builder().set_tag_set(Some(tags)).build();
        self.s3
            .put_bucket_tagging()
            .bucket(name)
            .expected_bucket_owner(self.bucket_account().await?)
            .tagging(built(tagging, operation, name)?)
            .send()
            .await
            .context(operation, name)
            .retry_if_not_found()?;
        Ok(())
    }

    pub(in crate::aws) async fn bucket(
        &self,
        environment: &str,
    ) -> Result<Option<Observed>, CloudError> {
        let Some(mut found) = self.bucket_in_short(environment).await? else {
            return Ok(None);
        };
        let (encryption, uploads) = futures::try_join!(
            self.bucket_encryption(&found.id),
            self.drops_unfinished_uploads(&found.id),
        )?;
        let uploads = if uploads { "removed" } else { "kept" };
        let encryption = encryption.map(|encryption| ("encryption", encryption.into()));
        found.attributes.extend(encryption);
        found.attributes.insert("unfinished_uploads", uploads);
        Ok(Some(found))
    }

    /// The bucket by its tags, with the settings that lay its files open or lose them.
    pub(in crate::aws) async fn bucket_in_short(
        &self,
        environment: &str,
    ) -> Result<Option<Observed>, CloudError> {
        let name = self.bucket_name(environment).await?;
        let (address, deletion, keeps) = match self.bucket_owner(&name, environment).await? {
            Some(BucketOwner::Ours(address, policy)) => (
                address,
                policy.deletion.into(),
                policy.final_snapshot.into(),
            ),
            Some(BucketOwner::Untagged) => (
                Address::bucket(),
                AttributeValue::Unknown,
                AttributeValue::Unknown,
            ),
            Some(BucketOwner::Foreign) | None => return Ok(None),
        };
        let (blocked, versioning) =
            futures::try_join!(self.public_access_blocked(&name), self.is_versioned(&name))?;
        Ok(Some(observed(
            address,
            Kind::Bucket,
            name,
            (State::Ready, "available"),
            [
                (
                    "public_access",
                    Some(if blocked { "blocked" } else { "possible" }.into()),
                ),
                ("versioning", Some(versioning.into())),
                ("deletion_protection", Some(deletion)),
                ("keeps_files", Some(keeps)),
                ("region", Some(self.region.clone().into())),
            ],
        )))
    }

    pub(in crate::aws) async fn bucket_name(
        &self,
        environment: &str,
    ) -> Result<String, CloudError> {
        let account = self.known_account().await?;
        Ok(Names::of(environment).bucket(&account.id, &account.region))
    }

    /// The account whose bucket every call means: a stranger's of the same name is refused.
    pub(in crate::aws) async fn bucket_account(&self) -> Result<&str, CloudError> {
        Ok(&self.known_account().await?.id)
    }

    pub(in crate::aws) async fn bucket_exists(&self, name: &str) -> Result<bool, CloudError> {
        let answer = self
            .s3
            .head_bucket()
            .bucket(name)
            .expected_bucket_owner(self.bucket_account().await?)
            .send()
            .await;
        match answer.context("s3:ListBucket", name).ok_if_not_found() {
            Ok(found) => Ok(found.is_some()),
            Err(error) => Err(self.in_words(error, name).await),
        }
    }

    /// A refusal of HeadBucket, which has no body, in the words of ListObjectsV2, which needs the same
    /// permission (Amazon S3 API Reference: HeadBucket).
    async fn in_words(&self, error: CloudError, bucket: &str) -> CloudError {
        if error.class != FailureClass::Denied {
            return error;
        }
        let Ok(account) = self.bucket_account().await else {
            return error;
        };
        let listed = self
            .s3
            .list_objects_v2()
            .bucket(bucket)
            .expected_bucket_owner(account)
            .send()
            .await;
        match listed.context("s3:ListBucket", bucket) {
            Err(told) if told.class == FailureClass::Denied => told,
            _ => error,
        }
    }

    /// `None` when there is no such bucket.
    pub(in crate::aws) async fn bucket_owner(
        &self,
        name: &str,
        environment: &str,
    ) -> Result<Option<BucketOwner>, CloudError> {
        let tags = self.bucket_tags(name).await?;
        Ok(tags.map(|tags| owner_of(&tags, environment)))
    }

    /// `None` when there is no such bucket.
    async fn bucket_tags(&self, name: &str) -> Result<Option<Vec<Tag>>, CloudError> {
        let answer = self
            .s3
            .get_bucket_tagging()
            .bucket(name)
            .expected_bucket_owner(self.bucket_account().await?)
            .send()
            .await;
        match answer.context("s3:GetBucketTagging", name) {
            Ok(answer) => Ok(Some(answer.tag_set)),
            Err(error) if error.code == "NoSuchTagSet" => Ok(Some(vec![])),
            Err(error) if error.code == "NoSuchBucket" => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn owner_of(tags: &[Tag], environment: &str) -> BucketOwner {
    if tags.is_empty() {
        return BucketOwner::Untagged;
    }
    let pairs = || tags.iter().map(|tag| (Some(tag.key()), Some(tag.value())));
    match tags::address(pairs(), environment) {
        Some(address) => BucketOwner::Ours(address, tags::protection(pairs())),
        None => BucketOwner::Foreign,
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
