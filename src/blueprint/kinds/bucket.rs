//! The bucket of uploaded files.

use crate::spec::Protection;

use super::super::{AttributeValue, Attributes, Kind};
use super::grants::{CREATE, CREATE_AND_UPDATE, DELETE, NamedResources, READ};
use super::info::{AttributeInfo, Band, KindInfo, minutes_each};
use super::quota::Quota;
use super::resource::Resource;

/// The bucket of uploaded files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesBucket {
    /// Whether overwritten files are kept.
    pub versioning: bool,
    /// `final_snapshot` keeps the files.
    pub protection: Protection,
}

impl Resource for FilesBucket {
    fn attributes(&self) -> Attributes {
        [
            ("public_access", AttributeValue::from("blocked")),
            ("encryption", "AES256".into()),
            ("versioning", self.versioning.into()),
            ("unfinished_uploads", "removed".into()),
            ("deletion_protection", self.protection.deletion.into()),
            ("keeps_files", self.protection.final_snapshot.into()),
        ]
        .into_iter()
        .collect()
    }

    fn protection(&self) -> Protection {
        self.protection
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::Seed],
    // The name of a bucket that was deleted is free again after up to an hour or two
    // (`OperationAborted`); terraform-provider-aws, internal/service/s3/bucket.go, gives a deletion
    // 60 minutes.
    patience: minutes_each(60, 20, 60),
    attributes: &[
        AttributeInfo::text("public_access"),
        AttributeInfo::text("encryption"),
        AttributeInfo::flag("versioning"),
        AttributeInfo::text("unfinished_uploads"),
        AttributeInfo::flag("deletion_protection"),
        AttributeInfo::flag("keeps_files"),
    ],
    band: Band::Account,
    quotas: |_, _| Ok(vec![(Quota::Buckets, 1.0)]),
    grants: &[
        FILES.grant(
            READ,
            "s3:GetBucketPublicAccessBlock s3:GetBucketTagging s3:GetBucketVersioning \
         s3:GetEncryptionConfiguration s3:GetLifecycleConfiguration s3:ListBucket",
            "finding the bucket of uploaded files",
        ),
        FILES.grant(
            CREATE,
            "s3:CreateBucket s3:TagResource",
            "the bucket of uploaded files",
        ),
        FILES.grant(
            CREATE_AND_UPDATE,
            "s3:PutBucketPublicAccessBlock s3:PutBucketTagging s3:PutBucketVersioning \
         s3:PutEncryptionConfiguration s3:PutLifecycleConfiguration",
            "its tags, no public access, encryption, versions, clearing up",
        ),
        FILES.grant(
            DELETE,
            "s3:AbortMultipartUpload s3:DeleteBucket s3:DeleteObject s3:DeleteObjectVersion \
         s3:ListBucketMultipartUploads s3:ListBucketVersions",
            "a bucket has to be empty before it can be deleted",
        ),
    ],
    ..KindInfo::COMMON
};

pub(super) const FILES: NamedResources = NamedResources {
    statement: "FilesBucket",
    on: "arn:{partition}:s3:::{bucket} arn:{partition}:s3:::{bucket}/*",
};
