//! The server's configuration: what loadrig sets by variables, and what the rest starts with.

use std::fmt::Write as _;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::hosts::bundle::Bundle;
use crate::hosts::bundle_error::BundleError;
use crate::hosts::facts::{Endpoint, Facts};
use crate::hosts::saml::{CERTIFICATE, IDP_CERTIFICATE, KEY};
use crate::spec::{
    LoadBalancer, OwnedSetting, PURPOSE_SETTINGS, PlannedSetting, PlannedValue, Role, ServerConfig,
    ServiceEnvironment, SettingMaster, setting_text, setting_variable,
};

use super::{Scene, nginx};

/// The authorities by which the server knows the database.
pub(super) const AUTHORITIES: &str = "/etc/ssl/rds/global-bundle.pem";
/// What the administrator's settings start with; the server's user reads it.
pub(super) const DEFAULTS: &str = "/etc/mattermost/defaults.json";

/// Where people come back to from an identity provider.
const RETURN_PATH: &str = "/login/sso/saml";
/// Connections that a node may open to each database instance: the server's own default.
const MAX_OPEN_CONNECTIONS: u32 = 100;
/// Connections that a database instance has for the nodes: the parameter groups set
/// `max_connections` to 1024, and administration needs some.
const CONNECTIONS_FOR_NODES: u32 = 1000;

/// The variables of the server's unit. A license in a variable counts before one in the database, so
/// that a renewed one counts after a restart; one in a file would be looked at only by a server that
/// never had any.
pub(super) fn variables(scene: &Scene<'_>, bundle: &mut Bundle) -> Result<String, BundleError> {
    hide_secrets(scene, bundle);
    let (writer, _) = data_sources(scene)?;
    let mut text = String::from("# Written by loadrig.\n");
    let mut set = |name: &str, value: &str| {
        let _ = writeln!(text, "{name}={}", quoted(value));
    };
    set("MM_CONFIG", &writer);
    set("MM_CUSTOM_DEFAULTS_PATH", DEFAULTS);
    if scene.spec.mattermost.service_environment == ServiceEnvironment::Test {
        set("MM_SERVICEENVIRONMENT", "test");
    }
    for config in [&owned(scene)?, &chosen(scene)] {
        for (section, keys) in config {
            for (key, value) in keys {
                set(&setting_variable(section, key), &setting_text(value));
            }
        }
    }
    if let Some(license) = &scene.facts.payload.license {
        set("MM_LICENSE", license.text.expose_secret());
    }
    Ok(text)
}

/// What the YAML sets, and on the job server's host the level at which its log tells that it has started.
fn chosen(scene: &Scene<'_>) -> ServerConfig {
    let mut config = scene.spec.mattermost.config.clone();
    if scene.host.role == Role::Job {
        let level = config
            .entry("LogSettings".to_owned())
            .or_default()
            .entry("ConsoleLevel".to_owned())
            .or_insert_with(|| json!("INFO"));
        let is_finer = |text: &str| ["DEBUG", "TRACE"].contains(&text.to_uppercase().as_str());
        if !level.as_str().is_some_and(is_finer) {
            *level = json!("INFO");
        }
    }
    config
}

/// The secrets in the variables, as they are and as they stand there.
fn hide_secrets(scene: &Scene<'_>, bundle: &mut Bundle) {
    let secrets = &scene.facts.secrets;
    let payload = &scene.facts.payload;
    bundle.hide("database-password", secrets.database_password());
    bundle.hide("at-rest-key", secrets.at_rest_key());
    bundle.hide("public-link-salt", secrets.public_link_salt());
    if let Some(existing) = &payload.database {
        for dsn in std::iter::once(&existing.writer).chain(&existing.readers) {
            let escaped = SecretString::from(escaped(dsn.expose_secret()));
            bundle.hide("data-source-name", escaped);
            bundle.hide("data-source-name", dsn.clone());
        }
    }
    let passwords = [
        ("mail-password", &payload.passwords.mail),
        ("ldap-password", &payload.passwords.ldap),
    ];
    for (label, password) in passwords {
        if let Some(password) = password {
            let escaped = SecretString::from(escaped(password.expose_secret()));
            bundle.hide(label, escaped);
            bundle.hide(label, password.clone());
        }
    }
    if let Some(license) = &payload.license {
        bundle.hide("license", license.text.clone());
    }
}

