//! What hosts would get, as snapshots that are reviewed like code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use mattermost_license::{Issuer, Sku, sign_for_standin, standin_license};
use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::hosts::{
    Blob, BundleStep, DatabaseFacts, Endpoint, Payload, ServerLicense, ServerPackage,
    ServerPasswords,
};
use crate::identity::Secrets;
use crate::spec::{
    Access, AddressKind, CONNECTION_SETTINGS, Cache, CloudTarget, Database, LicenseSource,
    Mattermost, Network, NodeGroup, OWNED_SETTINGS, Protection, Purpose, Release, Search,
    ServiceEnvironment, Services, Source, SourceKind, SshKey, known_settings,
};

fn spec() -> Spec {
    let group = |count| NodeGroup {
        count,
        instance_type: "c7i.large".to_owned(),
        disk_gib: 20,
        fallback_instance_types: vec![],
    };
    let nodes = [
        (Role::App, 2),
        (Role::Proxy, 1),
        (Role::SearchProxy, 1),
        (Role::Metrics, 1),
        (Role::Agent, 1),
    ];
    Spec {
        name: "demo".to_owned(),
        cloud: CloudTarget::Aws,
        region: "us-east-1".to_owned(),
        architecture: "1k".to_owned(),
        concurrent_users: 1000,
        source: Source {
            kind: SourceKind::Derived,
            url: String::new(),
            note: String::new(),
        },
        app_nodes_of_size: 2,
        nodes: nodes.map(|(role, count)| (role, group(count))).into(),
        database: Database {
            version: "15".to_owned(),
            instance_type: "db.r7g.large".to_owned(),
            readers: 1,
            storage_gib: 100,
        },
        search: Search {
            version: "OpenSearch_2.19".to_owned(),
            nodes: 2,
            instance_type: "r6g.xlarge.search".to_owned(),
            storage_gib: 100,
        },
        cache: Cache {
            nodes: 0,
            instance_type: "cache.m7g.large".to_owned(),
        },
        purpose: Purpose::Rig,
        protection: Protection::default(),
        services: Services::default(),
        mattermost: Mattermost {
            release: Release::Standin,
            sha256: None,
            license: LicenseSource::Standin,
            service_environment: ServiceEnvironment::default(),
            without: Vec::new(),
            config: crate::spec::ServerConfig::new(),
            connections: crate::spec::ServerConnections::default(),
        },
        network: Network::public("10.20.0.0/16".parse().unwrap(), 2),
        load_balancer: crate::spec::LoadBalancer::default(),
        tls: None,
        login_gate: crate::spec::GateSetting::default(),
        extras: BTreeMap::new(),
        access: Access {
            address: AddressKind::Private,
            operators: Vec::new(),
            key: SshKey::Generated,
            seed_key: None,
        },
        time_to_live: None,
        tags: BTreeMap::new(),
    }
}

fn blob(name: &str) -> Blob {
    let directory = tempfile::tempdir().unwrap();
    let path: PathBuf = directory.path().join(name);
    std::fs::write(&path, name).unwrap();
    Blob::of(&path).unwrap()
}

fn facts(spec: &Spec) -> Facts {
    let seed = base64::engine::general_purpose::STANDARD.encode([7; 32]);
    let endpoint = |host: &str, port| Endpoint {
        host: host.to_owned(),
        port,
    };
    let hosts = (10_u8..).zip(spec.hosts());
    Facts {
        hosts: hosts
            .map(|(last, name)| HostFacts {
                name,
                private_ip: [10, 20, 0, last].into(),
                memory_gib: 8,
            })
            .collect(),
        away: std::collections::BTreeSet::new(),
        database: Some(DatabaseFacts {
            writer: endpoint("demo-writer.rds.amazonaws.com", 5432),
            readers: vec![endpoint("demo-reader-1.rds.amazonaws.com", 5432)],
            name: "mattermost".to_owned(),
            user: "mmuser".to_owned(),
        }),
        search_endpoint: Some("vpc-demo.us-east-1.es.amazonaws.com".to_owned()),
        cache: Some(endpoint("demo.cache.amazonaws.com", 6379)),
        entrance: None,
        bucket: Some("demo-files".to_owned()),
        tls: None,
        payload: Arc::new(Payload {
            server: ServerPackage::Shipped(blob("server")),
            license: None,
            passwords: ServerPasswords::default(),
            files: BTreeMap::new(),
            agent: Some(blob("agent")),
            database: None,
            tls: None,
        }),
        secrets: Secrets::from_seed(&SecretString::from(seed)).unwrap(),
    }
}

