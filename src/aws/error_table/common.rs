//! What all services answer alike.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Denied, Terminal, Transient};

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
    Row::of(
        Terminal,
        "Common Error Types in the API reference of each service",
        &[
            "ValidationError",
            "ValidationException",
            "MissingParameter",
            "MissingAction",
            "InvalidAction",
            "InvalidParameterCombination",
            "InvalidParameterValue",
            "InvalidQueryParameter",
            "MalformedQueryString",
            "MalformedInput",
            "SerializationException",
        ],
    ),
];
