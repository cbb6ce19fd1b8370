//! Whether the license carries the environment, and how long: told before anything is created.

use jiff::Timestamp;
use mattermost_license::{Feature, License, Sku};

use crate::hosts::{BundleError, ServerLicense};
use crate::loadtest::PlannedLicense;
use crate::preflight::{Finding, FindingVerdict};
use crate::spec::{
    LicenseSource, LicenseSummary, LicenseWarning, LicensedPart, Role, Spec, license_day,
    without_license,
};

use super::error::LicenseRefusal;

/// The name of this check.
const CHECK: &str = "license";

/// Everything that is wrong with the license. A variable that is not set is not, since not every
/// command that reads the environment needs the license.
pub(super) fn problems(spec: &Spec) -> Vec<LicenseRefusal> {
    match ServerLicense::load(&spec.mattermost) {
        Ok(Some(found)) => refusals(spec, &found.license, Timestamp::now()),
        Ok(None) | Err(BundleError::LicenseUnset { .. }) => Vec::new(),
        Err(error) => vec![error.into()],
    }
}

/// Refuses an environment whose license does not carry it.
///
/// # Errors
/// The first of the problems.
pub(super) fn check(spec: &Spec) -> Result<(), LicenseRefusal> {
    match problems(spec).into_iter().next() {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

/// The same before hosts are set up, which need the license itself.
///
/// # Errors
/// Also when a variable is not set.
pub(super) fn require(spec: &Spec) -> Result<(), LicenseRefusal> {
    ServerLicense::load(&spec.mattermost)?;
    check(spec)
}

/// What people should know of the license, or of its absence.
pub(super) fn findings(spec: &Spec) -> Vec<Finding> {
    match ServerLicense::load(&spec.mattermost) {
        Ok(Some(found)) => warnings(spec, &found.license, Timestamp::now()),
        Ok(None) => unlicensed(spec).into_iter().collect(),
        // Anything else was refused.
        Err(error) => {
            let remedy = "set it before `loadrig up` sets up hosts".to_owned();
            vec![Finding::unknown(CHECK, error.to_string()).with_remedies([remedy])]
        }
    }
}

/// The edition in a few words, for `status` and reports.
pub(super) fn edition(spec: &Spec) -> String {
    match (
        &spec.mattermost.license,
        ServerLicense::load(&spec.mattermost),
    ) {
        (LicenseSource::Unlicensed, _) => match unlicensed(spec) {
            Some(finding) => finding.detail,
            None => "no license".to_owned(),
        },
        (_, Ok(Some(found))) => {
            format!("{} ({})", summary(&found.license), found.issuer.license())
        }
        (LicenseSource::Env(name), _) => format!("not known here: `{name}` is not set"),
        _ => "the license cannot be read".to_owned(),
    }
}

fn unlicensed(spec: &Spec) -> Option<Finding> {
    without_license(&spec.mattermost.without).map(finding)
}

fn finding(warning: LicenseWarning) -> Finding {
    Finding::new(CHECK, FindingVerdict::Warn, warning.detail).with_remedies([warning.remedy])
}

/// The license that nodes are to have, for those that ask them.
pub(super) fn planned(found: Option<&ServerLicense>) -> PlannedLicense {
    match found {
        None => PlannedLicense::Unlicensed,
        Some(found) => PlannedLicense::Known {
            id: found.license.id.clone(),
            summary: summary(&found.license),
        },
    }
}

fn summary(license: &License) -> LicenseSummary {
    LicenseSummary {
        edition: license.sku().name().to_owned(),
        seats: license.seats(),
        ends_ms: license.expires_at,
    }
}

fn refusals(spec: &Spec, license: &License, now: Timestamp) -> Vec<LicenseRefusal> {
    let now = now.as_millisecond();
    let mut refusals = Vec::new();
    if license.is_expired(now) {
        refusals.push(LicenseRefusal::Expired {
            on: license_day(license.expires_at),
        });
    }
    if !license.is_started(now) {
        refusals.push(LicenseRefusal::NotStarted {
            on: license_day(license.starts_at),
        });
    }
    for (part, key) in needed(spec) {
        let (carries, wanted) = match part {
            LicensedPart::Cluster(_) => (license.features.has(Feature::Cluster), "Enterprise"),
            LicensedPart::Search => (license.features.has(Feature::Elasticsearch), "Enterprise"),
            LicensedPart::Metrics => (license.features.has(Feature::Metrics), "Enterprise"),
            LicensedPart::Cache => (
                license.features.has(Feature::Cluster) && license.sku() == Sku::Advanced,
                "Enterprise Advanced",
            ),
            LicensedPart::Ldap => (license.features.has(Feature::Ldap), "Professional"),
            LicensedPart::Saml => (license.features.has(Feature::Saml), "Professional"),
            LicensedPart::Readers(_) | LicensedPart::Proxies(_) | LicensedPart::Agents(_) => {
                (true, "")
            }
            LicensedPart::Users(users) => {
                let limit = license.user_limit();
                (limit.is_none_or(|limit| i64::from(users) <= limit), "")
            }
        };
        if carries {
            continue;
        }
        refusals.push(match part {
            LicensedPart::Users(users) => LicenseRefusal::Seats {
                users,
                seats: license.user_limit().unwrap_or(0),
            },
            _ => LicenseRefusal::Edition {
                part: part.name(),
                edition: license.sku().name().to_owned(),
                wanted,
                key,
            },
        });
    }
    refusals
}

/// What the environment needs a license for, each with what leaves it out.
fn needed(spec: &Spec) -> Vec<(LicensedPart, &'static str)> {
    let apps = spec.count(Role::App);
    [
        (
            apps > 1,
            LicensedPart::Cluster(apps),
            "sizes.nodes.app.count: 1",
        ),
        (
            spec.search.nodes > 0,
            LicensedPart::Search,
            "sizes.search.nodes: 0",
        ),
        (
            spec.count(Role::Metrics) > 0,
            LicensedPart::Metrics,
            "sizes.nodes.metrics.count: 0",
        ),
        (
            spec.cache.nodes > 0,
            LicensedPart::Cache,
            "sizes.cache.nodes: 0",
        ),
        (
            spec.mattermost.connections.ldap.is_some(),
            LicensedPart::Ldap,
            "no `mattermost.ldap`",
        ),
        (
            spec.mattermost.connections.saml.is_some(),
            LicensedPart::Saml,
            "no `mattermost.saml`",
        ),
        (
            true,
            LicensedPart::Users(spec.concurrent_users),
            "a smaller `architecture`",
        ),
    ]
    .into_iter()
    .filter(|(needed, ..)| *needed)
    .map(|(_, part, key)| (part, key))
    .collect()
}

fn warnings(spec: &Spec, license: &License, now: Timestamp) -> Vec<Finding> {
    let found = summary(license).warnings(spec.concurrent_users, now);
    found.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use mattermost_license::standin_license;

    use crate::diagnose::Diagnose as _;
    use crate::spec::Library;

    use super::*;

    fn spec(size: &str) -> Spec {
        let library = Library::new(Some("no-such-directory".into()));
        library.architecture(size).unwrap().example()
    }

    fn now() -> Timestamp {
        "2026-11-29T12:00:00Z".parse().unwrap()
    }

    fn in_days(days: i64) -> i64 {
        now().as_millisecond() + days * 24 * 60 * 60 * 1000
    }

    fn said(refusals: &[LicenseRefusal]) -> Vec<String> {
        refusals.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_enterprise_license_carries_every_size_but_those_with_a_cache() {
        let license = standin_license(&Sku::Enterprise, 1_000_000);
        for name in ["1k", "30k", "100k"] {
            assert_eq!(said(&refusals(&spec(name), &license, now())), [""; 0]);
        }
        let refused = refusals(&spec("200k"), &license, now());
        assert_eq!(
            said(&refused),
            ["the cache needs an Enterprise Advanced license, and this is an Enterprise license"]
        );
        let advanced = standin_license(&Sku::Advanced, 1_000_000);
        assert_eq!(said(&refusals(&spec("200k"), &advanced, now())), [""; 0]);
    }

    #[test]
    fn a_professional_license_carries_no_cluster_search_or_metrics() {
        let license = standin_license(&Sku::Professional, 1000);
        let mut spec = spec("1k");
        let refused = refusals(&spec, &license, now());
        assert_eq!(refused.len(), 3, "{:?}", said(&refused));
        assert!(
            refused[0]
                .to_string()
                .starts_with("2 application nodes need")
        );
        assert!(refused[0].hints()[0].contains("sizes.nodes.app.count: 1"));
        for (role, count) in [(Role::App, 1), (Role::Metrics, 0)] {
            spec.nodes.get_mut(&role).unwrap().count = count;
        }
        spec.search.nodes = 0;
        assert_eq!(said(&refusals(&spec, &license, now())), [""; 0]);
    }

    #[test]
    fn a_license_counts_from_its_start_to_its_end() {
        let mut license = standin_license(&Sku::Enterprise, 1000);
        license.expires_at = in_days(-1);
        assert_eq!(
            said(&refusals(&spec("1k"), &license, now())),
            ["the license ended on 2026-11-28"]
        );
        license.starts_at = in_days(2);
        license.expires_at = in_days(400);
        assert_eq!(
            said(&refusals(&spec("1k"), &license, now())),
            ["the license begins on 2026-12-01"]
        );
    }

    #[test]
    fn a_license_that_ends_within_30_days_is_warned_of() {
        let mut license = standin_license(&Sku::Enterprise, 1000);
        license.expires_at = in_days(31);
        assert!(warnings(&spec("1k"), &license, now()).is_empty());
        license.expires_at = in_days(12);
        let found = warnings(&spec("1k"), &license, now());
        assert_eq!(found[0].detail, "it ends in 12 days, on 2026-12-11");
    }

    #[test]
    fn too_few_seats_are_refused_where_the_server_counts_and_warned_of_elsewhere() {
        let mut license = standin_license(&Sku::Enterprise, 100);
        assert!(refusals(&spec("1k"), &license, now()).is_empty());
        let found = warnings(&spec("1k"), &license, now());
        assert_eq!(
            found[0].detail,
            "it is for 100 users, and the size for 1000"
        );
        license.is_seat_count_enforced = true;
        assert_eq!(
            said(&refusals(&spec("1k"), &license, now())),
            ["the license is for 100 users, and the server refuses more, but the size is for 1000"]
        );
        license.extra_users = Some(900);
        assert!(refusals(&spec("1k"), &license, now()).is_empty());
    }
}
