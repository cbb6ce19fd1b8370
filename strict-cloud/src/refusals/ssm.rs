//! What AWS Systems Manager answers where its code does not say it all.

use super::KnownRefusal;
use super::Meaning::{Denied, Gone, InProgress, Invalid, Quota, Taken};

const REFERENCE: &str = "AWS Systems Manager API Reference: errors of each action";

pub(super) const ROWS: &[KnownRefusal] = &[
    KnownRefusal::of(
        InProgress,
        &["PutParameter"],
        "TooManyUpdates",
        "There are concurrent updates for a resource that supports one update at a time.",
        REFERENCE,
    ),
    KnownRefusal::of(
        Taken,
        &["PutParameter"],
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        REFERENCE,
    ),
    KnownRefusal::of(
        Quota,
        &["PutParameter"],
        "ParameterLimitExceeded",
        "You have exceeded the number of parameters for this AWS account.",
        REFERENCE,
    ),
    KnownRefusal::of(
        Denied,
        &["PutParameter"],
        "InvalidKeyId",
        "The query key ID isn't valid.",
        REFERENCE,
    ),
    KnownRefusal::of(
        Invalid,
        &["PutParameter"],
        "ValidationException",
        "The Tier is not supported",
        "terraform-provider-aws 1a5174b, internal/service/ssm/parameter.go",
    ),
    KnownRefusal::of(
        Gone,
        &["DeleteParameter"],
        "ParameterNotFound",
        "Parameter /loadrig/demo/seed not found.",
        REFERENCE,
    ),
];
