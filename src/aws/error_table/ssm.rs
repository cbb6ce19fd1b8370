//! What Systems Manager's parameter store answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Converging, Denied, NotFound, Quota, Terminal};

pub(super) const ROWS: &[Row] = &[
    Row::of(
        Converging,
        "AWS Systems Manager API Reference: errors of each action",
        &["TooManyUpdates"],
    ),
    Row::of(
        Quota,
        "AWS Systems Manager API Reference: errors of each action",
        &[
            "ParameterLimitExceeded",
            "ParameterMaxVersionLimitExceeded",
            "PoliciesLimitExceededException",
        ],
    ),
    Row::of(
        Terminal,
        "AWS Systems Manager API Reference: errors of each action",
        &[
            "HierarchyLevelLimitExceededException",
            "HierarchyTypeMismatchException",
            "IncompatiblePolicyException",
            "InvalidAllowedPatternException",
            "InvalidFilterKey",
            "InvalidFilterOption",
            "InvalidFilterValue",
            "InvalidNextToken",
            "InvalidPolicyAttributeException",
            "InvalidPolicyTypeException",
            "InvalidResourceType",
            "ParameterAlreadyExists",
            "ParameterPatternMismatchException",
            "TooManyTagsError",
            "UnsupportedParameterType",
        ],
    ),
    // Some partitions have no tiers.
    Row::of(
        Terminal,
        "terraform-provider-aws 1a5174b, internal/service/ssm/parameter.go",
        &["ValidationException"],
    )
    .at(&["PutParameter"])
    .saying("Tier is not supported"),
    // The key that encrypts the parameter may not be used, is disabled or is not there.
    Row::of(
        Denied,
        "AWS Systems Manager API Reference: errors of each action",
        &["InvalidKeyId"],
    ),
    Row::of(
        NotFound,
        "AWS Systems Manager API Reference: errors of each action",
        &[
            "ParameterNotFound",
            "ParameterVersionNotFound",
            "InvalidResourceId",
        ],
    ),
];
