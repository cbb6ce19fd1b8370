//! Whether people who rely on a deployment get a server that they can work with, that is closed to others, and
//! that no single host takes away.

use serde_json::Value;

use crate::spec::{
    ConnectionSecurity, DatabaseEngine, Purpose, Release, Role, ServerConnections, Spec,
};

use super::findings::{Finding, FindingVerdict};

/// A setting that opens a server to strangers.
struct OpenSetting {
    section: &'static str,
    key: &'static str,
    is_open: fn(&Value) -> bool,
    /// What follows.
    opens: &'static str,
    remedy: &'static str,
}

const OPEN_SETTINGS: [OpenSetting; 5] = [
    OpenSetting {
        section: "ServiceSettings",
        key: "AllowCorsFrom",
        is_open: |value| value.as_str().is_some_and(|text| text.contains('*')),
        opens: "pages of any site may talk to the server from people's browsers",
        remedy: "name the sites that need it, such as `https://portal.example.com`, or remove the setting",
    },
    OpenSetting {
        section: "TeamSettings",
        key: "EnableOpenServer",
        is_open: |value| value.as_bool() == Some(true),
        opens: "whoever reaches the server can make an account",
        remedy: "remove the setting: people are invited, or log in through `mattermost.ldap` or `mattermost.saml`",
    },
    OpenSetting {
        section: "EmailSettings",
        key: "SkipServerCertificateVerification",
        is_open: |value| value.as_bool() == Some(true),
        opens: "whoever is between the server and the mail server reads its messages and its password",
        remedy: TRUST,
    },
    OpenSetting {
        section: "LdapSettings",
        key: "SkipCertificateVerification",
        is_open: |value| value.as_bool() == Some(true),
        opens: "whoever is between the server and the directory reads people's passwords",
        remedy: TRUST,
    },
    OpenSetting {
        section: "ServiceSettings",
        key: "EnableInsecureOutgoingConnections",
        is_open: |value| value.as_bool() == Some(true),
        opens: "the server believes any certificate of those that it talks to",
        remedy: TRUST,
    },
];

/// In place of not looking at certificates.
const TRUST: &str = "remove the setting, and name your authority in `hosts.authorities`";

/// Warns of a deployment that people rely on with the stand-in for a server, with settings that open the
/// server to strangers, without a mail server, and with parts that nothing stands in for.
#[must_use]
pub fn evaluate_server(spec: &Spec) -> Vec<Finding> {
    if spec.purpose != Purpose::GoldStandard {
        return Vec::new();
    }
    let mut findings = Vec::new();
    if matches!(spec.mattermost.release, Release::Standin) {
        let detail = "`purpose: gold-standard` with the stand-in server, which is not Mattermost: nobody can work with it";
        let remedy = "an official version in `mattermost.release`, such as `11.7.9`";
        findings.push(warning("server", detail, remedy));
    }
    for open in &OPEN_SETTINGS {
        let section = spec.mattermost.config.get(open.section);
        let value = section.and_then(|section| section.get(open.key));
        if let Some(value) = value.filter(|value| (open.is_open)(value)) {
            let name = format!("mattermost.config.{}.{}", open.section, open.key);
            let detail = format!(
                "`{value}` in a deployment that people rely on: {}",
                open.opens
            );
            findings.push(warning(&name, &detail, open.remedy));
        }
    }
    if spec.mattermost.connections.mail.is_none() {
        let detail = "without a mail server nobody gets an invitation, a notification or a new password by mail";
        let remedy = "`mattermost.mail` with `server` and `from`";
        findings.push(warning("mattermost.mail", detail, remedy));
    }
    findings.extend(open_connections(&spec.mattermost.connections));
    findings.extend(single_parts(spec));
    findings
}

