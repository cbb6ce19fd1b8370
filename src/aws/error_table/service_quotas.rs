//! What Service Quotas answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{NotFound, Terminal, Transient};

const REFERENCE: &str = "Service Quotas API Reference: errors of each action";

pub(super) const ROWS: &[Row] = &[
    Row::of(Transient, REFERENCE, &["ServiceException"]),
    Row::of(NotFound, REFERENCE, &["NoSuchResourceException"]),
    Row::of(Terminal, REFERENCE, &["IllegalArgumentException"]),
];
