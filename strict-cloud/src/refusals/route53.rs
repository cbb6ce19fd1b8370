//! What Amazon Route 53 answers where its code does not say it all.

use super::KnownRefusal;
use super::Meaning::{Gone, InProgress, Invalid, Later, NotYet, Quota, Taken};

const REFERENCE: &str = "Amazon Route 53 API Reference: errors of each action";
const CDKD: &str = "go-to-k/cdkd 8ee4235, its provider of hosted zones";

pub(super) const ROWS: &[KnownRefusal] = &[
    KnownRefusal::of(
        NotYet,
        &["ChangeResourceRecordSets"],
        "NoSuchHostedZone",
        "No hosted zone found with ID: Z1D633PJN98FT9",
        "terraform-provider-aws 1a5174b, internal/service/route53/record.go",
    )
    .status(404)
    .waits(60),
    KnownRefusal::of(
        Later,
        &["ChangeResourceRecordSets"],
        "PriorRequestNotComplete",
        "The request was rejected because Route 53 was still processing a prior request.",
        REFERENCE,
    ),
    KnownRefusal::of(
        InProgress,
        &["CreateHostedZone", "DeleteHostedZone"],
        "ConcurrentModification",
        "Another user submitted a request to create, update, or delete the object at the same time that you did. Retry the request.",
        REFERENCE,
    ),
    KnownRefusal::of(
        Later,
        &["CreateHostedZone"],
        "InvalidVPCId",
        "The VPC ID is invalid.",
        "Amazon Route 53 API Reference: CreateHostedZone",
    ),
    KnownRefusal::of(
        InProgress,
        &["DeleteHostedZone"],
        "HostedZoneNotEmpty",
        "The specified hosted zone contains non-required resource record sets and so cannot be deleted.",
        CDKD,
    ),
    KnownRefusal::of(
        InProgress,
        &["ChangeResourceRecordSets"],
        "InvalidInput",
        "The hosted zone is marked disabled for mutation",
        CDKD,
    ),
    KnownRefusal::of(
        InProgress,
        &["ChangeResourceRecordSets"],
        "InvalidChangeBatch",
        "The hosted zone is marked disabled for mutation",
        CDKD,
    ),
    KnownRefusal::of(
        InProgress,
        &["DeleteHostedZone"],
        "HostedZoneNotEmpty",
        "The hosted zone is marked disabled for mutation",
        CDKD,
    ),
    KnownRefusal::of(
        Quota,
        &["CreateHostedZone"],
        "TooManyHostedZones",
        "This operation can't be completed because the current account has reached the limit on the number of hosted zones.",
        REFERENCE,
    ),
    KnownRefusal::of(
        Taken,
        &["CreateHostedZone"],
        "HostedZoneAlreadyExists",
        "A hosted zone has already been created with the specified caller reference.",
        REFERENCE,
    )
    .status(409),
    KnownRefusal::of(
        Invalid,
        &["ChangeResourceRecordSets"],
        "InvalidChangeBatch",
        "Tried to delete resource record set but the values provided do not match the current values",
        REFERENCE,
    ),
    KnownRefusal::of(
        Invalid,
        &["ChangeTagsForResource"],
        "InvalidInput",
        "1 validation error detected: Value '/hostedzone/Z1D633PJN98FT9' at 'resourceId' failed to satisfy constraint: Member must have length less than or equal to 32",
        "getmoto/moto 0af643a, verified on AWS: tests/test_route53",
    ),
    KnownRefusal::of(
        Gone,
        &["DeleteHostedZone"],
        "NoSuchHostedZone",
        "No hosted zone found with ID: Z1D633PJN98FT9",
        REFERENCE,
    )
    .status(404),
];
