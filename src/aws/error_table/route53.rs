//! What Amazon Route 53 answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Converging, NotFound, Quota, Transient};

pub(super) const ROWS: &[Row] = &[
    Row::of(
        Transient,
        "Amazon Route 53 API Reference: errors of each action",
        &["PriorRequestNotComplete"],
    ),
    Row::of(
        Converging,
        "Amazon Route 53 API Reference: errors of each action",
        &["ConcurrentModification", "HostedZoneNotEmpty"],
    ),
    Row::of(
        Quota,
        "Amazon Route 53 API Reference: errors of each action",
        &["TooManyHostedZones"],
    ),
    Row::of(
        NotFound,
        "Amazon Route 53 API Reference: errors of each action",
        &["NoSuchHostedZone"],
    ),
];
