//! What `verify` asks of a server, on real stand-in servers with one PostgreSQL: what it finds when all is well,
//! and when something is not.

mod connections;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use loadrig::loadtest::{
    Admin, EntranceRoute, JoinPeer, JoinPlan, NodeJoin, Password, PlannedLicense, Promise,
    PromiseMail, PromiseNode, PromisePlan, PromiseVerdict, ReaderAccess, check_joined,
    check_promises, known_addresses,
};
use loadrig::spec::{ConnectionSecurity, LicenseSummary, LicensedPart};
use mattermost_license::{Sku, sign_for_standin, standin_license};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::population::Psql;
use crate::rig::client::PASSWORD;
use crate::rig::{NodeOptions, Postgres, ServerNode};

const VERSION: &str = "application nodes: one version";
const LICENSE: &str = "license: as planned";
const CLUSTER: &str = "cluster: every node knows every other";
const METRICS: &str = "metrics: every application node answers";
const MAIL: &str = "mail: the mail server takes a message";
const LOGIN: &str = "entrance: the administrator logs in";
const EVENTS: &str = "websockets: a post on one node reaches the others";
const THROUGH: &str = "websockets: posts arrive through the entrance";
const FILES: &str = "files: what is stored comes back from every node";
const FIND: &str = "search: a new post is found";
const READS: &str = "database readers: a new post is read back";
const READERS: &str = "database readers: each in use, and not behind";

/// How a node differs from one that is well.
#[derive(Clone, Copy, Debug, Default)]
struct Differs<'a> {
    unlicensed: bool,
    /// A license in place of the planned one.
    license: Option<&'a str>,
    /// Nobody reaches its gossip port.
    is_deaf: bool,
    /// Where its mail goes.
    mail: Option<u16>,
    /// The port of its directory, and the password of the account there.
    ldap: Option<(u16, &'a str)>,
    has_saml: bool,
    /// The readers that it knows.
    readers: &'a [String],
}

/// Node 1 or 2 of a server with its files in `files`.
fn node(postgres: &Postgres, files: &Path, number: u8, differs: Differs<'_>) -> ServerNode {
    let source = postgres.data_source("sslmode=require");
    // Others are told an address, which is not where it listens if it is to be deaf.
    let bound = match differs.is_deaf {
        true => number + 10,
        false => number,
    };
    let mut settings = json!({
        "SqlSettings": {
            "DataSource": source, "DataSourceReplicas": differs.readers, "MaxOpenConns": 10,
            "ReplicaMonitorIntervalSeconds": 1,
        },
        "TeamSettings": {"EnableOpenServer": true},
        "FileSettings": {"Directory": files},
        "ClusterSettings": {
            "BindAddress": format!("127.0.0.{bound}"),
            "AdvertiseAddress": format!("127.0.0.{number}"),
        },
    });
    if let Some(port) = differs.mail {
        settings["EmailSettings"] = json!({
            "SMTPServer": "127.0.0.1", "SMTPPort": port.to_string(),
            "ConnectionSecurity": "", "FeedbackEmail": "server@example.com",
        });
    }
    if let Some((port, password)) = differs.ldap {
        settings["LdapSettings"] = json!({
            "Enable": true, "LdapServer": "127.0.0.1", "LdapPort": port, "BaseDN": "ou=people,dc=corp,dc=internal",
            "BindUsername": "cn=chat,dc=corp,dc=internal", "BindPassword": password,
        });
    }
    if differs.has_saml {
        settings["SamlSettings"] = json!({
            "Enable": true, "IdpCertificateFile": "loadrig-saml-idp.crt", "PublicCertificateFile": "loadrig-saml.crt",
            "PrivateKeyFile": "loadrig-saml.key", "ServiceProviderIdentifier": "https://chat.example.com/login/sso/saml",
        });
    }
    let license = differs.license;
    ServerNode::spawn_with(NodeOptions {
        settings,
        unlicensed: differs.unlicensed || license.is_some(),
        variables: license
            .map(|text| ("MM_LICENSE", text.to_owned()))
            .into_iter()
            .collect(),
        ..NodeOptions::default()
    })
}