/// A value of systemd's `EnvironmentFile=`, which reads `"`, `\`, `` ` `` and `$` as a shell does and
/// expands nothing.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+,-./:=?@_&%~".contains(c);
    if value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("\"{}\"", escaped(value))
    }
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        if "\"\\`$".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// What a new configuration starts with.
pub(super) fn defaults(scene: &Scene<'_>) -> String {
    let mut sections = Map::new();
    let mut set = |section: &str, key: &str, value: Value| {
        let keys = sections.entry(section).or_insert_with(|| json!({}));
        keys[key] = value;
    };
    for setting in PURPOSE_SETTINGS {
        if let Some(value) = setting.value(scene.spec.purpose).to_json() {
            set(setting.section, setting.key, value);
        }
    }
    set("TeamSettings", "SiteName", json!(scene.spec.name));
    format!("{:#}\n", Value::Object(sections))
}

/// Every setting that the server is to run with: what variables set, and what a new configuration
/// starts with where they set nothing.
pub(super) fn planned(scene: &Scene<'_>) -> Result<Vec<PlannedSetting>, BundleError> {
    let mut settings = Vec::new();
    let mut add = |section: &str, key: &str, value: &Value, master| {
        settings.push(PlannedSetting {
            section: section.to_owned(),
            key: key.to_owned(),
            value: PlannedValue::of(section, key, value),
            master,
        });
    };
    let (owned, chosen) = (owned(scene)?, chosen(scene));
    for (section, keys) in &owned {
        for (key, value) in keys {
            let master = OwnedSetting::find(section, key).map(SettingMaster::Loadrig);
            add(section, key, value, master.unwrap_or(SettingMaster::Yaml));
        }
    }
    for (section, keys) in &chosen {
        for (key, value) in keys {
            add(section, key, value, SettingMaster::Yaml);
        }
    }
    let is_set = |section: &str, key: &str| {
        let sets =
            |config: &ServerConfig| config.get(section).is_some_and(|one| one.contains_key(key));
        sets(&owned) || sets(&chosen)
    };
    for setting in PURPOSE_SETTINGS {
        let value = setting.value(scene.spec.purpose).to_json();
        if let Some(value) = value.filter(|_| !is_set(setting.section, setting.key)) {
            let master = SettingMaster::Administrator(setting);
            add(setting.section, setting.key, &value, master);
        }
    }
    Ok(settings)
}

/// The settings that follow from the environment.
pub(super) fn owned(scene: &Scene<'_>) -> Result<ServerConfig, BundleError> {
    let mut config = ServerConfig::new();
    let mut set = |section: &str, key: &str, value: Value| {
        let keys = config.entry(section.to_owned()).or_default();
        keys.insert(key.to_owned(), value);
    };
    let licensed = scene.spec.mattermost.license.is_licensed();

    set("ServiceSettings", "SiteURL", json!(site_url(scene)?));
    set("ServiceSettings", "ListenAddress", json!(":8065"));
    set("ServiceSettings", "EnableLocalMode", json!(true));
    // Of several addresses in `X-Forwarded-For` the server takes the first, which is whatever the
    // client sent. nginx sets this one, behind a load balancer too.
    set(
        "ServiceSettings",
        "TrustedProxyIPHeader",
        json!(["X-Real-IP"]),
    );

    set_database(scene, &mut set)?;
    set_files(scene, &mut set)?;
    set_search(scene, &mut set)?;
    set_cache(scene, &mut set)?;
    set_mail(scene, &mut set);
    set_ldap(scene, &mut set);
    set_saml(scene, &mut set)?;

    set("ClusterSettings", "Enable", json!(licensed));
    set("ClusterSettings", "ClusterName", json!(scene.spec.name));
    set("ClusterSettings", "UseIPAddress", json!(true));
    set("ClusterSettings", "GossipPort", json!(8074));
    set("ClusterSettings", "EnableGossipEncryption", json!(true));
    let runs_jobs = scene.host.role == Role::Job || !scene.spec.has_job_server();
    set("JobSettings", "RunJobs", json!(runs_jobs));
    // Of the nodes of a cluster the one that leads it schedules, whoever runs what it scheduled.
    set("JobSettings", "RunScheduler", json!(true));
    set("MetricsSettings", "Enable", json!(licensed));
    set("MetricsSettings", "ListenAddress", json!(":8067"));
    set("LogSettings", "EnableConsole", json!(true));
    set("LogSettings", "ConsoleJson", json!(false));
    Ok(config)
}