/// Everything that people should review, without secrets.
fn shown(bundle: &Bundle) -> String {
    let mut text = bundle.summary();
    for step in bundle.steps() {
        let _ = write!(text, "\n--- {} ---\n{}", step.name(), step.script());
        for file in step.written() {
            let content = String::from_utf8_lossy(file.content());
            let _ = write!(text, "\n>>> {}\n{content}", file.path());
        }
    }
    bundle.redact(&text)
}

fn rendered(host: &str, stage: Stage) -> Bundle {
    let spec = spec();
    render(&spec, host.parse().unwrap(), stage, &facts(&spec)).unwrap()
}

#[test]
fn every_role_at_every_stage() {
    for role in Role::ALL {
        for stage in [Stage::Prepare, Stage::Configure] {
            let bundle = rendered(&format!("{role}-1"), stage);
            insta::assert_snapshot!(format!("{role}-{}", stage.as_str()), shown(&bundle));
        }
    }
}

/// The text of a file of a bundle.
fn file(bundle: &Bundle, path: &str) -> String {
    let files = bundle.steps().iter().flat_map(BundleStep::written);
    let found = files.into_iter().find(|file| file.path() == path);
    String::from_utf8(found.unwrap().content().to_vec()).unwrap()
}

const VARIABLES: &str = "/etc/mattermost/environment";

/// The value of a variable of the server, as the file has it.
fn variable<'a>(environment: &'a str, name: &str) -> Option<&'a str> {
    environment
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

#[test]
fn the_variables_hold_the_password_where_they_must() {
    let spec = spec();
    let facts = facts(&spec);
    let bundle = rendered("app-1", Stage::Configure);
    let environment = file(&bundle, VARIABLES);
    let source = variable(&environment, "MM_SQLSETTINGS_DATASOURCE").unwrap();
    let password = facts.secrets.database_password();
    assert!(
        source.contains(&format!(":{}@", password.expose_secret())),
        "{source}"
    );
    assert!(source.contains("sslmode=verify-full"));
    // The configuration is kept where the data is.
    assert_eq!(variable(&environment, "MM_CONFIG"), Some(source));
    let files = bundle.steps().iter().flat_map(BundleStep::written);
    for file in files.filter(|file| !file.is_secret()) {
        assert!(!String::from_utf8_lossy(file.content()).contains(password.expose_secret()));
    }
    for step in bundle.steps() {
        assert!(!step.script().contains(password.expose_secret()));
    }
}

#[test]
fn what_loadrig_sets_is_what_it_says_that_it_owns() {
    let mut spec = spec();
    spec.cache.nodes = 1;
    let facts = facts(&spec);
    let scene = Scene {
        spec: &spec,
        host: "app-1".parse().unwrap(),
        facts: &facts,
        templates: Templates::new().unwrap(),
    };
    let set = config::owned(&scene).unwrap();
    let set: Vec<(&str, &str)> = set
        .iter()
        .flat_map(|(section, keys)| keys.keys().map(move |key| (section.as_str(), key.as_str())))
        .collect();
    let owned: Vec<(&str, &str)> = OWNED_SETTINGS
        .iter()
        .map(|one| (one.section, one.key))
        .collect();
    assert_eq!(set, owned);
    for (section, keys) in config::owned(&scene).unwrap() {
        for (key, value) in keys {
            let kind = known_settings().get(&section, &key).unwrap();
            assert!(kind.fits(&value), "{section}.{key} is {value}");
        }
    }
}

