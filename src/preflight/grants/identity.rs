//! Who hosts and operators are: the seed of all secrets, the operators' key, the hosts' role.

use super::{
    CHANGE, Grant, LOOK, MAKE, MAKE_AND_CHANGE, Named, REMOVE, TAKING_DOWN, When, look, make, own,
};

const SEED_STATEMENT: Named = Named {
    statement: "Seed",
    on: "arn:{partition}:ssm:{region}:{account}:parameter/loadrig/{environment}/*",
};

// With the path that loadrig creates in, and without: IAM judges a request about a name that
// does not exist yet by the name alone.
const ROLE_STATEMENT: Named = Named {
    statement: "RoleOfTheHosts",
    on: "arn:{partition}:iam::{account}:role/loadrig/lr-{environment}-host-{region} \
         arn:{partition}:iam::{account}:role/lr-{environment}-host-{region}",
};

const PROFILE_STATEMENT: Named = Named {
    statement: "ProfileOfTheHosts",
    on: "arn:{partition}:iam::{account}:instance-profile/loadrig/lr-{environment}-host-{region} \
         arn:{partition}:iam::{account}:instance-profile/lr-{environment}-host-{region}",
};

pub(super) const SEED: &[Grant] = &[
    look(
        "ssm:DescribeParameters",
        "finding the seed by its name and tag; values are not told",
    ),
    SEED_STATEMENT.grant(
        LOOK,
        "ssm:GetParameter ssm:GetParametersByPath ssm:ListTagsForResource",
        "every generated secret derives from it: whoever may read it can log in to the \
         environment's hosts and database",
    ),
    SEED_STATEMENT.grant(
        MAKE,
        "ssm:PutParameter ssm:AddTagsToResource",
        "the secret that all others derive from, encrypted",
    ),
    SEED_STATEMENT.grant(REMOVE, "ssm:DeleteParameter", TAKING_DOWN),
];

pub(super) const KEY_PAIR: &[Grant] = &[
    look("ec2:DescribeKeyPairs", "finding the key pair"),
    make(
        "ec2:ImportKeyPair",
        "arn:{partition}:ec2:{region}:{account}:key-pair/*",
        "the operators' public key",
    ),
    own(REMOVE, "ec2:DeleteKeyPair", TAKING_DOWN),
];

pub(super) const ROLE: &[Grant] = &[
    ROLE_STATEMENT.grant(
        LOOK,
        "iam:GetRole iam:GetRolePolicy iam:ListRolePolicies",
        "finding the hosts' role",
    ),
    ROLE_STATEMENT.grant(
        MAKE,
        "iam:CreateRole iam:TagRole",
        "hosts reach the files bucket with a role of their own; no key is stored on a host",
    ),
    ROLE_STATEMENT.grant(
        MAKE_AND_CHANGE,
        "iam:PutRolePolicy",
        "what hosts may do: the files bucket, nothing else",
    ),
    ROLE_STATEMENT.grant(
        MAKE_AND_CHANGE,
        "iam:UpdateAssumeRolePolicy iam:DeleteRolePolicy",
        "policies and principals that somebody added by hand go",
    ),
    ROLE_STATEMENT.grant(
        REMOVE,
        "iam:ListInstanceProfilesForRole iam:ListRolePolicies iam:DeleteRolePolicy iam:DeleteRole",
        TAKING_DOWN,
    ),
    ROLE_STATEMENT.grant(
        REMOVE,
        "iam:ListAttachedRolePolicies",
        "naming what somebody attached to the role, which keeps it from going",
    ),
];

pub(super) const INSTANCE_PROFILE: &[Grant] = &[
    PROFILE_STATEMENT.grant(
        LOOK,
        "iam:GetInstanceProfile",
        "finding the hosts' instance profile",
    ),
    PROFILE_STATEMENT.grant(
        MAKE,
        "iam:CreateInstanceProfile iam:TagInstanceProfile",
        "the way by which EC2 gives hosts their role",
    ),
    PROFILE_STATEMENT.grant(
        MAKE_AND_CHANGE,
        "iam:AddRoleToInstanceProfile",
        "the hosts' role into their profile",
    ),
    PROFILE_STATEMENT.grant(
        CHANGE,
        "iam:RemoveRoleFromInstanceProfile",
        "a role that somebody put there by hand goes",
    ),
    Grant {
        statement: "GiveTheRoleToHosts",
        uses: MAKE_AND_CHANGE,
        actions: "iam:PassRole",
        on: "arn:{partition}:iam::{account}:role/loadrig/lr-{environment}-host-{region}",
        when: When::PassedTo("ec2.amazonaws.com"),
        why: "this one role, to EC2 alone",
    },
    PROFILE_STATEMENT.grant(
        REMOVE,
        "iam:RemoveRoleFromInstanceProfile iam:DeleteInstanceProfile",
        TAKING_DOWN,
    ),
];
