//! What every service may answer.

use super::KnownRefusal;
use super::Meaning::{Denied, Invalid, Later};

const RETRIES: &str =
    "AWS SDKs and Tools Reference Guide, retry behavior; botocore 1.43.106, data/_retry.json";
const RECORDED: &str = "localstack 8b9a79f, recorded on AWS: tests/aws/services/sts";
const COMMON: &str = "Common Error Types in the API reference of each service";
const RATE: &str = "Rate exceeded";
const BUSY: &str =
    "The request processing has failed because of an unknown error, exception or failure.";
const UNAVAILABLE: &str = "The request has failed due to a temporary failure of the server.";
const NOT_ALLOWED: &str =
    "User: arn:aws:iam::123456789012:user/operator is not authorized to perform this action";

pub(super) const ROWS: &[KnownRefusal] = &[
    KnownRefusal::of(Later, &[], "Throttling", RATE, RETRIES),
    KnownRefusal::of(Later, &[], "ThrottlingException", RATE, RETRIES),
    KnownRefusal::of(Later, &[], "ThrottledException", RATE, RETRIES),
    KnownRefusal::of(Later, &[], "RequestThrottled", RATE, RETRIES),
    KnownRefusal::of(Later, &[], "RequestThrottledException", RATE, RETRIES),
    KnownRefusal::of(Later, &[], "TooManyRequestsException", RATE, RETRIES).status(429),
    KnownRefusal::of(
        Later,
        &[],
        "RequestLimitExceeded",
        "Request limit exceeded.",
        RETRIES,
    )
    .status(503),
    KnownRefusal::of(Later, &[], "BandwidthLimitExceeded", RATE, RETRIES).status(509),
    KnownRefusal::of(Later, &[], "EC2ThrottledException", RATE, RETRIES),
    KnownRefusal::of(
        Later,
        &[],
        "SlowDown",
        "Please reduce your request rate.",
        RETRIES,
    )
    .status(503),
    KnownRefusal::of(Later, &[], "InternalError", BUSY, COMMON).status(500),
    KnownRefusal::of(Later, &[], "InternalFailure", BUSY, COMMON).status(500),
    KnownRefusal::of(Later, &[], "InternalException", BUSY, COMMON).status(500),
    KnownRefusal::of(Later, &[], "InternalServerError", BUSY, COMMON).status(500),
    KnownRefusal::of(Later, &[], "ServiceUnavailable", UNAVAILABLE, COMMON).status(503),
    KnownRefusal::of(
        Later,
        &[],
        "ServiceUnavailableException",
        UNAVAILABLE,
        COMMON,
    )
    .status(503),
    KnownRefusal::of(Later, &[], "Unavailable", UNAVAILABLE, COMMON).status(503),
    KnownRefusal::of(Later, &[], "ServiceFailure", BUSY, COMMON).status(500),
    KnownRefusal::of(Later, &[], "ServiceFailureException", BUSY, COMMON).status(500),
    KnownRefusal::of(
        Later,
        &[],
        "RequestTimeout",
        "Your socket connection to the server was not read from or written to within the timeout period.",
        RETRIES,
    ),
    KnownRefusal::of(
        Later,
        &[],
        "RequestTimeoutException",
        "Request timed out",
        RETRIES,
    ),
    KnownRefusal::of(Denied, &[], "AccessDenied", NOT_ALLOWED, COMMON).status(403),
    KnownRefusal::of(Denied, &[], "AccessDeniedException", NOT_ALLOWED, COMMON),
    KnownRefusal::of(Denied, &[], "AuthorizationError", NOT_ALLOWED, COMMON),
    KnownRefusal::of(
        Denied,
        &[],
        "NotAuthorized",
        "You do not have permission to perform this action.",
        COMMON,
    ),
    KnownRefusal::of(
        Denied,
        &[],
        "OptInRequired",
        "You are not subscribed to this service.",
        COMMON,
    )
    .status(403),
    KnownRefusal::of(
        Denied,
        &[],
        "RegionDisabledException",
        "STS is not activated in this region for account:123456789012.",
        "AWS STS API Reference: errors of each action",
    )
    .status(403),
    KnownRefusal::of(
        Denied,
        &[],
        "AuthFailure",
        "AWS was not able to validate the provided access credentials",
        "Amazon EC2 API Reference: error codes",
    )
    .status(401),
    KnownRefusal::of(
        Denied,
        &[],
        "ExpiredToken",
        "The security token included in the request is expired",
        COMMON,
    )
    .status(403),
    KnownRefusal::of(
        Denied,
        &[],
        "ExpiredTokenException",
        "The security token included in the request is expired",
        COMMON,
    ),
    KnownRefusal::of(
        Denied,
        &[],
        "RequestExpired",
        "Request has expired.",
        COMMON,
    ),
    KnownRefusal::of(
        Denied,
        &[],
        "InvalidToken",
        "The provided token is malformed or otherwise invalid.",
        "Amazon S3 API Reference: error responses",
    ),
    KnownRefusal::of(
        Denied,
        &[],
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
        COMMON,
    )
    .status(403),
    KnownRefusal::of(
        Denied,
        &[],
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        "Amazon S3 API Reference: error responses",
    )
    .status(403),
    KnownRefusal::of(
        Denied,
        &[],
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
        COMMON,
    ),
    KnownRefusal::of(
        Denied,
        &[],
        "IncompleteSignature",
        "The request signature does not conform to AWS standards.",
        COMMON,
    ),
    KnownRefusal::of(
        Denied,
        &[],
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided.",
        COMMON,
    ),
    KnownRefusal::of(
        Denied,
        &[],
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided.",
        COMMON,
    )
    .status(403),
    KnownRefusal::of(
        Denied,
        &[],
        "MissingAuthenticationToken",
        "Missing Authentication Token",
        COMMON,
    )
    .status(403),
    KnownRefusal::of(
        Denied,
        &[],
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
        COMMON,
    ),
    KnownRefusal::of(
        Invalid,
        &[],
        "ValidationError",
        "1 validation error detected: Value 'two words' at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+",
        RECORDED,
    ),
    KnownRefusal::of(
        Invalid,
        &[],
        "ValidationException",
        "1 validation error detected: Value '1234' at 'domainName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z][a-z0-9\\-]+",
        "localstack/localstack#6207",
    ),
    KnownRefusal::of(
        Invalid,
        &[],
        "MissingParameter",
        "A required parameter for the specified action is not supplied.",
        COMMON,
    ),
    KnownRefusal::of(
        Invalid,
        &[],
        "MissingAction",
        "The request is missing an action or a required parameter.",
        COMMON,
    ),
    KnownRefusal::of(
        Invalid,
        &[],
        "InvalidAction",
        "The action or operation requested is invalid.",
        COMMON,
    ),
    KnownRefusal::of(
        Invalid,
        &[],
        "InvalidQueryParameter",
        "The AWS query string is malformed or does not adhere to AWS standards.",
        COMMON,
    ),
    KnownRefusal::of(
        Invalid,
        &[],
        "MalformedQueryString",
        "The query string contains a syntax error.",
        COMMON,
    )
    .status(404),
    KnownRefusal::of(
        Invalid,
        &[],
        "MalformedInput",
        "A value is not of its type.",
        "AWS IAM and Elastic Load Balancing, met for values of another type",
    ),
    KnownRefusal::of(
        Invalid,
        &[],
        "SerializationException",
        "Start of structure or map found where not expected.",
        "Smithy, AWS JSON 1.1 protocol: met for bodies that are no request",
    ),
];