#[test]
fn services_of_others_are_set_and_their_passwords_never_shown() {
    let mut spec = spec();
    let account = |username: &str| crate::spec::ServiceAccount {
        username: username.to_owned(),
        password: crate::spec::SecretSource::Env("UNUSED".to_owned()),
    };
    spec.mattermost.connections = crate::spec::ServerConnections {
        mail: Some(crate::spec::MailServer {
            server: "smtp.example.com".to_owned(),
            port: 587,
            security: crate::spec::ConnectionSecurity::Starttls,
            account: Some(account("chat")),
            from: "chat@example.com".to_owned(),
            from_name: Some("Chat & more".to_owned()),
            reply_to: None,
        }),
        push: Some("https://push.example.com".to_owned()),
        ldap: Some(crate::spec::LdapServer {
            server: "ldap.example.com".to_owned(),
            port: 636,
            security: crate::spec::ConnectionSecurity::Tls,
            base_dn: "dc=example,dc=com".to_owned(),
            account: Some(account("cn=chat")),
            user_filter: None,
            id_attribute: "entryUUID".to_owned(),
            login_id_attribute: "uid".to_owned(),
            username_attribute: "uid".to_owned(),
            email_attribute: "mail".to_owned(),
        }),
    };
    let mut facts = facts(&spec);
    let payload = Payload {
        passwords: ServerPasswords {
            mail: Some("hunter$2".to_owned().into()),
            ldap: Some("hunter 3".to_owned().into()),
        },
        ..(*facts.payload).clone()
    };
    facts.payload = Arc::new(payload);
    let bundle = render(&spec, "app-1".parse().unwrap(), Stage::Configure, &facts).unwrap();
    let environment = file(&bundle, VARIABLES);
    for one in CONNECTION_SETTINGS {
        let name = crate::spec::setting_variable(one.section, one.key);
        assert!(variable(&environment, &name).is_some(), "{name}");
    }
    for (name, value) in [
        ("MM_EMAILSETTINGS_SMTPPASSWORD", "\"hunter\\$2\""),
        ("MM_EMAILSETTINGS_SMTPPORT", "587"),
        ("MM_EMAILSETTINGS_FEEDBACKNAME", "\"Chat & more\""),
        ("MM_EMAILSETTINGS_REPLYTOADDRESS", "chat@example.com"),
        ("MM_LDAPSETTINGS_BASEDN", "\"dc=example,dc=com\""),
        ("MM_LDAPSETTINGS_CONNECTIONSECURITY", "TLS"),
    ] {
        let found = variable(&environment, name).unwrap();
        assert_eq!(found.trim_matches('"'), value.trim_matches('"'), "{name}");
    }
    let shown = shown(&bundle);
    assert!(!shown.contains("hunter"), "{shown}");
}

#[test]
fn files_and_commands_of_the_operator_frame_the_role() {
    let with = |content: &str| {
        let mut spec = spec();
        let extras = crate::spec::HostExtras {
            files: Vec::new(),
            before: vec!["echo first".to_owned(), "echo second".to_owned()],
            after: vec!["systemctl restart mattermost".to_owned()],
        };
        spec.extras.insert(Role::App, extras);
        let mut facts = facts(&spec);
        let own = crate::hosts::HostFile {
            path: "/etc/motd".to_owned(),
            mode: 0o600,
            content: content.as_bytes().to_vec(),
        };
        let payload = Payload {
            files: [(Role::App, vec![own])].into(),
            ..(*facts.payload).clone()
        };
        facts.payload = Arc::new(payload);
        [Stage::Prepare, Stage::Configure]
            .map(|stage| render(&spec, "app-1".parse().unwrap(), stage, &facts).unwrap())
    };
    let [prepare, configure] = with("hello");
    let names: Vec<&str> = prepare.steps().iter().map(BundleStep::name).collect();
    let at = |name| names.iter().position(|one| *one == name).unwrap();
    assert!(at("own-files") < at("before") && at("before") < at("server"));
    assert_eq!(file(&prepare, "/etc/motd"), "hello");
    assert_eq!(
        configure.steps().last().map(BundleStep::name),
        Some("after")
    );
    let script = prepare.steps()[at("before")].script();
    assert!(
        script.starts_with("sh -ec 'echo first'\nsh -ec 'echo second'\n"),
        "{script}"
    );
    // A changed file makes the commands run again.
    let [_, changed] = with("hello again");
    let last = |bundle: &Bundle| bundle.steps().last().map(|step| step.digest().to_string());
    assert_ne!(last(&configure), last(&changed));
}

