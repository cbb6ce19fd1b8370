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

mod entrance;
mod job;
mod plugins;
mod server;

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
            plugins: Vec::new(),
            hash_time: None,
        },
        network: Network::public("10.20.0.0/16".parse().unwrap(), 2),
        load_balancer: crate::spec::LoadBalancer::default(),
        tls: None,
        login_gate: crate::spec::GateSetting::default(),
        extras: BTreeMap::new(),
        authorities: Vec::new(),
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
            saml: None,
            plugins: Vec::new(),
            files: BTreeMap::new(),
            authorities: Vec::new(),
            agent: Some(blob("agent")),
            database: None,
            tls: None,
            acme_authority: None,
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

/// Everything that loadrig could write to hosts of a role: with and without what an environment may have.
fn written_paths(role: Role) -> std::collections::BTreeSet<String> {
    let alb = crate::spec::Library::new(None).load_text(
        "test",
        "architecture: 1k\nload_balancer: alb\nsizes: {nodes: {proxy: {count: 0}}}\n",
    );
    let mut paths = std::collections::BTreeSet::new();
    let acme = crate::spec::Acme {
        email: "ops@example.com".to_owned(),
        directory: "https://acme.example.com/directory".to_owned(),
        authority: None,
    };
    let certificates = [
        crate::spec::TlsCertificate::Private,
        crate::spec::TlsCertificate::Acme(acme),
    ];
    let balancers = [crate::spec::LoadBalancer::Nginx, alb.unwrap().load_balancer];
    for (balancer, certificate) in balancers.into_iter().zip(certificates) {
        let mut spec = spec();
        spec.purpose = Purpose::GoldStandard;
        spec.nodes.get_mut(&Role::SearchProxy).unwrap().count = 2;
        spec.cache.nodes = 1;
        spec.load_balancer = balancer;
        spec.tls = Some(crate::spec::ProxyTls {
            host_name: "chat.example.com".to_owned(),
            certificate,
        });
        let mut facts = facts(&spec);
        facts.entrance = Some("http://demo.elb.amazonaws.com".to_owned());
        facts.tls = Some(crate::hosts::TlsFacts {
            chain: "chain".to_owned(),
            key: SecretString::from("key"),
            authority: Some("authority".to_owned()),
        });
        for stage in [Stage::Prepare, Stage::Configure] {
            let host = HostName { role, index: 1 };
            let bundle = render(&spec, host, stage, &facts).unwrap();
            for step in bundle.steps() {
                paths.extend(step.written().iter().map(|file| file.path().to_owned()));
                // Programs and what is fetched are named in scripts.
                let words = step.script().split([' ', '\'', '\n']);
                let named = words.filter(|word| {
                    ["/opt/", "/etc/", "/var/"]
                        .iter()
                        .any(|top| word.starts_with(top))
                });
                paths.extend(named.map(str::to_owned));
            }
        }
    }
    paths
}

