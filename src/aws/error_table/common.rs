//! What all services answer alike.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Denied, Terminal, Transient, Unknown};

/// Codes of throttled calls: botocore's retry handler and the AWS SDK's list.
pub(super) const THROTTLING: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "SlowDown",
];

pub(super) const ROWS: &[Row] = &[
    Row::of(
        Transient,
        "AWS SDKs and Tools Reference Guide: retry behavior",
        THROTTLING,
    ),
    Row::of(
        Transient,
        "Common Error Types in the API reference of each service",
        &[
            "InternalError",
            "InternalFailure",
            "InternalException",
            "InternalServerError",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "Unavailable",
            "ServiceFailure",
            "ServiceFailureException",
            "RequestTimeout",
            "RequestTimeoutException",
        ],
    ),
    Row::of(
        Denied,
        "Common Error Types in the API reference of each service",
        &[
            "AccessDenied",
            "AccessDeniedException",
            "AuthorizationError",
            "NotAuthorized",
            "OptInRequired",
            "RegionDisabledException",
        ],
    ),
    // AWS says so what is wrong with a request and also what it cannot do yet, so messages
    // decide, in the rows of the services: a text that nobody has met may be either.
    Row::of(
        Unknown,
        "Common Error Types in the API reference of each service",
        &[
            "ValidationException",
            "InvalidParameterCombination",
            "InvalidParameterValue",
        ],
    ),
    // A value that breaks the service's model.
    Row::of(
        Terminal,
        "localstack/localstack#6207; localstack 8b9a79f, recorded on AWS: tests/aws/services/sts",
        &["ValidationError", "ValidationException"],
    )
    .saying("failed to satisfy constraint"),
    Row::of(
        Terminal,
        "Common Error Types in the API reference of each service",
        &[
            "MissingParameter",
            "MissingAction",
            "InvalidAction",
            "InvalidQueryParameter",
            "MalformedQueryString",
            "MalformedInput",
            "SerializationException",
        ],
    ),
];
