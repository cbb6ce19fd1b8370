//! What Amazon S3 answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Converging, NotFound, Quota, Terminal, Transient};

pub(super) const ROWS: &[Row] = &[
    Row::of(
        Converging,
        "Amazon S3 API Reference: error responses",
        &["OperationAborted", "BucketNotEmpty"],
    ),
    // Two conditional writes at one time; who lost reads again and decides.
    Row::of(
        Terminal,
        "Amazon S3 API Reference: error responses",
        &[
            "ConditionalRequestConflict",
            "PreconditionFailed",
            "InvalidRequest",
            "InvalidWriteOffset",
            "EncryptionTypeMismatch",
            "TooManyParts",
            "BucketAlreadyExists",
            "BucketAlreadyOwnedByYou",
            "InvalidBucketName",
            "IllegalLocationConstraintException",
            "InvalidLocationConstraint",
            "InvalidTag",
            "MalformedXML",
            "IllegalVersioningConfigurationException",
            "InvalidArgument",
            "NotImplemented",
            "InvalidBucketOwnerAWSAccountID",
        ],
    ),
    // An object in an archive, or one that a lock keeps.
    Row::of(
        Terminal,
        "Amazon S3 API Reference: error responses",
        &["InvalidObjectState", "MethodNotAllowed"],
    ),
    Row::of(
        Transient,
        "Amazon S3 API Reference: error responses",
        &["RequestTimeTooSkewed", "OperationTimeout"],
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