#[test]
fn a_setting_of_the_environment_is_a_variable_and_its_change_restarts_the_server() {
    let with = |users: i64| {
        let mut spec = spec();
        let keys = [("MaxUsersPerTeam".to_owned(), users.into())];
        let section = ("TeamSettings".to_owned(), keys.into());
        spec.mattermost.config = [section].into();
        render(
            &spec,
            "app-1".parse().unwrap(),
            Stage::Configure,
            &facts(&spec),
        )
        .unwrap()
    };
    let (old, new) = (with(500), with(600));
    let environment = file(&new, VARIABLES);
    let users = variable(&environment, "MM_TEAMSETTINGS_MAXUSERSPERTEAM");
    assert_eq!(users, Some("600"));
    let changed: Vec<&str> = old
        .steps()
        .iter()
        .zip(new.steps())
        .filter(|(old, new)| old.digest() != new.digest())
        .map(|(old, _)| old.name())
        .collect();
    assert_eq!(changed, ["environment", "mattermost"]);
}

#[test]
fn a_new_configuration_starts_with_the_settings_of_the_purpose() {
    let of = |purpose| {
        let mut spec = spec();
        spec.purpose = purpose;
        let facts = facts(&spec);
        let bundle = render(&spec, "app-1".parse().unwrap(), Stage::Configure, &facts);
        let text = file(&bundle.unwrap(), "/etc/mattermost/defaults.json");
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let rig = of(Purpose::Rig);
    assert_eq!(rig["TeamSettings"]["EnableOpenServer"], true);
    assert_eq!(rig["ServiceSettings"]["AllowCorsFrom"], "*");
    assert_eq!(rig["TeamSettings"]["SiteName"], "demo");
    let gold_standard = of(Purpose::GoldStandard);
    assert_eq!(gold_standard["TeamSettings"]["EnableOpenServer"], false);
    assert_eq!(gold_standard["ServiceSettings"]["AllowCorsFrom"], "");
    assert_eq!(gold_standard["ServiceSettings"]["IdleTimeout"], 300);
    let tutorial = gold_standard["ServiceSettings"].get("EnableTutorial");
    assert_eq!(tutorial, None);
}

#[test]
fn hosts_of_a_gold_standard_install_security_updates() {
    let of = |purpose, host: &str| {
        let mut spec = spec();
        spec.purpose = purpose;
        let facts = facts(&spec);
        shown(&render(&spec, host.parse().unwrap(), Stage::Prepare, &facts).unwrap())
    };
    for host in ["app-1", "proxy-1", "metrics-1"] {
        let text = of(Purpose::GoldStandard, host);
        assert!(text.contains("unattended-upgrades"), "{text}");
        assert!(text.contains("Automatic-Reboot \"false\""), "{text}");
        assert!(!of(Purpose::Rig, host).contains("unattended-upgrades"));
    }
}

#[test]
fn the_server_trusts_the_header_that_its_entrance_sets() {
    let mut spec = spec();
    let mut facts = facts(&spec);
    facts.entrance = Some("https://chat.example.com".to_owned());
    let trusted = |spec: &Spec| {
        let bundle = render(spec, "app-1".parse().unwrap(), Stage::Configure, &facts);
        let environment = file(&bundle.unwrap(), VARIABLES);
        let name = "MM_SERVICESETTINGS_TRUSTEDPROXYIPHEADER";
        variable(&environment, name).unwrap().to_owned()
    };
    assert_eq!(trusted(&spec), "X-Real-IP");
    spec.load_balancer = crate::spec::LoadBalancer::Alb(crate::spec::Alb {
        scheme: crate::spec::Scheme::Internal,
        certificate: None,
        idle_timeout: 75,
    });
    assert_eq!(trusted(&spec), "X-Real-IP");
}

#[test]
fn printed_bundles_hold_no_secret() {
    let spec = spec();
    let mut facts = facts(&spec);
    let payload = Payload {
        license: Some(license(30)),
        ..(*facts.payload).clone()
    };
    facts.payload = Arc::new(payload);
    let bundle = render(&spec, "app-1".parse().unwrap(), Stage::Configure, &facts).unwrap();
    let directory = tempfile::tempdir().unwrap();
    bundle.write_to(directory.path()).unwrap();
    let environment = directory.path().join("files/etc/mattermost/environment");
    let environment = std::fs::read_to_string(environment).unwrap();
    for secret in ["<database-password>", "<at-rest-key>", "<public-link-salt>"] {
        assert!(environment.contains(secret), "{environment}");
    }
    assert!(!environment.contains(facts.secrets.database_password().expose_secret()));
    assert!(
        environment.ends_with("\nMM_LICENSE=<license>\n"),
        "{environment}"
    );
}

#[test]
fn the_first_administrator_is_made_once_and_its_password_is_in_no_file() {
    let password = facts(&spec()).secrets.admin_password();
    let password = password.expose_secret();
    let bundle = rendered("app-1", Stage::Configure);
    let step = bundle.steps().last().unwrap();
    assert_eq!(step.name(), "administrator");
    assert!(step.written().is_empty());
    let account = step.input().unwrap().expose_secret();
    let account: serde_json::Value = serde_json::from_str(account).unwrap();
    assert_eq!(account["password"], password);
    let everything = shown(&bundle);
    assert!(!everything.contains(password), "{everything}");
    // The runner asks the server over its local socket.
    assert!(everything.contains("MM_SERVICESETTINGS_ENABLELOCALMODE=true"));
    let other = rendered("app-2", Stage::Configure);
    assert!(
        other
            .steps()
            .iter()
            .all(|step| step.name() != "administrator")
    );
    let directory = tempfile::tempdir().unwrap();
    bundle.write_to(directory.path()).unwrap();
    let input = std::fs::read_to_string(directory.path().join("inputs/administrator")).unwrap();
    assert!(input.contains("<administrator-password>"), "{input}");
}

/// A license for so many users.
fn license(users: i64) -> ServerLicense {
    let license = standin_license(&Sku::Enterprise, users);
    ServerLicense {
        text: sign_for_standin(&license).unwrap().into(),
        license,
        issuer: Issuer::Standin,
    }
}

#[test]
fn a_renewed_license_restarts_the_server_and_nothing_else_changes() {
    let spec = spec();
    let with = |users: i64| {
        let mut facts = facts(&spec);
        let payload = Payload {
            license: Some(license(users)),
            ..(*facts.payload).clone()
        };
        facts.payload = Arc::new(payload);
        render(&spec, "app-1".parse().unwrap(), Stage::Configure, &facts).unwrap()
    };
    let (old, new) = (with(30), with(60));
    let changed: Vec<&str> = old
        .steps()
        .iter()
        .zip(new.steps())
        .filter(|(old, new)| old.digest() != new.digest())
        .map(|(old, _)| old.name())
        .collect();
    assert_eq!(changed, ["environment", "mattermost"]);
}

#[test]
fn without_a_license_nothing_is_asked_of_the_server_that_needs_one() {
    let mut spec = spec();
    spec.mattermost.license = LicenseSource::Unlicensed;
    let of = |host: &str| {
        let bundle = render(
            &spec,
            host.parse().unwrap(),
            Stage::Configure,
            &facts(&spec),
        );
        shown(&bundle.unwrap())
    };
    let server = of("app-1");
    assert!(!server.contains("MM_LICENSE"), "{server}");
    for disabled in [
        "MM_CLUSTERSETTINGS_ENABLE=false\n",
        "MM_METRICSSETTINGS_ENABLE=false\n",
    ] {
        assert!(server.contains(disabled), "{server}");
    }
    let metrics = of("metrics-1");
    assert!(
        !metrics.contains("8067") && metrics.contains("9100"),
        "{metrics}"
    );
}

#[test]
fn a_digest_changes_only_with_the_installed_content() {
    let spec = spec();
    let app = "app-1".parse().unwrap();
    let of = |facts: &Facts| {
        render(&spec, app, Stage::Configure, facts)
            .unwrap()
            .digest()
    };
    let same = facts(&spec);
    assert_eq!(of(&same), of(&facts(&spec)));
    // The address of an agent is nothing to an application node.
    let mut unrelated = facts(&spec);
    for host in &mut unrelated.hosts {
        if host.name.role == Role::Agent {
            host.private_ip = [10, 20, 9, 9].into();
        }
    }
    assert_eq!(of(&same), of(&unrelated));
    let mut moved = facts(&spec);
    moved.bucket = Some("other".to_owned());
    assert_ne!(of(&same), of(&moved));
    let mut upgraded = facts(&spec);
    upgraded.payload = Arc::new(Payload {
        server: ServerPackage::Shipped(blob("newer server")),
        ..(*upgraded.payload).clone()
    });
    assert_ne!(of(&same), of(&upgraded));
}

#[test]
fn missing_facts_are_named() {
    let spec = spec();
    let mut facts = facts(&spec);
    facts.database = None;
    let error = render(&spec, "app-2".parse().unwrap(), Stage::Configure, &facts).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the bundle of `app-2` needs the database, which does not exist yet"
    );
    facts.hosts.clear();
    // Preparing needs the host alone.
    for role in Role::ALL {
        let host = HostName { role, index: 1 };
        assert!(render(&spec, host, Stage::Prepare, &facts).is_ok());
    }
}

