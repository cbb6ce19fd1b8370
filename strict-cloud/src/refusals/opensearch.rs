//! What Amazon OpenSearch Service answers where its code does not say it all.

use super::KnownRefusal;
use super::Meaning::{Gone, InProgress, Invalid, Later, Quota, Taken};

const TERRAFORM: &str = "terraform-provider-aws 1a5174b, internal/service/opensearch/domain.go";
const REFERENCE: &str = "Amazon OpenSearch Service API Reference: errors of each action";

/// The role that lets domains into a VPC is missing.
pub(crate) const WITHOUT_ROLE: KnownRefusal = KnownRefusal::of(Later, &["CreateDomain"], "ValidationException", "Before you can proceed, you must enable a service-linked role to give Amazon OpenSearch Service permissions to access your VPC.", TERRAFORM).waits(600);
/// The last change is not over, or was over a moment ago.
pub(crate) const CHANGE_IN_PROGRESS: KnownRefusal = KnownRefusal::of(InProgress, &["UpdateDomainConfig"], "ValidationException", "A change/update is in progress. Please wait for it to complete before requesting another change.", "terraform-provider-aws#38136, #35811, #36592").waits(120);

pub(super) const ROWS: &[KnownRefusal] = &[
    WITHOUT_ROLE,
    KnownRefusal::of(Later, &["CreateDomain"], "ValidationException", "Unauthorized Operation: OpenSearch Service must be authorised to describe Subnets", TERRAFORM).waits(600),
    KnownRefusal::of(Later, &["CreateDomain"], "ValidationException", "Authentication error", TERRAFORM).waits(600),
    KnownRefusal::of(InProgress, &["CreateDomain"], "ValidationException", "Domain is still being deleted", TERRAFORM).waits(600),
    KnownRefusal::of(Later, &["CreateDomain", "UpdateDomainConfig"], "InvalidTypeException", "Error setting policy: [{\"Version\":\"2012-10-17\"}]", TERRAFORM).waits(600),
    CHANGE_IN_PROGRESS,
    KnownRefusal::of(InProgress, &["CreateDomain", "UpdateDomainConfig"], "ConflictException", "An error occurred because the client attempts to remove a resource that is currently in use.", REFERENCE).status(409),
    KnownRefusal::of(Quota, &["CreateDomain"], "LimitExceededException", "Domain/Instance limit exceeded", REFERENCE).status(409),
    KnownRefusal::of(Later, &["CreateDomain"], "InternalException", "An exception or error occurred on the service side.", REFERENCE).status(500),
    KnownRefusal::of(Taken, &["CreateDomain"], "ResourceAlreadyExistsException", "Domain already exists: lr-demo-search", REFERENCE).status(409),
    KnownRefusal::of(Invalid, &["CreateDomain"], "ValidationException", "You must choose an even number of data nodes for a two Availability Zone deployment", TERRAFORM),
    KnownRefusal::of(Invalid, &["CreateDomain", "UpdateDomainConfig"], "InvalidTypeException", "Invalid instance type: or1.2xlarge.search", "terraform-provider-aws#27684; cloudformation-coverage-roadmap#1917").status(409),
    KnownRefusal::of(Gone, &["DeleteDomain"], "ResourceNotFoundException", "Domain not found: lr-demo-search", REFERENCE).status(409),
];
