//! What a server tells its clients of its license: `GetClientLicense` and
//! `GetSanitizedClientLicense` in `channels/utils/license.go`.

use std::collections::BTreeMap;

use crate::features::Feature as F;
use crate::license::License;

/// Features under the names that clients know.
const FEATURES: [(&str, F); 24] = [
    ("LDAP", F::Ldap),
    ("LDAPGroups", F::LdapGroups),
    ("MFA", F::Mfa),
    ("SAML", F::Saml),
    ("Cluster", F::Cluster),
    ("Metrics", F::Metrics),
    ("GoogleOAuth", F::GoogleOAuth),
    ("Office365OAuth", F::Office365OAuth),
    ("OpenId", F::OpenId),
    ("Compliance", F::Compliance),
    ("MHPNS", F::Mhpns),
    ("Announcement", F::Announcement),
    ("Elasticsearch", F::Elasticsearch),
    ("DataRetention", F::DataRetention),
    ("IDLoadedPushNotifications", F::IdLoadedPushNotifications),
    ("EmailNotificationContents", F::EmailNotificationContents),
    ("MessageExport", F::MessageExport),
    ("CustomPermissionsSchemes", F::CustomPermissionsSchemes),
    ("GuestAccounts", F::GuestAccounts),
    ("GuestAccountsPermissions", F::GuestAccountsPermissions),
    ("CustomTermsOfService", F::CustomTermsOfService),
    ("LockTeammateNameDisplay", F::LockTeammateNameDisplay),
    ("SharedChannels", F::SharedChannels),
    ("RemoteClusterService", F::RemoteClusterService),
];

/// What only administrators are told.
const FOR_ADMINISTRATORS: [&str; 7] = [
    "Id",
    "Name",
    "Email",
    "IssuedAt",
    "StartsAt",
    "ExpiresAt",
    "SkuName",
];

/// The answer to `license/client` for an administrator.
pub fn client_license(license: Option<&License>) -> BTreeMap<&'static str, String> {
    let mut told = BTreeMap::from([("IsLicensed", license.is_some().to_string())]);
    let Some(license) = license else {
        return told;
    };
    for (name, feature) in FEATURES {
        told.insert(name, license.features.has(feature).to_string());
    }
    let customer = license.customer.clone().unwrap_or_default();
    told.extend([
        ("Id", license.id.clone()),
        ("SkuName", license.sku_name.clone()),
        ("SkuShortName", license.sku_short_name.clone()),
        ("Users", license.seats().to_string()),
        ("Cloud", license.features.has(F::Cloud).to_string()),
        (
            "OutgoingOAuthConnections",
            license
                .features
                .has(F::OutgoingOAuthConnections)
                .to_string(),
        ),
        ("IssuedAt", license.issued_at.to_string()),
        ("StartsAt", license.starts_at.to_string()),
        ("ExpiresAt", license.expires_at.to_string()),
        ("Name", customer.name),
        ("Email", customer.email),
        ("Company", customer.company),
        ("IsTrial", license.is_trial.to_string()),
        ("IsGovSku", license.is_gov_sku.to_string()),
    ]);
    told
}

/// The answer to `license/client` for everyone else.
pub fn sanitized_client_license(license: Option<&License>) -> BTreeMap<&'static str, String> {
    let mut told = client_license(license);
    told.retain(|name, _| !FOR_ADMINISTRATORS.contains(name));
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::standin_license;
    use crate::tier::Sku;

    #[test]
    fn without_a_license_one_word_is_told() {
        let told = client_license(None);
        assert_eq!(told.len(), 1);
        assert_eq!(told["IsLicensed"], "false");
    }

    #[test]
    fn users_are_told_less_than_administrators() {
        let license = standin_license(&Sku::Enterprise, 250);
        let told = client_license(Some(&license));
        assert_eq!(told["IsLicensed"], "true");
        assert_eq!(told["SkuShortName"], "enterprise");
        assert_eq!(told["Users"], "250");
        assert_eq!(told["Cluster"], "true");
        assert_eq!(told["Id"], license.id);
        // The server has 39 of them.
        assert_eq!(told.len(), 39, "{told:?}");
        let told = sanitized_client_license(Some(&license));
        assert_eq!(told.len(), 32);
        assert!(!told.contains_key("ExpiresAt") && told.contains_key("Company"));
    }
}
