//! What AWS IAM answers where its code does not say it all.

use super::KnownRefusal;
use super::Meaning::{Gone, InProgress, Invalid, Later, NotYet, Quota, Taken};

const REFERENCE: &str = "AWS IAM API Reference: errors of each action";
const ROLE: &str = "terraform-provider-aws 1a5174b, internal/service/iam/role.go";
const PROFILE: &str = "terraform-provider-aws 1a5174b, internal/service/iam/instance_profile.go";

pub(super) const ROWS: &[KnownRefusal] = &[
    KnownRefusal::of(Later, &["CreateRole"], "MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"arn:aws:iam::123456789012:role/lr-demo-host\"", ROLE).waits(120),
    KnownRefusal::of(Later, &["AddRoleToInstanceProfile"], "InvalidParameterValue", "Invalid IAM Instance Profile name", PROFILE).waits(120),
    KnownRefusal::of(NotYet, &["AddRoleToInstanceProfile"], "NoSuchEntity", "The role with name lr-demo-host cannot be found.", PROFILE).status(404).waits(120),
    KnownRefusal::of(InProgress, &["DeleteRole", "DeleteInstanceProfile"], "DeleteConflict", "Cannot delete entity, must remove referenced objects first.", ROLE).status(409).waits(120),
    KnownRefusal::of(InProgress, &["PutRolePolicy", "AddRoleToInstanceProfile"], "ConcurrentModification", "The request was rejected because multiple requests to change this object were submitted simultaneously.", REFERENCE).status(409),
    KnownRefusal::of(InProgress, &["CreateRole", "DeleteRole"], "EntityTemporarilyUnmodifiable", "The request was rejected because it referenced an entity that is temporarily unmodifiable.", REFERENCE).status(409),
    KnownRefusal::of(Quota, &["CreateRole"], "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000", REFERENCE).status(409),
    KnownRefusal::of(Taken, &["CreateRole"], "EntityAlreadyExists", "Role with name lr-demo-host already exists.", REFERENCE).status(409),
    KnownRefusal::of(Invalid, &["PutRolePolicy"], "MalformedPolicyDocument", "Syntax errors in policy.", REFERENCE),
    KnownRefusal::of(Invalid, &["CreateRole", "PutRolePolicy"], "MalformedPolicyDocument", "This policy contains invalid Json", "localstack 8b9a79f, recorded on AWS: tests/aws/services/iam"),
    KnownRefusal::of(Gone, &["DeleteRole"], "NoSuchEntity", "The role with name lr-demo-host cannot be found.", REFERENCE).status(404),
];