#[test]
fn an_official_version_without_a_digest_is_noted() {
    let spec = spec();
    let mattermost = Mattermost {
        release: Release::Version("11.7.9".to_owned()),
        license: LicenseSource::Unlicensed,
        ..spec.mattermost.clone()
    };
    let mut facts = facts(&spec);
    facts.payload = Arc::new(Payload::load(&mattermost, None, None).unwrap());
    let bundle = render(&spec, "app-1".parse().unwrap(), Stage::Prepare, &facts).unwrap();
    let url = "https://releases.mattermost.com/11.7.9/mattermost-11.7.9-linux-amd64.tar.gz";
    assert!(bundle.notes()[0].starts_with(url), "{:?}", bundle.notes());
    assert_eq!(bundle.title("server"), format!("fetch {url}"));
}

#[test]
fn a_cache_is_used_when_the_spec_has_one() {
    let mut spec = spec();
    spec.cache.nodes = 1;
    let bundle = render(
        &spec,
        "app-1".parse().unwrap(),
        Stage::Configure,
        &facts(&spec),
    )
    .unwrap();
    let text = shown(&bundle);
    assert!(text.contains("MM_CACHESETTINGS_REDISADDRESS=demo.cache.amazonaws.com:6379\n"));
    assert!(text.contains("MM_CACHESETTINGS_CACHETYPE=redis\n"));
}