/// Takes section, key and value of a setting.
type SetSetting<'a> = dyn FnMut(&str, &str, Value) + 'a;

fn set_database(scene: &Scene<'_>, set: &mut SetSetting<'_>) -> Result<(), BundleError> {
    let (writer, readers) = data_sources(scene)?;
    let nodes = scene.spec.count(Role::App) + scene.spec.count(Role::Job);
    let open = max_open_connections(nodes);
    let key = scene.facts.secrets.at_rest_key();
    let mut set = |key, value| set("SqlSettings", key, value);
    set("DriverName", json!("postgres"));
    set("DataSource", json!(writer));
    // The server takes an empty variable for one reader without a name.
    if !readers.is_empty() {
        set("DataSourceReplicas", json!(readers));
    }
    set("MaxOpenConns", json!(open));
    set("MaxIdleConns", json!(open / 2));
    set("DisableDatabaseSearch", json!(scene.spec.search.nodes > 0));
    set("AtRestEncryptKey", json!(key.expose_secret()));
    Ok(())
}

fn set_files(scene: &Scene<'_>, set: &mut SetSetting<'_>) -> Result<(), BundleError> {
    let bucket = scene.facts.bucket.as_ref();
    let bucket = bucket.ok_or_else(|| scene.missing("the bucket of files"))?;
    let region = &scene.spec.region;
    let salt = scene.facts.secrets.public_link_salt();
    let mut set = |key, value| set("FileSettings", key, value);
    set("DriverName", json!("amazons3"));
    set("PublicLinkSalt", json!(salt.expose_secret()));
    set("AmazonS3AccessKeyId", json!(""));
    set("AmazonS3SecretAccessKey", json!(""));
    set("AmazonS3Bucket", json!(bucket));
    set("AmazonS3PathPrefix", json!(""));
    set("AmazonS3Region", json!(region));
    set(
        "AmazonS3Endpoint",
        json!(format!("s3.{region}.amazonaws.com")),
    );
    set("AmazonS3SSL", json!(true));
    Ok(())
}

fn set_search(scene: &Scene<'_>, set: &mut SetSetting<'_>) -> Result<(), BundleError> {
    let search = scene.spec.search.nodes > 0;
    let url = if nginx::has_search_relay(scene) {
        "http://127.0.0.1:9200".to_owned()
    } else if search {
        let proxies = scene.all_of(Role::SearchProxy, "the address of a search proxy")?;
        format!("http://{}:9200", proxies[0].private_ip)
    } else {
        String::new()
    };
    // Every data node holds a copy of everything.
    let replicas = scene.spec.search.nodes.saturating_sub(1);
    let mut set = |key, value| set("ElasticsearchSettings", key, value);
    set("Backend", json!("opensearch"));
    set("ConnectionURL", json!(url));
    set("Username", json!(""));
    set("Password", json!(""));
    set("Sniff", json!(false));
    for key in ["EnableIndexing", "EnableSearching", "EnableAutocomplete"] {
        set(key, json!(search));
    }
    for key in [
        "PostIndexReplicas",
        "ChannelIndexReplicas",
        "UserIndexReplicas",
    ] {
        set(key, json!(replicas));
    }
    Ok(())
}

fn set_cache(scene: &Scene<'_>, set: &mut SetSetting<'_>) -> Result<(), BundleError> {
    let cache = match (&scene.facts.cache, scene.spec.cache.nodes) {
        (_, 0) => None,
        (Some(endpoint), _) => Some(endpoint.to_string()),
        (None, _) => return Err(scene.missing("the cache")),
    };
    let (kind, database) = match cache {
        Some(_) => ("redis", 0),
        None => ("lru", -1),
    };
    let mut set = |key, value| set("CacheSettings", key, value);
    set("CacheType", json!(kind));
    set("RedisAddress", json!(cache.unwrap_or_default()));
    set("RedisDB", json!(database));
    Ok(())
}