/// Warns of services of others through which passwords are read, or anybody gets in.
fn open_connections(connections: &ServerConnections) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mail = connections.mail.as_ref();
    if mail.is_some_and(|mail| mail.administrator.is_none()) {
        let detail = "nobody reads what the server writes to its administrator";
        let remedy = "`administrator: ADDRESS` in `mattermost.mail`";
        findings.push(warning("mattermost.mail.administrator", detail, remedy));
    }
    let ldap = connections.ldap.as_ref();
    if ldap.is_some_and(|ldap| ldap.security == ConnectionSecurity::None) {
        let detail = "people's passwords go to the directory unprotected";
        let remedy = "`security: starttls` or `tls` in `mattermost.ldap`";
        findings.push(warning("mattermost.ldap.security", detail, remedy));
    }
    if let Some(saml) = &connections.saml {
        if !saml.verify_signature {
            let detail = "whoever reaches the server can log in as anybody: the provider's signature is not checked";
            let remedy = "remove `verify_signature: false`";
            findings.push(warning("mattermost.saml.verify_signature", detail, remedy));
        }
        if saml.idp_url.starts_with("http:") {
            let detail = "people's passwords go to the identity provider unprotected";
            findings.push(warning("mattermost.saml.idp_url", detail, "an `https` URL"));
        }
    }
    findings
}

/// Warns of each part that is there once: application nodes alone are one more than the load needs.
fn single_parts(spec: &Spec) -> Vec<Finding> {
    let mut findings = Vec::new();
    if spec.count(Role::Proxy) == 1 {
        let detail = "one proxy: nobody is served while it is away";
        let remedy = "`sizes: {nodes: {proxy: {count: 2}}}` with DNS that leads to both, or `load_balancer: alb`";
        findings.push(warning("sizes.nodes.proxy", detail, remedy));
    }
    if spec.search.nodes > 0 && spec.count(Role::SearchProxy) == 1 {
        let detail = "one search proxy: no search finds anything while it is away";
        let remedy = "`sizes: {nodes: {search-proxy: {count: 2}}}`";
        findings.push(warning("sizes.nodes.search-proxy", detail, remedy));
    }
    let database = &spec.services.database;
    let (is_single, remedy) = match database.engine {
        DatabaseEngine::Postgres => (
            !database.multi_az,
            "`database: {multi_az: true}`: a standby in another zone, at twice the writer's price",
        ),
        DatabaseEngine::AuroraPostgresql => (
            spec.database.readers == 0,
            "`sizes: {database: {readers: 1}}`: Aurora makes a reader the writer",
        ),
    };
    if database.existing.is_none() && is_single {
        let detail =
            "nothing takes over from the database's writer: nobody is served while it is away";
        findings.push(warning("database", detail, remedy));
    }
    findings
}

fn warning(check: &str, detail: &str, remedy: &str) -> Finding {
    Finding::new(check, FindingVerdict::Warn, detail).with_remedies([remedy.to_owned()])
}

#[cfg(test)]
mod tests {
    use crate::spec::Library;

    use super::*;

    const GOLD: &str =
        "purpose: gold-standard\ntls: {host_name: chat.example.com, issuer: private}\n";
    const TWICE: &str = "sizes: {nodes: {proxy: {count: 2}}}\ndatabase: {multi_az: true}\n";
    const MAIL: &str =
        "mail: {server: smtp.example.com, from: chat@example.com, administrator: ops@example.com}";

    fn load(text: &str) -> Spec {
        let text = format!("architecture: 1k\n{text}");
        Library::new(None).load_text("test", &text).unwrap()
    }

    fn found(text: &str) -> Vec<String> {
        let findings = evaluate_server(&load(text)).into_iter();
        findings.map(|one| one.check).collect()
    }

    /// What is found of a deployment whose every part has another one.
    fn gold(server: &str) -> Vec<String> {
        found(&format!(
            "{GOLD}{TWICE}mattermost: {{release: 11.7.9, unlicensed: accept, {server}}}\n"
        ))
    }

    #[test]
    fn people_need_an_official_server_with_mail() {
        assert_eq!(found(""), [""; 0]);
        let twice = format!("{GOLD}{TWICE}");
        assert_eq!(
            found(&twice),
            ["server", "mattermost.mail", "sizes.nodes.search-proxy"]
        );
        assert_eq!(gold("config: {}"), ["mattermost.mail"]);
        assert_eq!(gold(MAIL), [""; 0]);
    }

