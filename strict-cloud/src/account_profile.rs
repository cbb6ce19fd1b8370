//! Accounts with a past. What AWS answers depends on what an account was used for before, on who
//! administers it, and on how fast AWS is that day; each profile is one such account.
//!
//! This is the only list of them: `docs/strict-cloud.md`, the command line and the sweeps of the
//! tests follow it.

use std::str::FromStr;

use crate::guardrails::Guardrail;
use crate::memory::RareEvent;

/// What an account is like before anybody calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum AccountProfile {
    /// Used for years; nobody restricts it.
    #[default]
    Used,
    /// Nothing was ever used.
    Fresh,
    /// What was created is known everywhere only after a long time.
    Propagation,
    /// An organisation's, with rules that can be kept.
    Enterprise,
    /// The organisation does not admit the region.
    EnterpriseRegion,
    /// The organisation wants a second factor, and the caller has none.
    EnterpriseMfa,
    /// The organisation admits its own addresses alone, and the caller has another.
    EnterpriseAddress,
    /// The organisation admits no way to the internet.
    EnterpriseNetwork,
    /// The organisation bounds every role.
    EnterpriseBoundary,
    /// The organisation creates service-linked roles itself, and has created none yet.
    EnterpriseRoles,
    /// The organisation encrypts with a key of its own, which the caller may not use.
    EnterpriseKey,
    /// What can fail fails, once.
    Failing,
    /// A host never answers: EC2's check of its instance fails.
    FailingHost,
    /// A database has no storage left once it is there.
    FailingStorage,
}

/// What an account plays, whatever is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountTraits {
    /// Services that have created their service-linked role before.
    pub(crate) used_services: &'static [&'static str],
    /// What the times until everybody knows of a change are multiplied with.
    pub(crate) propagation: u64,
    /// Whether parts of a change become known one after the other: a resource before its tags, an
    /// instance profile before its role, a service-linked role before its policy.
    pub(crate) piecemeal: bool,
    /// What its policies deny.
    pub(crate) guardrails: &'static [Guardrail],
    /// What new volumes and old snapshots are encrypted with.
    pub(crate) key: DefaultKey,
    /// What happens once, at the next opportunity.
    pub(crate) failures: fn() -> Vec<RareEvent>,
    /// Whether the names of buckets are still those of an earlier life, for an hour.
    pub(crate) names_reserved: bool,
    /// Whether databases have no storage left once they are there, as one has that is restored with all
    /// that it holds.
    pub(crate) full_storage: bool,
}

/// The key that encrypts where a call names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DefaultKey {
    /// AWS's own, for volumes that are to be encrypted.
    Aws,
    /// The organisation's, for all volumes ("Enable Amazon EBS encryption by default", Amazon EBS
    /// User Guide).
    Customer,
    /// The organisation's, which awaits its deletion or which the caller may not use: the
    /// effect is the same ("Key states of AWS KMS keys", AWS KMS Developer Guide).
    Unusable,
}

/// What fails under [`AccountProfile::Failing`].
fn failures() -> Vec<RareEvent> {
    vec![
        RareEvent::LaunchEnds("Server.InternalError: Internal error on launch".to_owned()),
        RareEvent::ReplicaFails(
            "You can't create the DB instance because of incompatible resources. The subnet has \
             no free IP address."
                .to_owned(),
        ),
        RareEvent::MinorVersionMoves,
        RareEvent::CacheFails("The subnet has no free IP address.".to_owned()),
        RareEvent::DomainFails("The subnet has no free IP address.".to_owned()),
        RareEvent::BalancerFailsInBetween,
    ]
}

impl AccountTraits {
    const USED: Self = Self {
        used_services: &["elasticloadbalancing.amazonaws.com"],
        propagation: 1,
        piecemeal: false,
        guardrails: &[],
        key: DefaultKey::Aws,
        failures: Vec::new,
        names_reserved: false,
        full_storage: false,
    };

    const fn denying(guardrails: &'static [Guardrail]) -> Self {
        Self {
            guardrails,
            ..Self::USED
        }
    }
}

impl AccountProfile {
    /// Every profile.
    pub const ALL: &[Self] = &[
        Self::Used,
        Self::Fresh,
        Self::Propagation,
        Self::Enterprise,
        Self::EnterpriseRegion,
        Self::EnterpriseMfa,
        Self::EnterpriseAddress,
        Self::EnterpriseNetwork,
        Self::EnterpriseBoundary,
        Self::EnterpriseRoles,
        Self::EnterpriseKey,
        Self::Failing,
        Self::FailingHost,
        Self::FailingStorage,
    ];

