//! A profile of the shared configuration files, read anew whenever it is asked.

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};

/// A profile's credentials; the provider keeps what it read, so each renewal makes one anew.
pub(super) fn profile(name: &str, region: &str) -> ProfileFileCredentialsProvider {
    ProfileFileCredentialsProvider::builder()
        .configure(&provider_config(region))
        .profile_name(name)
        .build()
}

fn provider_config(region: &str) -> ProviderConfig {
    ProviderConfig::default()
        .with_region(Some(Region::new(region.to_owned())))
        .with_behavior_version(Some(BehaviorVersion::v2026_01_12()))
}
