//! What all services answer alike.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Converging, Denied, Settling, Transient};

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
    // The role of a service is seconds old, or is just being created.
    Row::of(
        Settling,
        "Amazon ElastiCache API Reference: errors of each action",
        &["ServiceLinkedRoleNotFoundFault"],
    ),
    Row::of(
        Settling,
        "aws-samples/eks-workshop-v2#1609; cube-js/cube#11114",
        &["InvalidParameterValue"],
    )
    .saying("create service linked role"),
    Row::of(
        Settling,
        "crossplane/provider-aws#479",
        &["InvalidParameterValue"],
    )
    .saying("ServiceLinkedRoles.html"),
    Row::of(
        Converging,
        "terraform-provider-aws 1a5174b, internal/service: retried for each service that has it",
        &["ConcurrentModificationException"],
    ),
];