    #[test]
    fn connections_that_anybody_can_read_or_use_are_warned_of() {
        let licensed = |server: &str| {
            found(&format!(
                "{GOLD}{TWICE}mattermost: {{release: 11.7.9, license_env: L, {MAIL}, {server}}}\n"
            ))
        };
        let has = |server: &str, check: &str| licensed(server).iter().any(|one| one == check);
        let ldap = |security: &str| {
            format!(
                "ldap: {{server: ldap.example.com, base_dn: dc=example, security: {security}, \
                 id_attribute: entryUUID, username_attribute: uid, email_attribute: mail}}"
            )
        };
        assert!(has(&ldap("none"), "mattermost.ldap.security"));
        assert!(!has(&ldap("tls"), "mattermost.ldap.security"));
        // Any file that is there.
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let saml = |scheme: &str, more: &str| {
            format!(
                "saml: {{idp_url: '{scheme}://idp.example.com/sso', idp_descriptor_url: idp, \
                 idp_certificate_file: {file}, username_attribute: Username, \
                 email_attribute: Email{more}}}"
            )
        };
        let (url, signature) = (
            "mattermost.saml.idp_url",
            "mattermost.saml.verify_signature",
        );
        assert!(has(&saml("http", ""), url) && !has(&saml("https", ""), url));
        assert!(has(&saml("https", ", verify_signature: false"), signature));
        assert!(!has(&saml("https", ""), signature));
        let blind = "config: {EmailSettings: {SkipServerCertificateVerification: true}}";
        assert!(has(
            blind,
            "mattermost.config.EmailSettings.SkipServerCertificateVerification"
        ));
        let nobody = gold("mail: {server: smtp.example.com, from: chat@example.com}");
        assert_eq!(nobody, ["mattermost.mail.administrator"]);
    }

    #[test]
    fn parts_that_nothing_stands_in_for_are_warned_of() {
        let single = |more: &str| {
            let found = found(&format!(
                "{GOLD}mattermost: {{release: 11.7.9, license_env: L, {MAIL}}}\n{more}"
            ));
            found.join(" ")
        };
        let (proxy, search) = ("sizes.nodes.proxy", "sizes.nodes.search-proxy");
        assert_eq!(single(""), format!("{proxy} {search} database"));
        let two = "sizes: {nodes: {proxy: {count: 2}, search-proxy: {count: 2}}}\ndatabase: {multi_az: true}\n";
        assert_eq!(single(two), "");
        let balanced = "purpose: gold-standard\nload_balancer: alb\nalb: {scheme: internal}\n\
                        sizes: {nodes: {proxy: {count: 0}}}\n";
        let balanced = found(balanced);
        assert!(!balanced.contains(&proxy.to_owned()), "{balanced:?}");
        let aurora = |readers: u32| {
            single(&format!(
                "database: {{engine: aurora-postgresql}}\nsizes: {{database: {{readers: {readers}}}}}\n"
            ))
        };
        assert!(aurora(0).contains("database"));
        assert!(!aurora(1).contains("database"));
        // A database of somebody else's is theirs.
        let existing = "database: {existing: {dsn_env: DSN}}\n";
        assert!(
            !single(existing).contains("database"),
            "{}",
            single(existing)
        );
        // A rig is single on purpose.
        assert_eq!(found(""), [""; 0]);
    }

    #[test]
    fn settings_that_open_a_deployment_of_people_are_warned_of() {
        let config = |settings: &str| format!("{MAIL}, config: {{{settings}}}");
        let sign_up = "TeamSettings: {EnableOpenServer: true}";
        let cors = "ServiceSettings: {AllowCorsFrom: 'https://a.example.com *'}";
        assert_eq!(
            gold(&config(&format!("{sign_up}, {cors}"))),
            [
                "mattermost.config.ServiceSettings.AllowCorsFrom",
                "mattermost.config.TeamSettings.EnableOpenServer",
            ]
        );
        let closed = "TeamSettings: {EnableOpenServer: false}, \
                      ServiceSettings: {AllowCorsFrom: 'https://a.example.com'}";
        assert_eq!(gold(&config(closed)), [""; 0]);
        // A rig is open on purpose.
        assert_eq!(
            found(&format!("mattermost: {{config: {{{sign_up}}}}}\n")),
            [""; 0]
        );
    }
}