#[test]
fn an_existing_database_is_used_as_named_and_never_shown() {
    let spec = spec();
    let mut facts = facts(&spec);
    facts.database = None;
    let secret = |text: &str| SecretString::from(text.to_owned());
    let mut payload = (*facts.payload).clone();
    payload.database = Some(crate::hosts::Dsns {
        writer: secret("postgres://mm:hunter2@db.example.com/chat"),
        readers: vec![secret("postgres://mm:hunter$3@replica.example.com/chat")],
    });
    facts.payload = Arc::new(payload);
    let host = "app-1".parse().unwrap();
    let bundle = render(&spec, host, Stage::Configure, &facts).unwrap();
    let environment = file(&bundle, VARIABLES);
    let value = |name: &str| variable(&environment, name).map(str::to_owned);
    assert_eq!(
        value("MM_CONFIG").as_deref(),
        Some("postgres://mm:hunter2@db.example.com/chat")
    );
    assert_eq!(value("MM_SQLSETTINGS_DATASOURCE"), value("MM_CONFIG"));
    assert_eq!(
        value("MM_SQLSETTINGS_DATASOURCEREPLICAS").as_deref(),
        Some("\"postgres://mm:hunter\\$3@replica.example.com/chat\"")
    );
    let shown = shown(&bundle);
    assert!(!shown.contains("hunter"), "{shown}");
}

