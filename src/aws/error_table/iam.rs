//! What IAM answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Converging, NotFound, Quota};

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
