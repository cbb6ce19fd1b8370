//! What Elastic Load Balancing answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{
    Capacity, Converging, NotFound, Quota, Settling, Terminal, Transient,
};

const API: &str = "Elastic Load Balancing API Reference 2015-12-01: errors of each action";

pub(super) const ROWS: &[Row] = &[
    // A target group that its load balancer still forwards to.
    Row::of(Converging, API, &["ResourceInUse"]),
    Row::of(Converging, API, &["CapacityReservationPending"]),
    // Subnets, gateways and groups that were created a moment ago, or ones that do not fit.
    Row::of(
        Settling,
        API,
        &[
            "InvalidSubnet",
            "SubnetNotFound",
            "InvalidSecurityGroup",
            "InvalidConfigurationRequest",
        ],
    )
    .at(&["CreateLoadBalancer", "SetSubnets", "SetSecurityGroups"]),
    // Elastic Load Balancing learns late that an instance runs.
    Row::of(
        Converging,
        "terraform-provider-aws 1a5174b, internal/service/elbv2/target_group_attachment.go: \
         10 minutes",
        &["InvalidTarget"],
    )
    .at(&["RegisterTargets"]),
    // An instance that is terminated leaves its group by itself, and one that did so a moment
    // ago keeps the others in: the next attempt does not list it any more.
    Row::of(
        Converging,
        "Elastic Load Balancing API Reference 2015-12-01: DeregisterTargets",
        &["InvalidTarget"],
    )
    .at(&["DeregisterTargets"]),
    Row::of(Transient, API, &["HealthUnavailable"]),
    Row::of(Capacity, API, &["AvailabilityZoneNotSupported"]),
    Row::of(
        Quota,
        API,
        &[
            "TooManyLoadBalancers",
            "TooManyListeners",
            "TooManyTargetGroups",
            "TooManyTargets",
            "TooManyCertificates",
            "TooManyActions",
            "TooManyRegistrationsForTargetId",
            "TooManyUniqueTargetGroupsPerLoadBalancer",
            "TargetGroupAssociationLimit",
        ],
    ),
    // AWS Support has to let a new account create load balancers.
    Row::of(
        Quota,
        "Elastic Load Balancing API Reference 2015-12-01: CreateLoadBalancer",
        &["OperationNotPermitted"],
    )
    .at(&["CreateLoadBalancer"]),
    // Deletion protection.
    Row::of(Terminal, API, &["OperationNotPermitted"]),
    Row::of(
        NotFound,
        API,
        &[
            "LoadBalancerNotFound",
            "ListenerNotFound",
            "TargetGroupNotFound",
        ],
    ),
    Row::of(
        Terminal,
        API,
        &[
            "InvalidConfigurationRequest",
            "InvalidTarget",
            "InvalidScheme",
            "InvalidLoadBalancerAction",
            "CertificateNotFound",
            "SSLPolicyNotFound",
            "UnsupportedProtocol",
            "IncompatibleProtocols",
            "TooManyTags",
            "DuplicateTagKeys",
            // The create calls take these for earlier ones of their own that were repeated.
            "DuplicateLoadBalancerName",
            "DuplicateTargetGroupName",
            "DuplicateListener",
        ],
    ),
    // Of parts that loadrig's load balancers do not have.
    Row::of(
        Terminal,
        API,
        &[
            "ALPNPolicyNotFound",
            "AllocationIdNotFound",
            "RuleNotFound",
            "TrustStoreNotFound",
            "TrustStoreNotReady",
        ],
    ),
];
