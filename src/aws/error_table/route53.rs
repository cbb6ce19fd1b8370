//! What Amazon Route 53 answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{
    Converging, NotFound, Quota, Settling, Terminal, Transient, Unknown,
};

const API: &str = "Amazon Route 53 API Reference: errors of each action";

pub(super) const ROWS: &[Row] = &[
    Row::of(Transient, API, &["PriorRequestNotComplete"]),
    Row::of(
        Converging,
        API,
        &["ConcurrentModification", "HostedZoneNotEmpty"],
    ),
    // Route 53 does not know the VPC yet that was created a moment ago.
    Row::of(
        Settling,
        "Amazon Route 53 API Reference: CreateHostedZone",
        &["InvalidVPCId"],
    ),
    Row::of(Quota, API, &["TooManyHostedZones"]),
    Row::of(NotFound, API, &["NoSuchHostedZone", "NoSuchChange"]),
    // While Route 53 recovers in another region, zones cannot be changed or deleted.
    Row::of(
        Converging,
        "go-to-k/cdkd 8ee4235, its provider of hosted zones",
        &["InvalidInput", "InvalidChangeBatch"],
    )
    .saying("is marked disabled for mutation"),
    // Otherwise the text says what is wrong.
    Row::of(Unknown, API, &["InvalidInput", "InvalidChangeBatch"]),
    Row::of(
        Terminal,
        "getmoto/moto 0af643a, verified on AWS: tests/test_route53",
        &["InvalidInput"],
    )
    .saying("failed to satisfy constraint"),
    Row::of(Terminal, API, &["InvalidChangeBatch"]).saying("Tried to delete resource record set"),
    Row::of(
        Terminal,
        API,
        &[
            "InvalidDomainName",
            "ConflictingDomainExists",
            "DelegationSetNotAvailable",
            "DelegationSetNotReusable",
            "NoSuchDelegationSet",
            "NoSuchHealthCheck",
            "NoSuchHealthCheckSource",
            // The create call takes it for an earlier one of its own that was repeated.
            "HostedZoneAlreadyExists",
        ],
    ),
];