/// Two nodes of one server, with the account that administers it.
async fn two_nodes(
    postgres: &Postgres,
    files: [&Path; 2],
    differ: [Differs<'_>; 2],
) -> [ServerNode; 2] {
    let nodes = [1, 2].map(|number: u8| {
        let index = usize::from(number - 1);
        node(postgres, files[index], number, differ[index])
    });
    for node in &nodes {
        node.await_ready();
    }
    make_administrator(&nodes[0]).await;
    nodes
}

async fn make_administrator(node: &ServerNode) {
    let answer = node
        .client()
        .send(
            reqwest::Method::POST,
            "/users",
            Some(json!({"username": "sysadmin", "email": "s@example.com", "password": PASSWORD})),
        )
        .await;
    // It is there already where nodes of the same database ran before.
    assert!(answer.status().is_success() || answer.status() == 400);
}

fn admin() -> Admin {
    Admin {
        username: "sysadmin".to_owned(),
        password: Password::new(PASSWORD.to_owned().into()),
    }
}

fn promise_node(node: &ServerNode, number: u8) -> PromiseNode {
    PromiseNode {
        name: format!("app-{number}"),
        address: format!("127.0.0.{number}"),
        url: node.url(),
        metrics_url: node.metrics_url(),
    }
}

/// The license that nodes of these tests have unless they differ.
fn planned_license() -> PlannedLicense {
    let license = standin_license(&Sku::Enterprise, 1000);
    PlannedLicense::Known {
        summary: LicenseSummary {
            edition: "Enterprise".to_owned(),
            seats: license.seats(),
            ends_ms: license.expires_at,
        },
        id: license.id,
    }
}

fn plan(nodes: &[ServerNode]) -> PromisePlan {
    let numbered = (1..).zip(nodes);
    PromisePlan {
        environment: "demo".to_owned(),
        entrance: nodes[0].url(),
        route: None,
        nodes: numbered
            .map(|(number, node)| promise_node(node, number))
            .collect(),
        admin: admin(),
        license: planned_license(),
        without: Vec::new(),
        users: 1000,
        readers: 0,
        search: false,
        mail: None,
        ldap: None,
        job_server: None,
        plugins: Vec::new(),
        saml: None,
        settings: Ok(Vec::new()),
    }
}

/// Mail through a server on this machine, to the administrator of these tests.
fn plan_mail(port: u16) -> PromiseMail {
    PromiseMail {
        server: format!("`127.0.0.1:{port}`"),
        security: ConnectionSecurity::None,
        account: None,
        from: "server@example.com".to_owned(),
        administrator: Some("s@example.com".to_owned()),
        unread: "sysadmin@example.com".to_owned(),
        mailbox: None,
    }
}

fn promise<'a>(promises: &'a [Promise], name: &str) -> &'a Promise {
    let found = promises.iter().find(|one| one.name == name);
    found.unwrap_or_else(|| panic!("no `{name}`: {promises:?}"))
}

/// Names of the promises, and of those that are not kept what was seen.
fn verdicts(promises: &[Promise]) -> (Vec<&str>, Vec<(&str, PromiseVerdict, &str)>) {
    let names = promises.iter().map(|one| one.name.as_str()).collect();
    let faults = promises
        .iter()
        .filter(|one| one.verdict != PromiseVerdict::Kept);
    let faults = faults.inspect(|one| assert!(!one.remedy.is_empty(), "{one:?}"));
    let faults = faults.map(|one| (one.name.as_str(), one.verdict, one.detail.as_str()));
    (names, faults.collect())
}

/// Asks until the nodes know each other; they need some seconds for that.
async fn known_to_each_other(plan: &PromisePlan) {
    for node in &plan.nodes {
        let known = async {
            while known_addresses(node, &plan.admin).await.unwrap().len() < plan.nodes.len() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let known = tokio::time::timeout(Duration::from_secs(30), known).await;
        known.expect("nodes find each other");
    }
}

/// A mail server that takes messages, or refuses whom they are for.
struct MailServer {
    port: u16,
    messages: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    async fn start(takes: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let messages = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&messages);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Some(message) = converse(stream, takes).await {
                    kept.lock().unwrap().push(message);
                }
            }
        });
        Self { port, messages }
    }
}