/// Mail and push notifications, where the environment names who carries them.
fn set_mail(scene: &Scene<'_>, set: &mut SetSetting<'_>) {
    let connections = &scene.spec.mattermost.connections;
    let mut set = |key, value| set("EmailSettings", key, value);
    if let Some(push) = &connections.push {
        set("SendPushNotifications", json!(true));
        set("PushNotificationServer", json!(push));
    }
    let Some(mail) = &connections.mail else {
        return;
    };
    set("SendEmailNotifications", json!(true));
    set("SMTPServer", json!(mail.server));
    // Of all ports this one is text.
    set("SMTPPort", json!(mail.port.to_string()));
    set("ConnectionSecurity", json!(mail.security.as_setting()));
    set("EnableSMTPAuth", json!(mail.account.is_some()));
    set("FeedbackEmail", json!(mail.from));
    let reply_to = mail.reply_to.as_ref().unwrap_or(&mail.from);
    set("ReplyToAddress", json!(reply_to));
    if let Some(name) = &mail.from_name {
        set("FeedbackName", json!(name));
    }
    let username = mail.account.as_ref().map(|account| &account.username);
    set("SMTPUsername", json!(username.map_or("", String::as_str)));
    let password = scene.facts.payload.passwords.mail.as_ref();
    set(
        "SMTPPassword",
        json!(password.map_or("", ExposeSecret::expose_secret)),
    );
}

fn set_ldap(scene: &Scene<'_>, set: &mut SetSetting<'_>) {
    let Some(ldap) = &scene.spec.mattermost.connections.ldap else {
        return;
    };
    let username = ldap.account.as_ref().map(|account| &account.username);
    let password = scene.facts.payload.passwords.ldap.as_ref();
    let values = [
        ("Enable", json!(true)),
        ("EnableSync", json!(true)),
        ("LdapServer", json!(ldap.server)),
        ("LdapPort", json!(ldap.port)),
        ("ConnectionSecurity", json!(ldap.security.as_setting())),
        ("BaseDN", json!(ldap.base_dn)),
        ("BindUsername", json!(username.map_or("", String::as_str))),
        (
            "BindPassword",
            json!(password.map_or("", ExposeSecret::expose_secret)),
        ),
        (
            "UserFilter",
            json!(ldap.user_filter.as_deref().unwrap_or("")),
        ),
        ("IdAttribute", json!(ldap.id_attribute)),
        ("LoginIdAttribute", json!(ldap.login_id_attribute)),
        ("UsernameAttribute", json!(ldap.username_attribute)),
        ("EmailAttribute", json!(ldap.email_attribute)),
    ];
    for (key, value) in values {
        set("LdapSettings", key, value);
    }
}

/// The identity provider, where the environment names one.
fn set_saml(scene: &Scene<'_>, set: &mut SetSetting<'_>) -> Result<(), BundleError> {
    let Some(saml) = &scene.spec.mattermost.connections.saml else {
        return Ok(());
    };
    let back = format!("{}{RETURN_PATH}", site_url(scene)?);
    let text = |value: Option<&String>| json!(value.map_or("", String::as_str));
    let own = |name: &str| json!(saml.own.as_ref().map_or("", |_| name));
    let attributes = &saml.attributes;
    let id = saml.service_provider_id.as_ref().unwrap_or(&back);
    let mut values: Vec<(&str, Value)> = vec![
        ("Enable", json!(true)),
        ("Verify", json!(saml.verify_signature)),
        ("Encrypt", json!(saml.own.is_some())),
        ("SignRequest", json!(saml.sign_requests)),
        ("IdpURL", json!(saml.idp_url)),
        ("IdpDescriptorURL", json!(saml.idp_descriptor_url)),
        ("IdpMetadataURL", text(saml.idp_metadata_url.as_ref())),
        ("ServiceProviderIdentifier", json!(id)),
        ("AssertionConsumerServiceURL", json!(back)),
        ("IdpCertificateFile", json!(IDP_CERTIFICATE)),
        ("PublicCertificateFile", own(CERTIFICATE)),
        ("PrivateKeyFile", own(KEY)),
        ("EmailAttribute", json!(attributes.email)),
        ("UsernameAttribute", json!(attributes.username)),
        ("IdAttribute", text(attributes.id.as_ref())),
        ("FirstNameAttribute", text(attributes.first_name.as_ref())),
        ("LastNameAttribute", text(attributes.last_name.as_ref())),
        ("NicknameAttribute", text(attributes.nickname.as_ref())),
        ("PositionAttribute", text(attributes.position.as_ref())),
        ("LocaleAttribute", text(attributes.locale.as_ref())),
        ("GuestAttribute", text(attributes.guest.as_ref())),
    ];
    if let Some(button) = &saml.button_text {
        values.push(("LoginButtonText", json!(button)));
    }
    for (key, value) in values {
        set("SamlSettings", key, value);
    }
    Ok(())
}

