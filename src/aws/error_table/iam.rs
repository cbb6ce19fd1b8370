//! What IAM answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Converging, NotFound, Quota, Settling, Terminal};

pub(super) const ROWS: &[Row] = &[
    Row::of(
        Converging,
        "AWS IAM API Reference: errors of each action",
        &[
            "DeleteConflict",
            "ConcurrentModification",
            "EntityTemporarilyUnmodifiable",
        ],
    ),
    // A service's own role, or a policy or name that is wrong.
    Row::of(
        Terminal,
        "AWS IAM API Reference: errors of each action",
        &[
            "UnmodifiableEntity",
            "MalformedPolicyDocument",
            "InvalidInput",
            "PolicyEvaluation",
            "PolicyNotAttachable",
            "MalformedCertificate",
            "KeyPairMismatch",
            "EntityAlreadyExists",
        ],
    ),
    // The principal of a policy was created a moment ago.
    Row::of(
        Settling,
        "terraform-provider-aws 1a5174b, internal/service/iam/role.go: 2 minutes",
        &["MalformedPolicyDocument"],
    )
    .saying("Invalid principal in policy"),
    Row::of(
        Settling,
        "terraform-provider-aws 1a5174b, internal/service/iam/instance_profile.go: 2 minutes",
        &["InvalidParameterValue"],
    )
    .at(&["AddRoleToInstanceProfile"])
    .saying("Invalid IAM Instance Profile name"),
    Row::of(
        Quota,
        "AWS IAM API Reference: errors of each action",
        &["LimitExceeded"],
    ),
    Row::of(
        NotFound,
        "AWS IAM API Reference: errors of each action",
        &["NoSuchEntity"],
    ),
];
