//! The registry: one bucket for each account and region, which holds the leases of its
//! environments.
//!
//! It outlives environments on purpose. Leases are written by conditional requests; each
//! request names the bucket's owner, so that nobody else's bucket of that name is used.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html>

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, PublicAccessBlockConfiguration, Tag,
};
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::aws::Aws;
use crate::aws::answer_status::AnswerStatus;
use crate::aws::error::{CallContext, ErrorPolicy, built, incomplete};
use crate::aws::s3::bucket::FIRST_REGION;
use crate::engine::{CloudError, Condition, LeaseStore, ObjectVersion, Timestamped};
use crate::identity::names::registry_bucket;

/// For how long calls may not find a bucket that was created: terraform-provider-aws 1a5174b,
/// internal/service/s3/bucket.go.
const VISIBILITY: Duration = Duration::from_mins(2);
/// Pauses between looks in that time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Marks the bucket for people and policies. It is not an environment's tag: nothing that
/// removes environments may take it for one's.
const REGISTRY: &str = "loadrig:registry";

/// The registry of an account and region. Nothing is created before [`Registry::ensure`].
#[derive(Clone, Debug)]
pub struct Registry {
    aws: Arc<Aws>,
    bucket: String,
    account: String,
    answered: AnswerStatus,
}

impl Registry {
    /// The registry of the account that acts.
    ///
    /// # Errors
    /// When the account cannot be found out.
    pub async fn of(aws: &Arc<Aws>) -> Result<Self, CloudError> {
        let account = aws.known_account().await?.clone();
        Ok(Self {
            aws: Arc::clone(aws),
            bucket: registry_bucket(&account.id, &account.region),
            account: account.id,
            answered: AnswerStatus::default(),
        })
    }

    /// The same calls on another bucket of the account: for finding out whether its S3 keeps to the
    /// conditions that locks rest on.
    ///
    /// # Errors
    /// When the account cannot be found out.
    pub async fn on_trial(aws: &Arc<Aws>, bucket: &str) -> Result<Self, CloudError> {
        let registry = Self::of(aws).await?;
        Ok(Self {
            bucket: bucket.to_owned(),
            ..registry
        })
    }

    /// The HTTP status of the last answer to a call of [`LeaseStore`]; none before the first.
    #[must_use]
    pub fn last_status(&self) -> Option<u16> {
        self.answered.last()
    }

    /// The bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Whether it exists.
    ///
    /// # Errors
    /// When it belongs to somebody else, or cannot be read.
    pub async fn exists(&self) -> Result<bool, CloudError> {
        self.aws.bucket_exists(&self.bucket).await
    }

    /// Makes it where it is missing, closed to the public and tagged. Whether it was missing.
    ///
    /// # Errors
    /// When it cannot be created, or the name is somebody else's.
    pub async fn ensure(&self) -> Result<bool, CloudError> {
        let created = AtomicBool::new(false);
        until_visible(|| self.ensure_once(&created)).await?;
        Ok(created.into_inner())
    }

    async fn ensure_once(&self, was_created: &AtomicBool) -> Result<(), CloudError> {
        let mut created = false;
        if !self.exists().await? {
            self.create().await?;
            created = true;
            was_created.store(true, Ordering::Relaxed);
        }
        // A creation may have been cut off before this.
        let answer = self
            .aws
            .s3
            .get_public_access_block()
            .bucket(&self.bucket)
            .expected_bucket_owner(&self.account)
            .send()
            .await;
        let block = answer.context("s3:GetBucketPublicAccessBlock", &self.bucket);
        let block = match block {
            Err(error) if created && error.code == "NoSuchBucket" => {
                return Err(error).retry_if_not_found();
            }
            other => other,
        };
        let block = block
            .ok_if_not_found()?
            .and_then(|answer| answer.public_access_block_configuration);
        let closed = block.is_some_and(|block| {
            block.block_public_acls() == Some(true)
                && block.block_public_policy() == Some(true)
                && block.ignore_public_acls() == Some(true)
                && block.restrict_public_buckets() == Some(true)
        });
        if !closed {
            self.close().await?;
        }
        Ok(())
    }

    async fn create(&self) -> Result<(), CloudError> {
        let operation = "s3:CreateBucket";
        let tag = Tag::builder().key(REGISTRY).value("true").build();
        let mut configuration =
            CreateBucketConfiguration::builder().tags(built(tag, operation, &self.bucket)?);
        if self.aws.region != FIRST_REGION {
            configuration = configuration
                .location_constraint(BucketLocationConstraint::from(self.aws.region.as_str()));
        }
        self.aws
            .s3
            .create_bucket()
            .bucket(&self.bucket)
            .create_bucket_configuration(configuration.build())
            .send()
            .await
            .context(operation, &self.bucket)
            .ok_if_code(&["BucketAlreadyOwnedByYou"])?;
        Ok(())
    }

    async fn close(&self) -> Result<(), CloudError> {
        let operation = "s3:PutBucketPublicAccessBlock";
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .block_public_policy(true)
            .ignore_public_acls(true)
            .restrict_public_buckets(true)
            .build();
        self.aws
            .s3
            .put_public_access_block()
            .bucket(&self.bucket)
            .expected_bucket_owner(&self.account)
            .public_access_block_configuration(block)
            .send()
            .await
            .context(operation, &self.bucket)
            .retry_if_not_found()?;
        Ok(())
    }

