//! What Amazon S3 answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Converging, NotFound, Quota};

pub(super) const ROWS: &[Row] = &[
    Row::of(
        Converging,
        "Amazon S3 API Reference: error responses",
        &["OperationAborted", "BucketNotEmpty"],
    ),
    Row::of(
        Quota,
        "Amazon S3 API Reference: error responses",
        &["TooManyBuckets"],
    ),
    Row::of(
        NotFound,
        "Amazon S3 API Reference: error responses",
        &[
            "NotFound",
            "NoSuchBucket",
            "NoSuchKey",
            "NoSuchUpload",
            "NoSuchTagSet",
            "NoSuchPublicAccessBlockConfiguration",
            "NoSuchLifecycleConfiguration",
            "ServerSideEncryptionConfigurationNotFoundError",
        ],
    ),
];