#[test]
fn no_file_of_the_operators_may_go_where_loadrig_writes() {
    for role in Role::ALL {
        let paths = written_paths(role);
        assert!(paths.len() >= 2, "{role}: {paths:?}");
        for path in paths {
            assert!(
                crate::spec::reserved(role, &path).is_some()
                    || path == "/opt/loadrig"
                    || path == "/opt/mattermost",
                "{role} writes {path}, which `validate` lets `hosts.{role}.files` name"
            );
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

/// A proxy that gets its certificate by ACME, beside so many others.
fn acme_proxy(proxies: u32, authority: bool) -> (Bundle, Bundle) {
    let mut spec = spec();
    spec.nodes.get_mut(&Role::Proxy).unwrap().count = proxies;
    spec.tls = Some(crate::spec::ProxyTls {
        host_name: "chat.corp.io".to_owned(),
        certificate: crate::spec::TlsCertificate::Acme(crate::spec::Acme {
            email: "ops@corp.io".to_owned(),
            directory: crate::spec::Acme::LETS_ENCRYPT.to_owned(),
            authority: authority.then(|| "authority.pem".into()),
        }),
    });
    let mut facts = facts(&spec);
    facts.tls = Some(crate::hosts::TlsFacts {
        chain: "placeholder".to_owned(),
        key: "its key".to_owned().into(),
        authority: Some("own authority".to_owned()),
    });
    let payload = Payload {
        acme_authority: authority.then(|| "ACME authority".to_owned()),
        ..(*facts.payload).clone()
    };
    facts.payload = Arc::new(payload);
    let render = |stage| render(&spec, "proxy-1".parse().unwrap(), stage, &facts).unwrap();
    (render(Stage::Prepare), render(Stage::Configure))
}

#[test]
fn a_certificate_is_obtained_on_the_proxy_and_nginx_starts_without_it() {
    let (prepare, configure) = acme_proxy(1, false);
    assert!(shown(&prepare).contains("certbot"));
    let nginx = file(&configure, "/etc/nginx/conf.d/mattermost.conf");
    assert!(nginx.contains("ssl_certificate /etc/nginx/tls/current/fullchain.pem;"));
    assert!(nginx.contains("try_files $uri =404;"), "{nginx}");
    assert!(!nginx.contains("acme_peers"), "{nginx}");
    assert_eq!(
        file(&configure, "/etc/nginx/tls/placeholder/fullchain.pem"),
        "placeholder"
    );
    let settings = file(&configure, "/etc/loadrig/certificate.conf");
    assert!(settings.contains("name=chat.corp.io\n"), "{settings}");
    assert!(settings.contains("authority=''\n"), "{settings}");
    // Obtained once nginx answers, and after that nginx leads to it before each start.
    let names: Vec<&str> = configure.steps().iter().map(BundleStep::name).collect();
    let place = |name: &str| names.iter().position(|one| *one == name).unwrap();
    assert!(
        place("certificate-link") < place("nginx-config"),
        "{names:?}"
    );
    assert!(place("listens") < place("first-certificate"), "{names:?}");
    assert!(
        place("first-certificate") < place("loadrig-certificate"),
        "{names:?}"
    );
}

#[test]
fn proxies_pass_challenges_on_to_each_other() {
    let (_, configure) = acme_proxy(3, true);
    let nginx = file(&configure, "/etc/nginx/conf.d/mattermost.conf");
    let servers = nginx.split("upstream acme_peers {").nth(1).unwrap();
    let servers = servers.split('}').next().unwrap();
    assert_eq!(servers.matches(":80;").count(), 2, "{servers}");
    assert!(nginx.contains("try_files $uri @acme_peers;"), "{nginx}");
    assert_eq!(
        file(&configure, "/etc/nginx/tls/acme-authority.pem"),
        "ACME authority"
    );
    let unit = file(
        &configure,
        "/etc/systemd/system/certbot.service.d/60-loadrig.conf",
    );
    assert!(unit.contains("REQUESTS_CA_BUNDLE=/etc/nginx/tls/acme-authority.pem"));
}

#[test]
fn authorities_are_trusted_by_every_host_and_servers_restart_for_them() {
    let with = |host: &str, authorities: &[&str]| {
        let spec = spec();
        let mut facts = facts(&spec);
        let file = |name: &&str| crate::hosts::HostFile {
            path: format!("/usr/local/share/ca-certificates/loadrig-{name}.crt"),
            mode: 0o644,
            content: name.as_bytes().to_vec(),
        };
        facts.payload = Arc::new(Payload {
            authorities: authorities.iter().map(file).collect(),
            ..(*facts.payload).clone()
        });
        [Stage::Prepare, Stage::Configure]
            .map(|stage| render(&spec, host.parse().unwrap(), stage, &facts).unwrap())
    };
    let step = |bundle: &Bundle, name: &str| {
        let step = bundle.steps().iter().find(|step| step.name() == name);
        step.unwrap().clone()
    };
    for host in ["app-1", "proxy-1", "search-proxy-1", "metrics-1"] {
        let [prepare, _] = with(host, &["a", "b"]);
        let trusted = step(&prepare, "own-authorities");
        let names: Vec<&str> = trusted
            .written()
            .iter()
            .map(crate::hosts::File::path)
            .collect();
        assert_eq!(names.len(), 2);
        let call = format!("\nauthorities {}\n", names.join(" "));
        assert!(trusted.script().ends_with(&call), "{}", trusted.script());
        // Those of before go when there are none any more.
        let [prepare, _] = with(host, &[]);
        assert_eq!(step(&prepare, "own-authorities").script(), "authorities\n");
    }
    // Before anything is fetched that such an authority may vouch for.
    let [prepare, _] = with("app-1", &["a"]);
    let names: Vec<&str> = prepare.steps().iter().map(BundleStep::name).collect();
    let at = |name| names.iter().position(|one| *one == name).unwrap();
    assert!(at("packages") < at("own-authorities") && at("own-authorities") < at("server"));

    let restarts = |authorities: &[&str]| {
        let [_, configure] = with("app-1", authorities);
        let service = step(&configure, "mattermost");
        service.service_inputs().unwrap().restart.to_string()
    };
    assert_ne!(restarts(&[]), restarts(&["a"]));
    assert_ne!(restarts(&["a"]), restarts(&["b"]));
    assert_eq!(restarts(&["a"]), restarts(&["a"]));
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
    // The commands may restart the server, which then has to be ready once more.
    let names = configure_names(&configure);
    assert_eq!(names[names.len() - 2..], ["after", "ready-again"]);
    let again = configure.steps().last().unwrap();
    assert!(again.runs_after_changes());
    assert!(
        again.script().contains("ping?get_server_status=true"),
        "{}",
        again.script()
    );
    let mut plain = spec();
    plain.extras.clear();
    let plain = render(
        &plain,
        "app-1".parse().unwrap(),
        Stage::Configure,
        &facts(&plain),
    );
    assert!(!configure_names(&plain.unwrap()).contains(&"ready-again"));
    let script = prepare.steps()[at("before")].script();
    assert!(
        script.starts_with("own 1 'echo first'\nown 2 'echo second'\n"),
        "{script}"
    );
    // A changed file makes the commands run again.
    let [_, changed] = with("hello again");
    let commands = |bundle: &Bundle| {
        let step = bundle.steps().iter().find(|step| step.name() == "after");
        step.map(|step| step.digest().to_string())
    };
    assert_ne!(commands(&configure), commands(&changed));
}

fn configure_names(bundle: &Bundle) -> Vec<&str> {
    bundle.steps().iter().map(BundleStep::name).collect()
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