/// One conversation by SMTP: the message that was handed over, if one was.
async fn converse(stream: TcpStream, takes: bool) -> Option<String> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.example.com\r\n").await.ok()?;
    let mut message = None;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return message;
        }
        let reply = match line.get(..4) {
            Some("RCPT") if !takes => "550 nobody here",
            Some("DATA") => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut text).await.ok()? == 0 {
                        return None;
                    }
                }
                message = Some(text);
                "250 taken"
            }
            _ => "250 yes",
        };
        stream
            .write_all(format!("{reply}\r\n").as_bytes())
            .await
            .ok()?;
    }
}

/// What a way to a node does to websockets.
#[derive(Clone, Copy)]
enum Spoils {
    /// They bring no posts.
    Posts,
    /// They are not asked for: a proxy that does not pass `Upgrade` on.
    Upgrades,
}

/// A way to a node that is none for websockets.
async fn spoilt_way(node: &ServerNode, spoils: Spoils) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let to = node.url().trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&to).await.unwrap();
            tokio::spawn(pass_spoilt(client, server, spoils));
        }
    });
    url
}

async fn pass_spoilt(client: TcpStream, server: TcpStream, spoils: Spoils) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = async {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            let mut part = buffer[..length].to_vec();
            if let Spoils::Upgrades = spoils
                && part.starts_with(b"GET ")
            {
                let text = String::from_utf8_lossy(&part);
                part = text.replace("Upgrade: ", "X-Upgrade: ").into_bytes();
            }
            if to_server.write_all(&part).await.is_err() {
                return;
            }
        }
    };
    let back = async {
        let mut is_socket = false;
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            let text = String::from_utf8_lossy(&buffer[..length]);
            is_socket |= text.starts_with("HTTP/1.1 101");
            if is_socket && text.contains("\"posted\"") {
                continue;
            }
            if to_client.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    // Whichever side ends first ends both.
    tokio::select! {
        () = there => {}
        () = back => {}
    }
}

/// Nodes on one machine listen on different ports, so theirs are different configurations, and that is told.
const OWN_PORTS: (&str, PromiseVerdict, &str) = (
    CLUSTER,
    PromiseVerdict::Broken,
    "the nodes have different configurations",
);

#[tokio::test]
async fn two_licensed_nodes_keep_every_other_promise_and_a_lost_one_is_told() {
    let postgres = Postgres::start();
    let files = tempfile::tempdir().unwrap();
    let mail = MailServer::start(true).await;
    let well = Differs {
        mail: Some(mail.port),
        ..Differs::default()
    };
    let nodes = two_nodes(&postgres, [files.path(); 2], [well; 2]).await;
    let mut plan = plan(&nodes);
    plan.mail = Some(plan_mail(mail.port));
    // By the name of its certificate, which DNS does not know, at the name of the load balancer, which it does.
    let port = plan.entrance.rsplit(':').next().unwrap().parse();
    plan.route = Some(EntranceRoute {
        connect_to: "localhost".to_owned(),
        port: port.ok(),
        authority: None,
        system: true,
    });
    plan.entrance = "http://chat.invalid".to_owned();
    known_to_each_other(&plan).await;
    let promises = check_promises(&plan, &[]).await;
    let (names, faults) = verdicts(&promises);
    assert_eq!(faults, [OWN_PORTS]);
    assert_eq!(
        names,
        [
            LOGIN, VERSION, LICENSE, CLUSTER, METRICS, MAIL, EVENTS, THROUGH, FILES, FIND
        ]
    );
    let messages = mail.messages.lock().unwrap().clone();
    let [message] = &messages[..] else {
        panic!("{messages:?}");
    };
    for part in [
        "From: <server@example.com>",
        "To: s@example.com",
        "Testing Email Settings",
    ] {
        assert!(message.contains(part), "{message}");
    }

    assert_eq!(
        promise(&promises, MAIL).detail,
        format!(
            "`127.0.0.1:{}` has taken one to s@example.com, without TLS and account; whether it arrives was not looked \
             for",
            mail.port
        )
    );

    // What makes websockets deaf is found by a post, whatever the nodes say of each other.
    plan.mail = None;
    plan.nodes[1].url = spoilt_way(&nodes[1], Spoils::Posts).await;
    let promises = check_promises(&plan, &[]).await;
    let (names, faults) = verdicts(&promises);
    assert!(!names.contains(&THROUGH), "{names:?}");
    assert_eq!(
        faults,
        [
            OWN_PORTS,
            (
                EVENTS,
                PromiseVerdict::Broken,
                "1 of 2 pairs lost a post: app-1 to app-2"
            )
        ]
    );
}

