//! The bucket of uploaded files.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, Tag, Tagging};

use crate::blueprint::{Address, Desired, Kind};
use crate::engine::{CloudError, Observed, Request, State};
use crate::identity::names::Names;
use crate::spec::Protection;

use super::Aws;
use super::error::{During, Judge, built, foreign, refused};
use super::network::visible;
use super::tags::{self, observed};

/// The only region that has to be left out of a creation.
pub(super) const FIRST_REGION: &str = "us-east-1";

/// Whose a bucket is by its tags.
enum Owner {
    Ours(Address, Protection),
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
            Some(Owner::Ours(_, policy)) if policy == request.desired.protection() => {}
            Some(Owner::Ours(..) | Owner::Untagged) | None => {
                self.tag_bucket(request, name).await?;
            }
        }
        let Desired::Bucket { versioning, .. } = request.desired else {
            return Err(refused(
                "s3:CreateBucket",
                request.address,
                "NotABucket",
                "wrong kind of resource",
            ));
        };
        self.block_public_access(name).await?;
        self.encrypt_bucket(name).await?;
        self.set_versioning(name, *versioning).await?;
        self.drop_unfinished_uploads(name).await?;
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
        let Some(mut found) = self.bucket_at_a_glance(environment).await? else {
            return Ok(None);
        };
        let (encryption, uploads) = futures::try_join!(
            self.bucket_encryption(&found.id),
            self.drops_unfinished_uploads(&found.id),
        )?;
        let uploads = if uploads { "removed" } else { "kept" };
        let more = encryption
            .map(|encryption| ("encryption", encryption))
            .into_iter()
            .chain([("unfinished_uploads", uploads.to_owned())]);
        found
            .attributes
            .extend(more.map(|(key, value)| (key.to_owned(), value)));
        Ok(Some(found))
    }

    /// The bucket by its tags, with the settings that lay its files open or lose them.
    pub(super) async fn bucket_at_a_glance(
        &self,
        environment: &str,
    ) -> Result<Option<Observed>, CloudError> {
        let name = self.bucket_name(environment).await?;
        let (address, policy) = match self.bucket_owner(&name, environment).await? {
            Some(Owner::Ours(address, policy)) => (address, policy),
            Some(Owner::Untagged) => (Address::bucket(), Protection::default()),
            Some(Owner::Stranger) | None => return Ok(None),
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
                    Some(if blocked { "blocked" } else { "possible" }.to_owned()),
                ),
                ("versioning", Some(versioning.to_string())),
                ("deletion_protection", Some(policy.deletion.to_string())),
                ("keeps_files", Some(policy.final_snapshot.to_string())),
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
        let pairs = || tags.iter().map(|tag| (Some(tag.key()), Some(tag.value())));
        let policy = tags::protection(pairs());
        let address = tags::address(pairs(), environment);
        Ok(Some(address.map_or(Owner::Stranger, |address| {
            Owner::Ours(address, policy)
        })))
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
