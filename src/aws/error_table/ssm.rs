//! What Systems Manager's parameter store answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Converging, NotFound, Quota};

pub(super) const ROWS: &[Row] = &[
    Row::of(
        Converging,
        "AWS Systems Manager API Reference: errors of each action",
        &["TooManyUpdates"],
    ),
    Row::of(
        Quota,
        "AWS Systems Manager API Reference: errors of each action",
        &["ParameterLimitExceeded"],
    ),
    Row::of(
        NotFound,
        "AWS Systems Manager API Reference: errors of each action",
        &["ParameterNotFound", "InvalidResourceId"],
    ),
];