#[tokio::test]
async fn an_entrance_that_passes_no_websockets_is_told_though_nodes_have_them() {
    let postgres = Postgres::start();
    let files = tempfile::tempdir().unwrap();
    let node = node(&postgres, files.path(), 1, Differs::default());
    node.await_ready();
    make_administrator(&node).await;
    let mut plan = plan(std::slice::from_ref(&node));
    for (spoils, expected) in [
        (
            Spoils::Upgrades,
            "a websocket through it: websocket refused with HTTP 4",
        ),
        (
            Spoils::Posts,
            "2 of 2 posts did not arrive: app-1 to a websocket through it",
        ),
    ] {
        plan.entrance = spoilt_way(&node, spoils).await;
        let promises = check_promises(&plan, &[]).await;
        let (_, faults) = verdicts(&promises);
        let [(THROUGH, PromiseVerdict::Broken, told)] = faults[..] else {
            panic!("{faults:?}");
        };
        assert!(told.starts_with(expected), "{told}");
    }
}

#[tokio::test]
async fn mail_and_files_that_do_not_arrive_are_told() {
    let postgres = Postgres::start();
    let [files, other_files] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let refusing = Differs {
        mail: Some(MailServer::start(false).await.port),
        ..Differs::default()
    };
    let directories = [files.path(), other_files.path()];
    let nodes = two_nodes(&postgres, directories, [refusing; 2]).await;
    let mut plan = plan(&nodes);
    plan.mail = Some(plan_mail(refusing.mail.unwrap()));
    known_to_each_other(&plan).await;
    let promises = check_promises(&plan, &[]).await;
    let (_, faults) = verdicts(&promises);
    let [
        OWN_PORTS,
        (MAIL, PromiseVerdict::Broken, refused),
        (FILES, PromiseVerdict::Broken, lost),
    ] = faults[..]
    else {
        panic!("{faults:?}");
    };
    assert!(refused.contains("550 nobody here"), "{refused}");
    assert!(
        lost.starts_with("app-2: HTTP 500 `api.file.read_file.reading_local.app_error`"),
        "{lost}"
    );
}

#[tokio::test]
async fn nodes_without_their_license_are_one_fault_or_none_where_that_is_planned() {
    let postgres = Postgres::start();
    let files = tempfile::tempdir().unwrap();
    let unlicensed = Differs {
        unlicensed: true,
        ..Differs::default()
    };
    let nodes = two_nodes(&postgres, [files.path(); 2], [unlicensed; 2]).await;
    let mut plan = plan(&nodes);
    let promises = check_promises(&plan, &[]).await;
    let (names, faults) = verdicts(&promises);
    assert_eq!(
        faults,
        [(
            LICENSE,
            PromiseVerdict::Broken,
            "no node has a license, so no cluster, no metrics"
        )]
    );
    assert_eq!(names, [LOGIN, VERSION, LICENSE, FILES, FIND]);

    plan.license = PlannedLicense::Unlicensed;
    plan.without = vec![LicensedPart::Cluster(2)];
    plan.nodes.truncate(1);
    let promises = check_promises(&plan, &[]).await;
    let (names, faults) = verdicts(&promises);
    assert_eq!(faults, []);
    assert_eq!(names, [LOGIN, VERSION, LICENSE, THROUGH, FILES, FIND]);
    assert_eq!(
        promises[2].detail,
        "no license, so 1 application node in place of 2"
    );
}

