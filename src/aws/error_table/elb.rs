//! What Elastic Load Balancing answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Converging, NotFound, Quota};

pub(super) const ROWS: &[Row] = &[
    // A target group that its load balancer still forwards to.
    Row::of(
        Converging,
        "Elastic Load Balancing API Reference 2015-12-01: errors of each action",
        &["ResourceInUse"],
    ),
    Row::of(
        Quota,
        "Elastic Load Balancing API Reference 2015-12-01: errors of each action",
        &[
            "TooManyLoadBalancers",
            "TooManyListeners",
            "TooManyTargetGroups",
            "TooManyTargets",
        ],
    ),
    Row::of(
        NotFound,
        "Elastic Load Balancing API Reference 2015-12-01: errors of each action",
        &[
            "LoadBalancerNotFound",
            "ListenerNotFound",
            "TargetGroupNotFound",
        ],
    ),
];
