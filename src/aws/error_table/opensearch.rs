//! What Amazon OpenSearch Service answers.
//!
//! Most refusals have the code `ValidationException`, those that pass and those that stay, so
//! here messages decide.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Converging, NotFound, Quota, Terminal, Unknown};

const API: &str = "Amazon OpenSearch Service API Reference: errors of each action";
/// What its `domainErrorRetryable` repeats for 10 minutes.
const TERRAFORM: &str = "terraform-provider-aws 1a5174b, internal/service/opensearch/domain.go";

pub(super) const ROWS: &[Row] = &[
    Row::of(Converging, API, &["ConflictException"]),
    // The SDK itself takes it for throttling.
    Row::of(Quota, API, &["LimitExceededException"]),
    Row::of(NotFound, API, &["ResourceNotFoundException"]),
    Row::of(
        Terminal,
        API,
        &[
            "BaseException",
            "DisabledOperationException",
            // The create call takes it for an earlier one of its own that was repeated.
            "ResourceAlreadyExistsException",
        ],
    ),
    // Of a type that is not offered, and of a policy that names who is not known yet.
    Row::of(Unknown, API, &["InvalidTypeException"]),
    Row::of(
        Terminal,
        "terraform-provider-aws#27684",
        &["InvalidTypeException"],
    )
    .saying("Invalid instance type"),
    Row::of(Terminal, TERRAFORM, &["ValidationException"])
        .saying("must choose an even number of data nodes"),
    // The role that lets domains into a VPC does not exist, or exists only since a moment.
    Row::of(Converging, TERRAFORM, &["ValidationException"])
        .at(&["CreateDomain"])
        .saying("enable a service-linked role"),
    Row::of(Converging, TERRAFORM, &["ValidationException"])
        .at(&["CreateDomain"])
        .saying("Unauthorized Operation"),
    Row::of(Converging, TERRAFORM, &["ValidationException"])
        .at(&["CreateDomain"])
        .saying("Authentication error"),
    // The name is remembered for longer than the domain is listed.
    Row::of(Converging, TERRAFORM, &["ValidationException"])
        .at(&["CreateDomain"])
        .saying("Domain is still being deleted"),
    Row::of(Converging, TERRAFORM, &["InvalidTypeException"])
        .at(&["CreateDomain", "UpdateDomainConfig"])
        .saying("Error setting policy"),
    // Also for minutes after the domain is shown as active again.
    Row::of(
        Converging,
        "terraform-provider-aws#38136, #35811, #36592",
        &["ValidationException"],
    )
    .saying("change/update is in progress"),
];