/// The entrance as people reach it.
fn site_url(scene: &Scene<'_>) -> Result<String, BundleError> {
    match &scene.spec.load_balancer {
        LoadBalancer::Nginx => match &scene.spec.tls {
            Some(tls) => Ok(format!("https://{}", tls.host_name)),
            None => {
                let proxies = scene.all_of(Role::Proxy, "the address of a proxy")?;
                Ok(format!("http://{}", proxies[0].private_ip))
            }
        },
        LoadBalancer::Alb(_) => {
            let entrance = scene.facts.entrance.clone();
            entrance.ok_or_else(|| scene.missing("the load balancer"))
        }
    }
}

/// The data source name of the writer.
pub(super) fn writer(scene: &Scene<'_>) -> Result<String, BundleError> {
    data_sources(scene).map(|(writer, _)| writer)
}

/// The data source names of the writer and of the readers.
fn data_sources(scene: &Scene<'_>) -> Result<(String, Vec<String>), BundleError> {
    known_sources(scene.facts).ok_or_else(|| scene.missing("the database"))
}

/// The data source names of the writer and of the readers; none while there is no database.
pub(in crate::hosts) fn data_source_names(
    facts: &Facts,
) -> Option<(SecretString, Vec<SecretString>)> {
    let (writer, readers) = known_sources(facts)?;
    Some((
        writer.into(),
        readers.into_iter().map(SecretString::from).collect(),
    ))
}

fn known_sources(facts: &Facts) -> Option<(String, Vec<String>)> {
    if let Some(existing) = &facts.payload.database {
        let readers = existing.readers.iter();
        return Some((
            existing.writer.expose_secret().to_owned(),
            readers.map(|dsn| dsn.expose_secret().to_owned()).collect(),
        ));
    }
    let database = facts.database.as_ref()?;
    let password = facts.secrets.database_password();
    let source = |endpoint: &Endpoint| {
        format!(
            "postgres://{}:{}@{endpoint}/{}?sslmode=verify-full&sslrootcert={AUTHORITIES}&connect_timeout=10",
            database.user,
            password.expose_secret(),
            database.name,
        )
    };
    Some((
        source(&database.writer),
        database.readers.iter().map(source).collect(),
    ))
}

/// Each node opens a pool to each database instance, so an instance sees all nodes' pools.
fn max_open_connections(nodes: u32) -> u32 {
    MAX_OPEN_CONNECTIONS.min(CONNECTIONS_FOR_NODES / nodes.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_of_all_nodes_fit_into_an_instance() {
        assert_eq!(max_open_connections(2), 100);
        assert_eq!(max_open_connections(10), 100);
        assert_eq!(max_open_connections(14), 71);
        assert!((1..100).all(|nodes| nodes * max_open_connections(nodes) <= 1000));
    }

    #[test]
    fn values_are_quoted_as_systemd_reads_them() {
        assert_eq!(
            quoted("postgres://a:b@c:5432/d?x=1&y=%20"),
            "postgres://a:b@c:5432/d?x=1&y=%20"
        );
        assert_eq!(quoted(""), "");
        assert_eq!(quoted("two words"), "\"two words\"");
        assert_eq!(quoted(r#"a"b\c`d$e"#), r#""a\"b\\c\`d\$e""#);
        assert_eq!(quoted("#"), "\"#\"");
    }
}