    /// The tag that [`Self::Enterprise`] wants on instances and volumes.
    pub const MANDATORY_TAG: &str = "cost-center";

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Fresh => "fresh",
            Self::Propagation => "propagation",
            Self::Enterprise => "enterprise",
            Self::EnterpriseRegion => "enterprise-region",
            Self::EnterpriseMfa => "enterprise-mfa",
            Self::EnterpriseAddress => "enterprise-address",
            Self::EnterpriseNetwork => "enterprise-network",
            Self::EnterpriseBoundary => "enterprise-boundary",
            Self::EnterpriseRoles => "enterprise-roles",
            Self::EnterpriseKey => "enterprise-key",
            Self::Failing => "failing",
            Self::FailingHost => "failing-host",
            Self::FailingStorage => "failing-storage",
        }
    }

    /// What an account of it is like, in a sentence.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Used => "an account that was used before and that nobody restricts",
            Self::Fresh => "no service was ever used: there are no service-linked roles",
            Self::Propagation => {
                "roles, policies, tags and lists show changes late, as long as AWS takes at worst"
            }
            Self::Enterprise => {
                "a customer key encrypts volumes; service control policies deny instances and \
                 volumes without the tag `cost-center`, what is not encrypted, and instance \
                 metadata without a session"
            }
            Self::EnterpriseRegion => "a service control policy denies every call to the region",
            Self::EnterpriseMfa => {
                "a policy denies every call that is not signed with the credentials of a session \
                 with a second factor"
            }
            Self::EnterpriseAddress => "a policy denies every call from the caller's address",
            Self::EnterpriseNetwork => {
                "service control policies deny internet gateways and public addresses"
            }
            Self::EnterpriseBoundary => "a policy denies roles without a permissions boundary",
            Self::EnterpriseRoles => {
                "no service was ever used, and a service control policy denies service-linked \
                 roles"
            }
            Self::EnterpriseKey => {
                "a customer key encrypts volumes and snapshots; it awaits its deletion, or the \
                 caller may not use it"
            }
            Self::Failing => {
                "a launch, a read replica, a cache and a domain fail once each, a load balancer \
                 fails for a while, RDS moves a minor version, and bucket names are reserved for \
                 an hour"
            }
            Self::FailingHost => {
                "the status check of the first instance fails, and it never answers"
            }
            Self::FailingStorage => "databases have no storage left once they are there",
        }
    }

    pub(crate) const fn traits(self) -> AccountTraits {
        match self {
            Self::Used => AccountTraits::USED,
            Self::Fresh => AccountTraits {
                used_services: &[],
                ..AccountTraits::USED
            },
            Self::Propagation => AccountTraits {
                propagation: 5,
                piecemeal: true,
                ..AccountTraits::USED
            },
            Self::Enterprise => AccountTraits {
                key: DefaultKey::Customer,
                ..AccountTraits::denying(&[
                    Guardrail::Untagged(Self::MANDATORY_TAG),
                    Guardrail::Unencrypted,
                    Guardrail::MetadataWithoutSession,
                ])
            },
            Self::EnterpriseRegion => AccountTraits::denying(&[Guardrail::Region]),
            Self::EnterpriseMfa => AccountTraits::denying(&[Guardrail::NoSecondFactor]),
            Self::EnterpriseAddress => AccountTraits::denying(&[Guardrail::SourceAddress]),
            Self::EnterpriseNetwork => {
                AccountTraits::denying(&[Guardrail::InternetGateways, Guardrail::PublicAddresses])
            }
            Self::EnterpriseBoundary => AccountTraits::denying(&[Guardrail::UnboundedRoles]),
            Self::EnterpriseRoles => AccountTraits {
                used_services: &[],
                ..AccountTraits::denying(&[Guardrail::ServiceRoles])
            },
            Self::EnterpriseKey => AccountTraits {
                key: DefaultKey::Unusable,
                ..AccountTraits::USED
            },
            Self::Failing => AccountTraits {
                failures,
                names_reserved: true,
                ..AccountTraits::USED
            },
            Self::FailingHost => AccountTraits {
                failures: || vec![RareEvent::StatusCheckFails],
                ..AccountTraits::USED
            },
            Self::FailingStorage => AccountTraits {
                full_storage: true,
                ..AccountTraits::USED
            },
        }
    }
}

/// No profile has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no account profile is named `{name}`; known are {}", known())]
pub struct UnknownProfile {
    name: String,
}

fn known() -> String {
    let names: Vec<&str> = AccountProfile::ALL.iter().map(|one| one.name()).collect();
    names.join(", ")
}

impl FromStr for AccountProfile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        let mut all = Self::ALL.iter();
        let found = all.find(|profile| profile.name() == name);
        found.copied().ok_or_else(|| UnknownProfile {
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_found_by_name() {
        for profile in AccountProfile::ALL {
            assert_eq!(profile.name().parse(), Ok(*profile));
        }
        let error = "old".parse::<AccountProfile>().unwrap_err();
        assert!(error.to_string().contains("used, fresh"), "{error}");
    }
}