#[tokio::test]
async fn nodes_that_cannot_talk_and_a_node_with_another_license_are_named() {
    let postgres = Postgres::start();
    let files = tempfile::tempdir().unwrap();
    let mut former = standin_license(&Sku::Enterprise, 1000);
    former.id = "former00000000000000000000".to_owned();
    let former = sign_for_standin(&former).unwrap();
    let deaf = Differs {
        is_deaf: true,
        ..Differs::default()
    };
    let with_former = Differs {
        license: Some(&former),
        ..deaf
    };
    let nodes = two_nodes(&postgres, [files.path(); 2], [deaf, with_former]).await;
    let plan = plan(&nodes);
    let promises = check_promises(&plan, &[]).await;
    let (names, faults) = verdicts(&promises);
    let [license, cluster] = faults[..] else {
        panic!("{faults:?}");
    };
    assert_eq!((license.0, license.1), (LICENSE, PromiseVerdict::Broken));
    assert!(
        license
            .2
            .starts_with("app-2 has another license, Enterprise for 1000 users"),
        "{license:?}"
    );
    assert_eq!(
        cluster,
        (
            CLUSTER,
            PromiseVerdict::Broken,
            "app-1 does not know app-2; app-2 does not know app-1, so posts do not cross nodes"
        )
    );
    assert!(!names.contains(&EVENTS), "{names:?}");
}

/// A data source by the address at which both the server and `psql` come from one address.
fn source(postgres: &Postgres) -> String {
    let source = postgres.data_source("sslmode=require");
    source.replace("@localhost:", "@127.0.0.1:")
}

fn psql(postgres: &Postgres) -> Psql {
    Psql(source(postgres))
}

fn access(node: &str, name: &str, reader: &Postgres) -> ReaderAccess {
    ReaderAccess {
        node: node.to_owned(),
        reader: name.to_owned(),
        database: Box::new(psql(reader)),
    }
}

