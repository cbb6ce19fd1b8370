//! What Amazon OpenSearch Service answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Converging, NotFound, Quota};

pub(super) const ROWS: &[Row] = &[
    Row::of(
        Converging,
        "Amazon OpenSearch Service API Reference: errors of each action",
        &["ConflictException"],
    ),
    // The SDK itself takes it for throttling.
    Row::of(
        Quota,
        "Amazon OpenSearch Service API Reference: errors of each action",
        &["LimitExceededException"],
    ),
    Row::of(
        NotFound,
        "Amazon OpenSearch Service API Reference: errors of each action",
        &["ResourceNotFoundException"],
    ),
];