    /// The names of all that is in it, once it exists.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub async fn objects(&self) -> Result<Vec<String>, CloudError> {
        until_visible(|| async { self.objects_once().await.retry_if_not_found() }).await
    }

    async fn objects_once(&self) -> Result<Vec<String>, CloudError> {
        let pages: Vec<_> = self
            .aws
            .s3
            .list_objects_v2()
            .bucket(&self.bucket)
            .expected_bucket_owner(&self.account)
            .into_paginator()
            .send()
            .try_collect()
            .await
            .context("s3:ListBucket", &self.bucket)?;
        Ok(pages
            .into_iter()
            .flat_map(|page| page.contents.unwrap_or_default())
            .filter_map(|object| object.key)
            .collect())
    }

    /// Removes it when nothing is in it: a lock that was taken a moment ago stays.
    ///
    /// # Errors
    /// When it belongs to somebody else, anything is in it, or it cannot be removed.
    pub async fn remove(&self) -> Result<(), CloudError> {
        let operation = "s3:DeleteBucket";
        let answer = self
            .aws
            .s3
            .delete_bucket()
            .bucket(&self.bucket)
            .expected_bucket_owner(&self.account)
            .send()
            .await;
        answer.context(operation, &self.bucket).ok_if_not_found()?;
        Ok(())
    }
}

/// Makes a call until it no longer fails with what passes: a bucket that was created a moment ago is
/// not there for all calls yet.
async fn until_visible<T, F>(call: impl Fn() -> F) -> Result<T, CloudError>
where
    F: Future<Output = Result<T, CloudError>>,
{
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match call().await {
            Err(error) if error.class.is_passing() && began.elapsed() < VISIBILITY => {
                tracing::info!(code = error.code, "the registry is not usable yet");
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            other => return other,
        }
    }
}

impl LeaseStore for Registry {
    async fn get(
        &self,
        name: &str,
    ) -> Result<Timestamped<Option<(String, ObjectVersion)>>, CloudError> {
        let operation = "s3:GetObject";
        let clock = ServerTime::default();
        let answer = self
            .aws
            .s3
            .get_object()
            .bucket(&self.bucket)
            .expected_bucket_owner(&self.account)
            .key(name)
            .customize()
            .interceptor(clock.clone())
            .interceptor(self.answered.clone())
            .send()
            .await;
        let found = match answer.context(operation, name) {
            // Of a missing bucket nothing can be said: it is not a missing lease.
            Err(error) if error.code == "NoSuchKey" => None,
            Err(error) => return Err(self.aws.with_remedy(error)),
            Ok(found) => Some(found),
        };
        let at = clock.store_time(operation, name)?;
        let Some(found) = found else {
            return Ok(Timestamped { value: None, at });
        };
        let version = found.e_tag.clone();
        let version = version.ok_or_else(|| incomplete(operation, name, "version"))?;
        let content = found.body.collect().await;
        let content = content.map_err(|error| incomplete(operation, name, &error.to_string()))?;
        let text = String::from_utf8_lossy(&content.into_bytes()).into_owned();
        Ok(Timestamped {
            value: Some((text, ObjectVersion(version))),
            at,
        })
    }

    async fn put(
        &self,
        name: &str,
        content: String,
        condition: Condition,
    ) -> Result<Timestamped<Option<ObjectVersion>>, CloudError> {
        let operation = "s3:PutObject";
        let clock = ServerTime::default();
        let put = self
            .aws
            .s3
            .put_object()
            .bucket(&self.bucket)
            .expected_bucket_owner(&self.account)
            .key(name)
            .content_type("application/json")
            .body(ByteStream::from(content.into_bytes()));
        let put = match condition {
            Condition::Absent => put.if_none_match("*"),
            Condition::Is(version) => put.if_match(version.0),
        };
        let put = put.customize().interceptor(clock.clone());
        let answer = put.interceptor(self.answered.clone()).send().await;
        let written = match answer.context(operation, name) {
            Err(error) if is_refused(&error) => None,
            Err(error) => return Err(self.aws.with_remedy(error)),
            Ok(answer) => Some(answer),
        };
        let value = match written {
            None => None,
            Some(answer) => {
                let version = answer.e_tag;
                Some(ObjectVersion(
                    version.ok_or_else(|| incomplete(operation, name, "version"))?,
                ))
            }
        };
        let at = clock.store_time(operation, name)?;
        Ok(Timestamped { value, at })
    }

    async fn delete(&self, name: &str, version: &ObjectVersion) -> Result<(), CloudError> {
        let answer = self
            .aws
            .s3
            .delete_object()
            .bucket(&self.bucket)
            .expected_bucket_owner(&self.account)
            .key(name)
            .if_match(&version.0)
            .customize()
            .interceptor(self.answered.clone())
            .send()
            .await;
        match answer.context("s3:DeleteObject", name) {
            Err(error) if is_refused(&error) => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

/// The condition did not hold: another version, none at all, or two writes at one time.
fn is_refused(error: &CloudError) -> bool {
    matches!(
        error.code.as_str(),
        "PreconditionFailed" | "ConditionalRequestConflict" | "NoSuchKey" | "Http412"
    )
}

/// Keeps the `Date` of the last answer: leases are judged by the server's time alone.
#[derive(Clone, Debug, Default)]
struct ServerTime(Arc<Mutex<Option<Timestamp>>>);

impl ServerTime {
    fn store_time(&self, operation: &str, name: &str) -> Result<Timestamp, CloudError> {
        let time = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        time.ok_or_else(|| incomplete(operation, name, "date"))
    }
}

impl Intercept for ServerTime {
    fn name(&self) -> &'static str {
        "ServerTime"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let time = date
            .and_then(|text| DateTime::from_str(text, DateTimeFormat::HttpDate).ok())
            .and_then(|time| Timestamp::from_second(time.secs()).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
        Ok(())
    }
}
