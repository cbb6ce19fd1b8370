//! The settings that follow from the environment: nobody else may set them.

/// A setting that loadrig sets, and what it follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedSetting {
    /// Section of the server's configuration.
    pub section: &'static str,
    /// Key within the section.
    pub key: &'static str,
    /// The keys of the environment that it follows from, or what else it does.
    pub from: &'static str,
    /// Why it has this value.
    pub why: &'static str,
}

impl OwnedSetting {
    /// The setting of this name, if it is one of loadrig's.
    #[must_use]
    pub fn find(section: &str, key: &str) -> Option<&'static Self> {
        OWNED_SETTINGS
            .iter()
            .chain(CONNECTION_SETTINGS)
            .find(|one| one.section == section && one.key == key)
    }
}

const fn owned(
    section: &'static str,
    key: &'static str,
    from: &'static str,
    why: &'static str,
) -> OwnedSetting {
    OwnedSetting {
        section,
        key,
        from,
        why,
    }
}

/// What loadrig sets where the environment names a mail server, a push proxy, a directory or an identity
/// provider. Without one they are the administrator's.
pub const CONNECTION_SETTINGS: &[OwnedSetting] = &[
    owned("EmailSettings", "ConnectionSecurity", MAIL, "`security`"),
    owned(
        "EmailSettings",
        "EnableSMTPAuth",
        MAIL,
        "on with a `username`",
    ),
    owned("EmailSettings", "FeedbackEmail", MAIL, "`from`"),
    owned(
        "EmailSettings",
        "FeedbackName",
        MAIL,
        "`from_name`, where it is given",
    ),
    owned("EmailSettings", "PushNotificationServer", PUSH, "`server`"),
    owned(
        "EmailSettings",
        "ReplyToAddress",
        MAIL,
        "`reply_to`, or `from`",
    ),
    owned(
        "EmailSettings",
        "SMTPPassword",
        MAIL,
        "`password_env` or `password_file`",
    ),
    owned("EmailSettings", "SMTPPort", MAIL, "`port`"),
    owned("EmailSettings", "SMTPServer", MAIL, "`server`"),
    owned("EmailSettings", "SMTPUsername", MAIL, "`username`"),
    owned("EmailSettings", "SendEmailNotifications", MAIL, "on"),
    owned("EmailSettings", "SendPushNotifications", PUSH, "on"),
    owned("LdapSettings", "BaseDN", LDAP, "`base_dn`"),
    owned(
        "LdapSettings",
        "BindPassword",
        LDAP,
        "`bind_password_env` or `bind_password_file`",
    ),
    owned("LdapSettings", "BindUsername", LDAP, "`bind_username`"),
    owned("LdapSettings", "ConnectionSecurity", LDAP, "`security`"),
    owned("LdapSettings", "EmailAttribute", LDAP, "`email_attribute`"),
    owned("LdapSettings", "Enable", LDAP, "on"),
    owned("LdapSettings", "EnableSync", LDAP, "on"),
    owned("LdapSettings", "IdAttribute", LDAP, "`id_attribute`"),
    owned("LdapSettings", "LdapPort", LDAP, "`port`"),
    owned("LdapSettings", "LdapServer", LDAP, "`server`"),
    owned(
        "LdapSettings",
        "LoginIdAttribute",
        LDAP,
        "`login_id_attribute`, or `username_attribute`",
    ),
    owned("LdapSettings", "UserFilter", LDAP, "`user_filter`"),
    owned(
        "LdapSettings",
        "UsernameAttribute",
        LDAP,
        "`username_attribute`",
    ),
    owned(
        "SamlSettings",
        "AssertionConsumerServiceURL",
        SAML,
        "`SiteURL` and `/login/sso/saml`",
    ),
    owned("SamlSettings", "EmailAttribute", SAML, "`email_attribute`"),
    owned("SamlSettings", "Enable", SAML, "on"),
    owned(
        "SamlSettings",
        "Encrypt",
        SAML,
        "on with a `certificate_file`",
    ),
    owned(
        "SamlSettings",
        "FirstNameAttribute",
        SAML,
        "`first_name_attribute`",
    ),
    owned("SamlSettings", "GuestAttribute", SAML, "`guest_attribute`"),
    owned("SamlSettings", "IdAttribute", SAML, "`id_attribute`"),
    owned(
        "SamlSettings",
        "IdpCertificateFile",
        SAML,
        "the name of `idp_certificate_file` in the database",
    ),
    owned(
        "SamlSettings",
        "IdpDescriptorURL",
        SAML,
        "`idp_descriptor_url`",
    ),
    owned("SamlSettings", "IdpMetadataURL", SAML, "`idp_metadata_url`"),
    owned("SamlSettings", "IdpURL", SAML, "`idp_url`"),
    owned(
        "SamlSettings",
        "LastNameAttribute",
        SAML,
        "`last_name_attribute`",
    ),
    owned(
        "SamlSettings",
        "LocaleAttribute",
        SAML,
        "`locale_attribute`",
    ),
    owned(
        "SamlSettings",
        "LoginButtonText",
        SAML,
        "`button_text`, where it is given",
    ),
    owned(
        "SamlSettings",
        "NicknameAttribute",
        SAML,
        "`nickname_attribute`",
    ),
    owned(
        "SamlSettings",
        "PositionAttribute",
        SAML,
        "`position_attribute`",
    ),
    owned(
        "SamlSettings",
        "PrivateKeyFile",
        SAML,
        "the name of the key in the database",
    ),
    owned(
        "SamlSettings",
        "PublicCertificateFile",
        SAML,
        "the name of `certificate_file` in the database",
    ),
    owned(
        "SamlSettings",
        "ServiceProviderIdentifier",
        SAML,
        "`service_provider_id`, or the URL that people come back to",
    ),
    owned("SamlSettings", "SignRequest", SAML, "`sign_requests`"),
    owned(
        "SamlSettings",
        "UsernameAttribute",
        SAML,
        "`username_attribute`",
    ),
    owned("SamlSettings", "Verify", SAML, "`verify_signature`"),
];