#[test]
fn proxies_send_nothing_to_nodes_that_are_away() {
    let spec = spec();
    let mut facts = facts(&spec);
    let host = |name: &str| name.parse::<HostName>().unwrap();
    let site = |facts: &Facts| {
        let bundle = render(&spec, host("proxy-1"), Stage::Configure, facts)?;
        let files = bundle.steps().iter().flat_map(|step| step.written());
        let mut files = files.filter(|file| file.path().ends_with("mattermost.conf"));
        let content = files.next().unwrap().content().to_vec();
        Ok::<_, BundleError>(String::from_utf8(content).unwrap())
    };
    let server = |facts: &Facts, name: &str| {
        let known = facts.hosts.iter().find(|known| known.name == host(name));
        format!("server {}:8065", known.unwrap().private_ip)
    };
    let (first, second) = (server(&facts, "app-1"), server(&facts, "app-2"));
    let both = site(&facts).unwrap();
    assert!(both.contains(&first) && both.contains(&second));
    facts.away.insert(host("app-1"));
    let one = site(&facts).unwrap();
    assert!(!one.contains(&first) && one.contains(&second));
    // One that is away need not exist.
    facts.hosts.retain(|known| known.name != host("app-1"));
    assert_eq!(site(&facts).unwrap(), one);
    facts.away.insert(host("app-2"));
    assert!(site(&facts).is_err());
}

/// The spec with a load balancer in place of the proxy.
fn behind_a_balancer() -> Spec {
    let mut spec = spec();
    spec.nodes.remove(&Role::Proxy);
    spec.load_balancer = crate::spec::LoadBalancer::Alb(crate::spec::Alb {
        scheme: crate::spec::Scheme::Internal,
        certificate: None,
        idle_timeout: 75,
    });
    spec
}

/// What an application host gets.
fn of_an_app_host(spec: &Spec, stage: Stage) -> Bundle {
    let mut facts = facts(spec);
    facts.entrance = Some("http://lr-demo.elb.amazonaws.com".to_owned());
    render(spec, "app-1".parse().unwrap(), stage, &facts).unwrap()
}

/// The text of a file in a bundle.
fn find_file(bundle: &Bundle, path: &str) -> Option<String> {
    let mut files = bundle
        .steps()
        .iter()
        .flat_map(super::super::step::BundleStep::written);
    let found = files.find(|file| file.path() == path)?;
    Some(String::from_utf8(found.content().to_vec()).unwrap())
}

const SITE: &str = "/etc/nginx/conf.d/mattermost.conf";
const RELAY: &str = "/etc/nginx/conf.d/search-relay.conf";

#[test]
fn behind_a_load_balancer_the_login_gate_is_on_the_application_hosts() {
    let mut spec = behind_a_balancer();
    let prepare = of_an_app_host(&spec, Stage::Prepare);
    assert!(shown(&prepare).contains("nginx"));
    let configure = of_an_app_host(&spec, Stage::Configure);
    let names: std::collections::BTreeSet<&str> =
        configure.steps().iter().map(|step| step.name()).collect();
    assert_eq!(names.len(), configure.steps().len(), "{names:?}");
    let site = find_file(&configure, SITE).unwrap();
    insta::assert_snapshot!("app-host-behind-a-balancer", site);

    spec.login_gate = crate::spec::GateSetting::Off;
    let off = of_an_app_host(&spec, Stage::Configure);
    assert!(!find_file(&off, SITE).unwrap().contains("limit_req"));
    assert!(!shown(&off).contains("login-gate-metrics"));
}

#[test]
fn application_nodes_find_one_of_several_search_proxies() {
    let mut spec = spec();
    let one = rendered("app-1", Stage::Configure);
    assert_eq!(find_file(&one, RELAY), None);
    assert!(shown(&one).contains("CONNECTIONURL=http://10.20.0.13:9200\n"));
    assert!(!shown(&rendered("app-1", Stage::Prepare)).contains("nginx"));

    if let Some(group) = spec.nodes.get_mut(&Role::SearchProxy) {
        group.count = 2;
    }
    let two = of_an_app_host(&spec, Stage::Configure);
    assert!(shown(&two).contains("CONNECTIONURL=http://127.0.0.1:9200\n"));
    let relay = find_file(&two, RELAY).unwrap();
    for address in ["10.20.0.13", "10.20.0.14"] {
        assert!(relay.contains(&format!("server {address}:9200 max_fails=1")));
    }
    assert_eq!(find_file(&two, SITE), None);
    assert!(shown(&of_an_app_host(&spec, Stage::Prepare)).contains("nginx"));
}
