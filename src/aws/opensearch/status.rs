//! What a domain's status says.
//!
//! `Processing` alone does not tell whether a domain can be used: a change whose validation failed
//! leaves it `true` until somebody intervenes, and after a change it is `false` some minutes before
//! AWS takes another one. The progress of the last change tells both
//! (`ChangeProgressDetails` of `DomainStatus`, Amazon OpenSearch Service API Reference).

use aws_sdk_opensearch::types::{
    ClusterConfig, ConfigChangeStatus, DomainProcessingStatusType, DomainStatus,
};

use crate::aws::tags::observed;
use crate::blueprint::{Address, Kind};
use crate::engine::{Observed, State};

/// Dedicated masters as the blueprint spells them.
fn masters(cluster: &ClusterConfig) -> String {
    match (
        cluster.dedicated_master_enabled(),
        cluster.dedicated_master_count(),
        cluster.dedicated_master_type(),
    ) {
        (Some(true), Some(count), Some(kind)) => format!("{count} {}", kind.as_str()),
        _ => "none".to_owned(),
    }
}

/// How many zones its data nodes are spread over. Of two AWS need not tell the number.
fn zones(cluster: &ClusterConfig) -> u32 {
    if cluster.zone_awareness_enabled() != Some(true) {
        return 1;
    }
    let told = cluster.zone_awareness_config();
    let told = told.and_then(|config| config.availability_zone_count());
    told.and_then(|count| u32::try_from(count).ok())
        .unwrap_or(2)
}

pub(in crate::aws) fn observe(domain: &DomainStatus, address: Address) -> Observed {
    let endpoint = domain
        .endpoints()
        .and_then(|endpoints| endpoints.get("vpc"))
        .map(String::as_str)
        .or_else(|| domain.endpoint());
    let failed = failed_change(domain).filter(|_| is_busy(domain));
    let isolated = domain.domain_processing_status() == Some(&DomainProcessingStatusType::Isolated);
    let (state, status) = if domain.deleted() == Some(true) {
        (State::Deleting, "deleting")
    } else if isolated {
        (State::Failed, "Isolated")
    } else if let Some(failed) = &failed {
        // It says that it is processing until somebody intervenes.
        (State::Failed, failed.status)
    } else if endpoint.is_none() {
        (State::Pending, "creating")
    } else if is_busy(domain) || is_changing(domain) {
        (State::Pending, "processing")
    } else {
        (State::Ready, "active")
    };
    let cluster = domain.cluster_config();
    observed(
        address,
        Kind::Search,
        &domain.domain_name,
        (state, status),
        [
            ("version", domain.engine_version().map(Into::into)),
            (
                "nodes",
                cluster.and_then(|c| c.instance_count()).map(Into::into),
            ),
            (
                "instance_type",
                cluster
                    .and_then(|c| c.instance_type())
                    .map(|name| name.as_str().into()),
            ),
            (
                "storage_gib",
                domain
                    .ebs_options()
                    .and_then(|ebs| ebs.volume_size())
                    .map(Into::into),
            ),
            (
                "iops",
                domain
                    .ebs_options()
                    .and_then(|ebs| ebs.iops())
                    .map(Into::into),
            ),
            (
                "throughput_mibps",
                domain
                    .ebs_options()
                    .and_then(|ebs| ebs.throughput())
                    .map(Into::into),
            ),
            ("masters", cluster.map(|config| masters(config).into())),
            ("zones", cluster.map(|config| zones(config).into())),
            ("endpoint", endpoint.map(Into::into)),
            ("port", Some(443_u32.into())),
            ("reason", failed.map(|failed| failed.reason.into())),
        ],
    )
}

fn is_busy(domain: &DomainStatus) -> bool {
    domain.processing() == Some(true) || domain.upgrade_processing() == Some(true)
}

/// `Processing` is false some minutes before AWS takes another change.
fn is_changing(domain: &DomainStatus) -> bool {
    let change = domain.change_progress_details();
    let change = change.and_then(|change| change.config_change_status());
    matches!(
        change,
        Some(
            ConfigChangeStatus::Pending
                | ConfigChangeStatus::Initializing
                | ConfigChangeStatus::Validating
                | ConfigChangeStatus::ApplyingChanges
        )
    )
}

/// A change that AWS gave up, or that waits for somebody.
pub(in crate::aws) struct FailedChange<'a> {
    /// AWS's name for it.
    pub(in crate::aws) name: Option<&'a str>,
    /// What became of it.
    pub(in crate::aws) status: &'a str,
    /// Why.
    pub(in crate::aws) reason: String,
}

/// The domain's last change, if it failed.
pub(in crate::aws) fn failed_change(domain: &DomainStatus) -> Option<FailedChange<'_>> {
    let change = domain.change_progress_details()?;
    let status = change.config_change_status()?;
    let failed = matches!(
        status,
        ConfigChangeStatus::ValidationFailed
            | ConfigChangeStatus::Cancelled
            | ConfigChangeStatus::PendingUserInput
    );
    failed.then(|| FailedChange {
        name: change.change_id(),
        status: status.as_str(),
        reason: change.message().unwrap_or("AWS gives no reason").to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_opensearch::types::ChangeProgressDetails;

    use super::*;

    fn domain() -> aws_sdk_opensearch::types::builders::DomainStatusBuilder {
        DomainStatus::builder()
            .domain_id("1/lr-demo-search")
            .domain_name("lr-demo-search")
            .arn("arn:aws:es:us-east-1:1:domain/lr-demo-search")
            .cluster_config(ClusterConfig::builder().build())
    }

    fn state(domain: aws_sdk_opensearch::types::builders::DomainStatusBuilder) -> State {
        observe(&domain.build().unwrap(), Address::search()).state
    }

    #[test]
    fn a_domain_is_ready_when_it_has_an_endpoint_and_rests() {
        let with_endpoint = || domain().endpoints("vpc", "vpc-lr-demo.us-east-1.es.amazonaws.com");
        assert_eq!(state(domain()), State::Pending);
        assert_eq!(state(with_endpoint().processing(true)), State::Pending);
        assert_eq!(state(with_endpoint().processing(false)), State::Ready);
        assert_eq!(state(with_endpoint().deleted(true)), State::Deleting);
        let isolated =
            with_endpoint().domain_processing_status(DomainProcessingStatusType::Isolated);
        assert_eq!(state(isolated), State::Failed);
    }

    #[test]
    fn a_change_that_aws_gave_up_fails_while_the_domain_waits_for_somebody() {
        let changed = |status: ConfigChangeStatus, processing: bool| {
            let change = ChangeProgressDetails::builder()
                .config_change_status(status)
                .message("not enough addresses")
                .build();
            let domain = domain()
                .endpoints("vpc", "vpc-lr-demo.us-east-1.es.amazonaws.com")
                .processing(processing)
                .change_progress_details(change);
            let seen = observe(&domain.build().unwrap(), Address::search());
            (seen.state, seen.text("reason").map(str::to_owned))
        };
        let why = Some("not enough addresses".to_owned());
        for failed in [
            ConfigChangeStatus::ValidationFailed,
            ConfigChangeStatus::Cancelled,
        ] {
            assert_eq!(changed(failed.clone(), true), (State::Failed, why.clone()));
            // Over and done with: the domain is as it was.
            assert_eq!(changed(failed, false), (State::Ready, None));
        }
        assert_eq!(
            changed(ConfigChangeStatus::ApplyingChanges, false),
            (State::Pending, None)
        );
        assert_eq!(
            changed(ConfigChangeStatus::Completed, false),
            (State::Ready, None)
        );
    }
}