const SAML: &str = "`mattermost.saml`";
const MAIL: &str = "`mattermost.mail`";
const PUSH: &str = "`mattermost.push`";
const LDAP: &str = "`mattermost.ldap`";

/// Every setting that loadrig owns in every environment.
pub const OWNED_SETTINGS: &[OwnedSetting] = &[
    owned(
        "CacheSettings",
        "CacheType",
        "`sizes.cache.nodes`",
        "`redis` with a cache, otherwise `lru`: each node's own memory",
    ),
    owned(
        "CacheSettings",
        "RedisAddress",
        "`sizes.cache`",
        "the cache's primary endpoint",
    ),
    owned(
        "CacheSettings",
        "RedisDB",
        "`sizes.cache.nodes`",
        "0 with a cache; -1 is the server's own default",
    ),
    owned(
        "ClusterSettings",
        "ClusterName",
        "`name`",
        "nodes find each other by it in the database",
    ),
    owned(
        "ClusterSettings",
        "Enable",
        "`mattermost.license_file` or `mattermost.license_env`",
        "nodes share events and caches; a server without a license cannot",
    ),
    owned(
        "ClusterSettings",
        "EnableGossipEncryption",
        "loadrig",
        "nodes encrypt what they tell each other",
    ),
    owned(
        "ClusterSettings",
        "GossipPort",
        "the security groups",
        "8074, which they open between application nodes",
    ),
    owned(
        "ClusterSettings",
        "UseIPAddress",
        "loadrig",
        "host names need not resolve between nodes",
    ),
    owned(
        "ElasticsearchSettings",
        "Backend",
        "`sizes.search`",
        "`opensearch`, which the domain runs",
    ),
    owned(
        "ElasticsearchSettings",
        "ChannelIndexReplicas",
        "`sizes.search.nodes`",
        "every data node holds a copy of everything",
    ),
    owned(
        "ElasticsearchSettings",
        "ConnectionURL",
        "`sizes.nodes.search-proxy`",
        "the first search proxy, which signs requests",
    ),
    owned(
        "ElasticsearchSettings",
        "EnableAutocomplete",
        "`sizes.search.nodes`",
        "on with a search domain",
    ),
    owned(
        "ElasticsearchSettings",
        "EnableIndexing",
        "`sizes.search.nodes`",
        "on with a search domain",
    ),
    owned(
        "ElasticsearchSettings",
        "EnableSearching",
        "`sizes.search.nodes`",
        "on with a search domain",
    ),
    owned(
        "ElasticsearchSettings",
        "Password",
        "the search proxy",
        "empty: requests are signed, not authenticated",
    ),
    owned(
        "ElasticsearchSettings",
        "PostIndexReplicas",
        "`sizes.search.nodes`",
        "every data node holds a copy of everything",
    ),
    owned(
        "ElasticsearchSettings",
        "Sniff",
        "the search proxy",
        "off: the domain's own addresses are not reachable",
    ),
    owned(
        "ElasticsearchSettings",
        "UserIndexReplicas",
        "`sizes.search.nodes`",
        "every data node holds a copy of everything",
    ),
    owned(
        "ElasticsearchSettings",
        "Username",
        "the search proxy",
        "empty: requests are signed, not authenticated",
    ),
    owned(
        "FileSettings",
        "AmazonS3AccessKeyId",
        "the role of application nodes",
        "empty: the server takes the credentials of its host's role",
    ),
    owned(
        "FileSettings",
        "AmazonS3Bucket",
        "`files`",
        "the environment's bucket",
    ),
    owned(
        "FileSettings",
        "AmazonS3Endpoint",
        "`region`",
        "S3 of the region",
    ),
    owned(
        "FileSettings",
        "AmazonS3PathPrefix",
        "`files`",
        "empty: the bucket is the environment's own",
    ),
    owned("FileSettings", "AmazonS3Region", "`region`", "the region"),
    owned("FileSettings", "AmazonS3SSL", "`files`", "TLS to S3"),
    owned(
        "FileSettings",
        "AmazonS3SecretAccessKey",
        "the role of application nodes",
        "empty: the server takes the credentials of its host's role",
    ),
    owned(
        "FileSettings",
        "DriverName",
        "`files`",
        "`amazons3`: nodes of a cluster share their files",
    ),
    owned(
        "FileSettings",
        "PublicLinkSalt",
        "the environment's seed",
        "the same on every node and after the loss of the database",
    ),
    owned(
        "JobSettings",
        "RunJobs",
        "`sizes.nodes.job`",
        "on; with a job host on there, and off on the application nodes",
    ),
    owned(
        "JobSettings",
        "RunScheduler",
        "loadrig",
        "on, as Mattermost advises for every node: the one that leads the cluster schedules. The job \
         server is no member of it and is started with `--noschedule`, or all would be scheduled twice",
    ),
    owned(
        "LogSettings",
        "ConsoleJson",
        "loadrig",
        "off: people and loadrig read the journal",
    ),
    owned(
        "LogSettings",
        "EnableConsole",
        "loadrig",
        "on: the journal has the server's log, which `up` shows when a start fails",
    ),
    owned(
        "MetricsSettings",
        "Enable",
        "`mattermost.license_file` or `mattermost.license_env`",
        "Prometheus asks every node; a server without a license has no metrics",
    ),
    owned(
        "MetricsSettings",
        "ListenAddress",
        "the security groups",
        "port 8067, which they open to the metrics host alone",
    ),
    owned(
        "ServiceSettings",
        "EnableLocalMode",
        "loadrig",
        "on: `mmctl --local` works on application nodes",
    ),
    owned(
        "ServiceSettings",
        "ListenAddress",
        "the proxies and the load balancer",
        "port 8065, where they expect it",
    ),
    owned(
        "ServiceSettings",
        "SiteURL",
        "`tls.host_name` or `alb.host_name`",
        "the entrance as people reach it; links in mails and the origin of websockets",
    ),
    owned(
        "ServiceSettings",
        "TrustedProxyIPHeader",
        "`load_balancer`",
        "the header that nginx sets and clients cannot, behind a load balancer too",
    ),
    owned(
        "SqlSettings",
        "AtRestEncryptKey",
        "the environment's seed",
        "the same on every node and after the loss of the database",
    ),
    owned(
        "SqlSettings",
        "DataSource",
        "`database`",
        "the database's writer",
    ),
    owned(
        "SqlSettings",
        "DataSourceReplicas",
        "`sizes.database.readers` or `database.existing.readers`",
        "each reader by its own endpoint; not set without readers",
    ),
    owned(
        "SqlSettings",
        "DisableDatabaseSearch",
        "`sizes.search.nodes`",
        "on with a search domain: the database is spared",
    ),
    owned("SqlSettings", "DriverName", "`database`", "`postgres`"),
    owned(
        "SqlSettings",
        "MaxIdleConns",
        "`sizes.nodes.app.count` and `sizes.nodes.job.count`",
        "half of `MaxOpenConns`, as the server's defaults",
    ),
    owned(
        "SqlSettings",
        "MaxOpenConns",
        "`sizes.nodes.app.count` and `sizes.nodes.job.count`",
        "100, fewer from 11 nodes on: those of all nodes fit into the 1024 that the database takes",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::known_settings;

    #[test]
    fn every_owned_setting_exists_and_stands_once() {
        for table in [OWNED_SETTINGS, CONNECTION_SETTINGS] {
            for pair in table.windows(2) {
                let [one, next] = pair else { continue };
                assert!(
                    (one.section, one.key) < (next.section, next.key),
                    "{next:?} is out of order"
                );
            }
        }
        for one in OWNED_SETTINGS.iter().chain(CONNECTION_SETTINGS) {
            assert!(
                known_settings().get(one.section, one.key).is_some(),
                "{one:?}"
            );
        }
    }
}
