//! What Amazon S3 answers. Its model names few errors.

use super::KnownRefusal;
use super::Meaning::{Gone, InProgress, Invalid, Later, NotYet, Quota, Taken};

const RESPONSES: &str = "Amazon S3 API Reference: error responses";
const SETTINGS: &[&str] = &[
    "PutBucketLifecycleConfiguration",
    "PutPublicAccessBlock",
    "PutBucketVersioning",
];

pub(super) const ROWS: &[KnownRefusal] = &[
    KnownRefusal::of(NotYet, SETTINGS, "NoSuchBucket", "The specified bucket does not exist", "terraform-provider-aws 1a5174b, internal/service/s3/bucket.go").status(404).waits(120),
    KnownRefusal::of(InProgress, &["CreateBucket"], "OperationAborted", "A conflicting conditional operation is currently in progress against this resource. Please try again.", "terraform-provider-aws 1a5174b, internal/service/s3/bucket.go").status(409).waits(1200),
    KnownRefusal::of(InProgress, &["DeleteBucket"], "BucketNotEmpty", "The bucket you tried to delete is not empty. You must delete all versions in the bucket.", RESPONSES).status(409),
    KnownRefusal::of(Later, &["PutBucketLifecycleConfiguration"], "OperationTimeout", "The operation timed out.", RESPONSES).status(408),
    KnownRefusal::of(Later, &["PutBucketLifecycleConfiguration"], "RequestTimeTooSkewed", "The difference between the request time and the server's time is too large.", "botocore 1.43.106, retries.adaptive: the clock's offset is corrected, then it is sent again").status(403),
    KnownRefusal::of(Taken, &["CreateBucket"], "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.", RESPONSES).status(409),
    KnownRefusal::of(Taken, &["CreateBucket"], "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.", RESPONSES).status(409),
    KnownRefusal::of(Quota, &["CreateBucket"], "TooManyBuckets", "You have attempted to create more buckets than allowed.", RESPONSES),
    KnownRefusal::of(Invalid, &["CreateBucket"], "InvalidBucketName", "The specified bucket is not valid.", RESPONSES),
    KnownRefusal::of(Invalid, &["CreateBucket"], "IllegalLocationConstraintException", "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.", RESPONSES),
    KnownRefusal::of(Invalid, &["CreateBucket"], "InvalidLocationConstraint", "The specified location-constraint is not valid", RESPONSES),
    KnownRefusal::of(Invalid, &["CreateBucket"], "InvalidTag", "Cannot provide multiple Tags with the same key", RESPONSES),
    KnownRefusal::of(Invalid, SETTINGS, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema", RESPONSES),
    KnownRefusal::of(Invalid, &["PutBucketVersioning"], "IllegalVersioningConfigurationException", "The Versioning element must be specified", RESPONSES),
    KnownRefusal::of(Invalid, &[], "InvalidArgument", "Invalid Argument", RESPONSES),
    KnownRefusal::of(Invalid, &[], "NotImplemented", "A header you provided implies functionality that is not implemented", RESPONSES).status(501),
    KnownRefusal::of(Invalid, &["CreateBucket"], "InvalidBucketOwnerAWSAccountID", "The value of the expected bucket owner parameter must be an AWS account ID", RESPONSES),
    KnownRefusal::of(Taken, &["PutObject", "DeleteObject"], "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", "Amazon S3 User Guide: conditional writes").status(412),
    KnownRefusal::of(Taken, &["PutObject", "DeleteObject"], "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation against this resource.", "Amazon S3 User Guide: conditional writes").status(409),
    KnownRefusal::of(Gone, &["DeleteBucket"], "NoSuchBucket", "The specified bucket does not exist", RESPONSES).status(404),
    KnownRefusal::of(Gone, &["HeadBucket"], "NotFound", "Not Found", RESPONSES).status(404),
    KnownRefusal::of(Gone, &["GetObject"], "NoSuchKey", "The specified key does not exist.", RESPONSES).status(404),
    KnownRefusal::of(Invalid, &["GetObject"], "MethodNotAllowed", "The specified method is not allowed against this resource.", "Amazon S3 User Guide: working with delete markers").status(405),
    KnownRefusal::of(Gone, &["AbortMultipartUpload"], "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.", RESPONSES).status(404),
    KnownRefusal::of(Gone, &["GetBucketTagging"], "NoSuchTagSet", "The TagSet does not exist", RESPONSES).status(404),
    KnownRefusal::of(Gone, &["GetPublicAccessBlock"], "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", RESPONSES).status(404),
    KnownRefusal::of(Gone, &["GetBucketLifecycleConfiguration"], "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", RESPONSES).status(404),
    KnownRefusal::of(Gone, &["GetBucketEncryption"], "ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found", RESPONSES).status(404),
];
