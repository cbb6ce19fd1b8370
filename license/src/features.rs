//! What a license unlocks: `Features` in `public/model/license.go` of the server.

use serde::{Deserialize, Serialize};

/// A feature of the server that needs a license.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the server's")]
pub enum Feature {
    Announcement,
    Cluster,
    Compliance,
    CustomPermissionsSchemes,
    CustomTermsOfService,
    DataRetention,
    Elasticsearch,
    EmailNotificationContents,
    EnterprisePlugins,
    GoogleOAuth,
    GuestAccounts,
    GuestAccountsPermissions,
    IdLoadedPushNotifications,
    Ldap,
    LdapGroups,
    LockTeammateNameDisplay,
    MessageExport,
    Metrics,
    Mfa,
    Mhpns,
    Office365OAuth,
    OpenId,
    OutgoingOAuthConnections,
    RemoteClusterService,
    Saml,
    SharedChannels,
    Cloud,
}

/// Seats and features as they stand in a license. What is not said follows
/// `future_features`, and that is on when it is not said either.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the server's")]
pub struct Features {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announcement: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compliance: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_permissions_schemes: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_terms_of_service: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_retention: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elastic_search: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_notification_contents: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enterprise_plugins: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub google_oauth: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_accounts: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_accounts_permissions: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_loaded: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ldap: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ldap_groups: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_teammate_name_display: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_export: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mhpns: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub office365_oauth: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openid: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outgoing_oauth_connections: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_cluster_service: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saml: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_channels: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub future_features: Option<bool>,
}

impl Features {
    /// Whether a license with these unlocks `feature`.
    pub fn has(&self, feature: Feature) -> bool {
        use Feature as F;
        let (said, otherwise) = match feature {
            F::Announcement => (self.announcement, true),
            F::Cloud => (self.cloud, false),
            F::Cluster => (self.cluster, self.future()),
            F::Compliance => (self.compliance, self.future()),
            F::CustomPermissionsSchemes => (self.custom_permissions_schemes, self.future()),
            F::CustomTermsOfService => (self.custom_terms_of_service, self.future()),
            F::DataRetention => (self.data_retention, self.future()),
            F::Elasticsearch => (self.elastic_search, self.future()),
            F::EmailNotificationContents => (self.email_notification_contents, self.future()),
            F::EnterprisePlugins => (self.enterprise_plugins, self.future()),
            F::GoogleOAuth => (self.google_oauth, self.future()),
            F::GuestAccounts => (self.guest_accounts, self.future()),
            F::GuestAccountsPermissions => (self.guest_accounts_permissions, self.future()),
            F::IdLoadedPushNotifications => (self.id_loaded, self.future()),
            F::Ldap => (self.ldap, self.future()),
            F::LdapGroups => (self.ldap_groups, self.future()),
            F::LockTeammateNameDisplay => (self.lock_teammate_name_display, self.future()),
            F::MessageExport => (self.message_export, self.future()),
            F::Metrics => (self.metrics, self.future()),
            F::Mfa => (self.mfa, self.future()),
            F::Mhpns => (self.mhpns, self.future()),
            F::Office365OAuth => (self.office365_oauth, self.future()),
            F::OpenId => (self.openid, self.future()),
            F::OutgoingOAuthConnections => (self.outgoing_oauth_connections, self.future()),
            F::RemoteClusterService => (self.remote_cluster_service, self.future()),
            F::Saml => (self.saml, self.future()),
            F::SharedChannels => (self.shared_channels, self.future()),
        };
        said.unwrap_or(otherwise)
    }

    fn future(&self) -> bool {
        self.future_features.unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_follows_future_features() {
        let features = Features::default();
        assert!(features.has(Feature::Cluster) && !features.has(Feature::Cloud));
        let features = Features {
            future_features: Some(false),
            metrics: Some(true),
            ..Features::default()
        };
        assert!(!features.has(Feature::Cluster));
        assert!(features.has(Feature::Metrics) && features.has(Feature::Announcement));
    }
}
