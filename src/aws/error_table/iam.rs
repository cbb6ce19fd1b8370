//! What IAM answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Converging, NotFound, Quota, Settling, Terminal, Unknown};

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
            "InvalidInput",
            "PolicyEvaluation",
            "PolicyNotAttachable",
            "MalformedCertificate",
            "KeyPairMismatch",
            "EntityAlreadyExists",
        ],
    ),
    // The text tells a policy that is wrong from one whose principal was created a moment ago.
    Row::of(
        Unknown,
        "AWS IAM API Reference: errors of each action",
        &["MalformedPolicyDocument"],
    ),
    Row::of(
        Terminal,
        "kubernetes/kops#13095",
        &["MalformedPolicyDocument"],
    )
    .saying("Syntax errors in policy"),
    Row::of(
        Terminal,
        "localstack 8b9a79f, recorded on AWS: tests/aws/services/iam",
        &["MalformedPolicyDocument"],
    )
    .saying("contains invalid Json"),
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