#[tokio::test]
async fn each_reader_is_asked_whether_it_is_used_and_how_far_it_is_behind() {
    let postgres = Postgres::start();
    let files = tempfile::tempdir().unwrap();
    let (one, two) = (postgres.replica(), postgres.replica());
    let both = [&one, &two].map(source);
    let well = Differs {
        readers: &both,
        ..Differs::default()
    };
    let node = node(&postgres, files.path(), 1, well);
    node.await_ready();
    make_administrator(&node).await;
    let mut plan = plan(std::slice::from_ref(&node));
    plan.readers = 2;
    let mut readers = vec![access("app-1", "one", &one), access("app-1", "two", &two)];
    let promises = check_promises(&plan, &readers).await;
    let (names, faults) = verdicts(&promises);
    assert_eq!(faults, []);
    assert_eq!(
        names,
        [
            LOGIN, VERSION, LICENSE, METRICS, THROUGH, FILES, READS, FIND, READERS
        ]
    );

    // A reader that the server was never told of.
    let unused = postgres.replica();
    readers.push(access("app-1", "unused", &unused));
    let promises = check_promises(&plan, &readers).await;
    let (_, faults) = verdicts(&promises);
    let unused_by = "app-1 has no connection to unused";
    assert_eq!(faults, [(READERS, PromiseVerdict::Broken, unused_by)]);
    readers.pop();

    // One that does not replay what it receives. Which reader answers the server depends on whose turn it is.
    let asked = psql(&two).ask("SELECT pg_wal_replay_pause();").await;
    asked.unwrap();
    let write = "CREATE TABLE behind AS SELECT 1 AS one;";
    psql(&postgres).ask(write).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let promises = check_promises(&plan, &readers).await;
    let (_, faults) = verdicts(&promises);
    let behind = faults.iter().find(|one| one.0 == READERS).unwrap();
    assert_eq!(behind.1, PromiseVerdict::Doubtful);
    assert!(
        behind.2.starts_with("two is ") && behind.2.ends_with(" s behind"),
        "{behind:?}"
    );

    // One of two that is gone.
    drop(two);
    let started = std::time::Instant::now();
    let promises = loop {
        let promises = check_promises(&plan, &readers).await;
        // Until it notices that, the server sends logins to it too.
        if promises.iter().any(|one| one.name == READERS) {
            break promises;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{promises:?}");
    };
    let (_, faults) = verdicts(&promises);
    let gone = faults.iter().find(|one| one.0 == READERS).unwrap();
    assert_eq!(gone.1, PromiseVerdict::Broken);
    assert!(gone.2.starts_with("app-1 cannot ask two: "), "{gone:?}");
}

/// A node that is about to get people again, with the other as its peer.
fn join_plan(nodes: &[ServerNode; 2]) -> JoinPlan {
    let peer = promise_node(&nodes[1], 2);
    JoinPlan {
        environment: "demo".to_owned(),
        node: promise_node(&nodes[0], 1),
        admin: admin(),
        license: planned_license(),
        version: None,
        search: false,
        metrics: true,
        peers: vec![JoinPeer {
            name: peer.name.clone(),
            address: peer.address.clone(),
            is_as_planned: false,
        }],
        peer: Some(peer),
    }
}

#[tokio::test]
async fn a_node_has_joined_once_it_and_its_peer_know_each_other() {
    let postgres = Postgres::start();
    let files = tempfile::tempdir().unwrap();
    let nodes = two_nodes(&postgres, [files.path(); 2], [Differs::default(); 2]).await;
    let mut plan = join_plan(&nodes);
    let joined = check_joined(&plan, |_| ()).await.unwrap();
    assert_eq!(joined, NodeJoin::Joined);
    let known = known_addresses(&plan.node, &plan.admin).await.unwrap();
    assert_eq!(
        known.into_iter().collect::<Vec<_>>(),
        ["127.0.0.1", "127.0.0.2"]
    );
    plan.admin.password = Password::new("another".to_owned().into());
    let NodeJoin::NotAsked(why) = check_joined(&plan, |_| ()).await.unwrap() else {
        panic!("joined without a login");
    };
    assert!(why.contains("HTTP 401"), "{why}");

    // It does not use a search domain, and waits for one in vain.
    plan.admin = admin();
    plan.search = true;
    assert_eq!(waits_for(&plan).await, "it does not use the search domain");
    plan.search = false;

    // Nodes on one machine listen on different ports, so theirs are different configurations.
    plan.peers[0].is_as_planned = true;
    let other = "it has another configuration than app-2";
    assert_eq!(waits_for(&plan).await, other);
    plan.peers[0].is_as_planned = false;

    plan.node.metrics_url = format!("{}/no-such-page", nodes[0].url());
    let told = waits_for(&plan).await;
    assert!(told.starts_with("its metrics "), "{told}");

    plan.version = Some("99.1.0".to_owned());
    let error = check_joined(&plan, |_| ()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.ends_with("; planned is 99.1.0"), "{text}");
}

#[tokio::test]
async fn a_node_that_came_back_alone_has_not_joined() {
    let postgres = Postgres::start();
    let files = tempfile::tempdir().unwrap();
    let deaf = Differs {
        is_deaf: true,
        ..Differs::default()
    };
    let unlicensed = Differs {
        unlicensed: true,
        ..Differs::default()
    };
    let nodes = two_nodes(&postgres, [files.path(); 2], [deaf, unlicensed]).await;
    let mut plan = join_plan(&nodes);
    assert_eq!(
        waits_for(&plan).await,
        "it does not know app-2; app-2 does not know it"
    );
    plan.node = promise_node(&nodes[1], 2);
    let error = check_joined(&plan, |_| ()).await.unwrap_err();
    assert_eq!(error.to_string(), "`app-2` answers, but it has no license");
}

/// What is still waited for after some seconds, which is all that is.
async fn waits_for(plan: &JoinPlan) -> String {
    let told = Mutex::new(String::new());
    let waits = |fault: &str| fault.clone_into(&mut told.lock().unwrap());
    let joined = tokio::time::timeout(Duration::from_secs(12), check_joined(plan, waits)).await;
    assert!(joined.is_err(), "{joined:?}");
    told.into_inner().unwrap()
}
