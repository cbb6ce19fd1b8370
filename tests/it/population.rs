//! The population of storms, in a real PostgreSQL: under the stand-in server, and in tables as an
//! official server has them.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Mutex;

use futures::future::BoxFuture;
use loadrig::loadtest::{
    AccountHash, DatabaseFailure, Population, PopulationChange, SeededPopulation, ServerDatabase,
    WantedPopulation, seed,
};
use loadrig::spec::PasswordHash;
use loadrig_storm::{
    AccountPassword, Accounts, ActionMix, ClientBehavior, STORM_FORMAT, StormEntrance, StormPhase,
    StormPlan,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::rig::client::PASSWORD;
use crate::rig::{Client, NodeOptions, Postgres, ServerNode};

/// A day in 2026.
const NOW_MS: i64 = 1_790_000_000_000;

const SMALL: Population = Population {
    teams: 3,
    channels: 32,
    channels_per_user: 5,
    unread_channels: 2,
    posts_per_channel: 10,
};

pub struct Psql(pub String);

impl Psql {
    pub fn of(postgres: &Postgres) -> Self {
        Self(postgres.data_source("sslmode=require"))
    }

    pub async fn ask(&self, statements: &str) -> Result<String, DatabaseFailure> {
        let mut child = tokio::process::Command::new("psql")
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-1",
                "-f",
                "-",
            ])
            .arg(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take().ok_or("no input")?;
        stdin.write_all(statements.as_bytes()).await?;
        drop(stdin);
        let output = child.wait_with_output().await?;
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout)?),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
        }
    }
}

impl ServerDatabase for Psql {
    fn execute(&self, statements: SecretString) -> BoxFuture<'_, Result<String, DatabaseFailure>> {
        Box::pin(async move { self.ask(statements.expose_secret()).await })
    }
}

async fn seeded(database: &Psql, population: Population, users: u32) -> SeededPopulation {
    let told = Mutex::new(Vec::new());
    let wanted = WantedPopulation {
        population,
        users,
        account: AccountHash {
            password: PASSWORD.to_owned().into(),
            salt: [3; 16],
            with: PasswordHash::Standin,
        },
    };
    let tell = |line: &str| told.lock().unwrap().push(line.to_owned());
    let seeded = seed(database, &wanted, NOW_MS, &tell).await.unwrap();
    assert_eq!(told.lock().unwrap()[0], seeded.change.to_string());
    seeded
}

fn ids(list: &Value) -> Vec<&str> {
    let items = list.as_array().unwrap().iter();
    items.map(|item| item["id"].as_str().unwrap()).collect()
}

/// What a user sees after logging in: the team, and unread posts by channel.
struct Seen {
    team: String,
    channels: BTreeMap<String, i64>,
}

async fn seen(client: &Client) -> Seen {
    let teams = client.get("/users/me/teams").await;
    let [team] = ids(&teams)[..] else {
        panic!("{teams}");
    };
    let channels = client
        .get(&format!("/users/me/teams/{team}/channels"))
        .await;
    let members = client
        .get(&format!("/users/me/teams/{team}/channels/members"))
        .await;
    let read: BTreeMap<&str, i64> = members
        .as_array()
        .unwrap()
        .iter()
        .map(|member| {
            let id = member["channel_id"].as_str().unwrap();
            (id, member["msg_count"].as_i64().unwrap())
        })
        .collect();
    let unread = channels.as_array().unwrap().iter().map(|channel| {
        let id = channel["id"].as_str().unwrap();
        let total = channel["total_msg_count"].as_i64().unwrap();
        (
            channel["name"].as_str().unwrap().to_owned(),
            total - read[id],
        )
    });
    Seen {
        team: teams[0]["name"].as_str().unwrap().to_owned(),
        channels: unread.collect(),
    }
}

fn unread(seen: &Seen) -> usize {
    seen.channels.values().filter(|count| **count > 0).count()
}

async fn check_user(node: &ServerNode, number: u32) {
    let client = node.client().login(&format!("storm-{number}")).await;
    let me = client.get("/users/me").await;
    assert_eq!(me["id"].as_str().unwrap().len(), 26);
    assert_eq!(me["roles"], "system_user");
    let found = seen(&client).await;
    assert_eq!(found.team, format!("storm-team-{}", number % 3));
    // Its own, and the two that every team has.
    assert_eq!(found.channels.len(), 5 + 2, "{:?}", found.channels);
    assert!(found.channels.contains_key("town-square"));
    assert_eq!(unread(&found), 2, "{:?}", found.channels);

    let team = client.get("/users/me/teams").await;
    let team = team[0]["id"].as_str().unwrap().to_owned();
    let channels = client
        .get(&format!("/users/me/teams/{team}/channels"))
        .await;
    for channel in channels.as_array().unwrap() {
        let posts = client
            .get(&format!(
                "/channels/{}/posts?per_page=60",
                channel["id"].as_str().unwrap()
            ))
            .await;
        let order = posts["order"].as_array().unwrap();
        let total = channel["total_msg_count"].as_u64().unwrap();
        assert_eq!(order.len() as u64, total);
        if let Some(last) = order.first() {
            let last = &posts["posts"][last.as_str().unwrap()];
            assert_eq!(last["create_at"], channel["last_post_at"]);
            assert!(last["create_at"].as_i64().unwrap() < NOW_MS);
        }
    }
    let user = &client.user_id;
    let sidebar = client
        .get(&format!("/users/{user}/teams/{team}/channels/categories"))
        .await;
    let shown: usize = sidebar["categories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|category| category["channel_ids"].as_array().unwrap().len())
        .sum();
    assert_eq!(shown, 7, "{sidebar}");
    let unread = client
        .get(&format!(
            "/users/{user}/teams/unread?include_collapsed_threads=true"
        ))
        .await;
    assert!(unread[0]["msg_count"].as_i64().unwrap() > 0, "{unread}");
    assert_eq!(unread[0]["mention_count"], 0);
}

/// Users of the population log in as web clients do, look around and write.
async fn storm(node: &ServerNode, users: u32) {
    let plan = StormPlan {
        format: STORM_FORMAT,
        agent: "agent-1".into(),
        entrances: vec![StormEntrance {
            url: node.url(),
            connect_to: None,
            authority: None,
            port: None,
            system: false,
        }],
        source_addresses: Vec::new(),
        accounts: Accounts {
            prefix: "storm-".into(),
            first: 0,
            users,
            password: AccountPassword::new(PASSWORD),
        },
        phases: vec![
            StormPhase::Arrive {
                users,
                over_ms: 500,
                shape: Default::default(),
            },
            StormPhase::Drain { at_most_ms: 60_000 },
            StormPhase::Hold { for_ms: 2_000 },
        ],
        client: ClientBehavior::default(),
        mix: ActionMix {
            post: 1800.0,
            ..ActionMix::idle()
        },
        seed: 1,
        deadline_ms: 120_000,
        sample_every_ms: 1000,
        checkpoint_every_ms: None,
        resume: None,
    };
    let (_say, control) = tokio::sync::mpsc::channel(1);
    let (lines, mut heard) = tokio::sync::mpsc::channel(64);
    let running = tokio::spawn(loadrig_storm::run(plan, control, lines));
    while heard.recv().await.is_some() {}
    let result = running.await.unwrap().unwrap();
    assert_eq!(result.users.usable, u64::from(users), "{:?}", result.users);
    assert_eq!(result.users.live, u64::from(users));
    assert!(result.errors().is_empty(), "{:?}", result.errors());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_population_logs_in_is_set_back_grows_and_is_replaced() {
    let postgres = Postgres::start();
    let database = Psql::of(&postgres);
    let node = ServerNode::spawn_with(NodeOptions {
        settings: json!({
            "SqlSettings": {"DataSource": database.0, "MaxOpenConns": 20},
            "TeamSettings": {"EnableOpenServer": true},
            "ClusterSettings": {"Enable": false},
        }),
        ..NodeOptions::default()
    });
    node.await_ready();
    node.client().create_user("admin").await;
    let admin = node.client().login("admin").await;
    let forget = || async { admin.post("/caches/invalidate", json!({})).await };

    let made = seeded(&database, SMALL, 500).await;
    assert_eq!(made.change, PopulationChange::Create);
    assert_eq!(made.prefix, "storm-");
    assert_eq!(made.changed["users"], 500);
    assert_eq!(made.changed["channelmembers"], 500 * 7);
    assert_eq!(made.changed["posts"], 320);
    forget().await;
    for number in [0, 7, 499] {
        check_user(&node, number).await;
    }

    let again = seeded(&database, SMALL, 500).await;
    assert_eq!(again.change, PopulationChange::Reuse { users: 500 });
    assert!(again.changed.is_empty(), "{:?}", again.changed);

    // A storm reads and writes: afterwards everything is as before it.
    storm(&node, 10).await;
    let after = seeded(&database, SMALL, 500).await;
    assert!(after.changed["channelmembers"] > 0, "{:?}", after.changed);
    assert!(after.changed["posts"] > 0, "{:?}", after.changed);
    assert!(!after.changed.contains_key("users"));
    forget().await;
    check_user(&node, 7).await;
    let again = seeded(&database, SMALL, 500).await;
    assert!(again.changed.is_empty(), "{:?}", again.changed);

    let grown = seeded(&database, SMALL, 600).await;
    assert_eq!(grown.change, PopulationChange::Grow { from: 500, to: 600 });
    assert_eq!(grown.changed["users"], 100);
    assert!(!grown.changed.contains_key("posts"));
    forget().await;
    for number in [7, 599] {
        check_user(&node, number).await;
    }
    let fewer = seeded(&database, SMALL, 20).await;
    assert_eq!(fewer.users, 600);
    assert!(fewer.changed.is_empty(), "{:?}", fewer.changed);

    let other = Population { teams: 2, ..SMALL };
    let replaced = seeded(&database, other, 40).await;
    assert!(
        matches!(&replaced.change, PopulationChange::Replace { reasons } if reasons.len() == 1),
        "{:?}",
        replaced.change
    );
    let counts = database
        .ask("SELECT count(*) FROM users; SELECT count(*) FROM teams; SELECT count(*) FROM channelmembers;")
        .await
        .unwrap();
    // With the administrator.
    assert_eq!(counts, format!("41\n2\n{}\n", 40 * 7));
    forget().await;
    let client = node.client().login("storm-5").await;
    assert_eq!(seen(&client).await.team, "storm-team-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_population_fits_the_tables_of_an_official_server() {
    let postgres = Postgres::start();
    let database = Psql::of(&postgres);
    let tables = include_str!("../fixtures/population/official.sql");
    database.ask(tables).await.unwrap();
    let made = seeded(&database, SMALL, 90).await;
    assert_eq!(made.changed["users"], 90);
    assert_eq!(made.changed["publicchannels"], 32 + 2 * 3);
    assert_eq!(made.changed["channelmemberhistory"], 90 * 7);
    assert!(seeded(&database, SMALL, 90).await.changed.is_empty());
    // What the server reads into values that cannot be null.
    for (table, nullable) in [
        ("users", vec!["authdata", "remoteid"]),
        ("teams", vec!["schemeid"]),
        (
            "channels",
            vec!["schemeid", "groupconstrained", "bannerinfo"],
        ),
        ("posts", vec!["remoteid"]),
        ("channelmembers", vec![]),
        ("teammembers", vec![]),
        ("preferences", vec![]),
        ("sidebarcategories", vec![]),
        ("publicchannels", vec![]),
    ] {
        let question = format!(
            "SELECT DISTINCT field.key FROM {table} AS one, jsonb_each(to_jsonb(one)) AS field \
             WHERE field.value = 'null' AND field.key <> 'mfausedtimestamps' ORDER BY 1;"
        );
        let found = database.ask(&question).await.unwrap();
        let found: Vec<&str> = found.lines().collect();
        let mut nullable = nullable;
        nullable.sort_unstable();
        assert_eq!(found, nullable, "{table}");
    }
    // Who writes in a channel is in it, and reads no further than its posts.
    for question in [
        "SELECT count(*) FROM posts p WHERE NOT EXISTS (SELECT 1 FROM channelmembers m \
         WHERE m.channelid = p.channelid AND m.userid = p.userid);",
        "SELECT count(*) FROM channelmembers m JOIN channels c ON c.id = m.channelid \
         WHERE m.msgcount > c.totalmsgcount OR m.lastviewedat > c.lastpostat;",
        "SELECT count(*) FROM channels c WHERE totalmsgcount <> (SELECT count(*) FROM posts p \
         WHERE p.channelid = c.id) OR lastpostat <> coalesce((SELECT max(createat) FROM posts p \
         WHERE p.channelid = c.id), 0);",
        "SELECT count(*) FROM channelmembers m JOIN channels c ON c.id = m.channelid WHERE \
         m.msgcount <> (SELECT count(*) FROM posts p WHERE p.channelid = c.id \
         AND p.createat <= m.lastviewedat);",
        "SELECT count(*) FROM channelmembers m JOIN channels c ON c.id = m.channelid \
         WHERE NOT EXISTS (SELECT 1 FROM teammembers t WHERE t.teamid = c.teamid \
         AND t.userid = m.userid);",
    ] {
        assert_eq!(database.ask(question).await.unwrap(), "0\n", "{question}");
    }
    database
        .ask(
            "ALTER TABLE teams ADD COLUMN region text NOT NULL DEFAULT ''; \
              ALTER TABLE teams ALTER COLUMN region DROP DEFAULT;",
        )
        .await
        .unwrap();
    let wanted = WantedPopulation {
        population: SMALL,
        users: 1,
        account: AccountHash {
            password: PASSWORD.to_owned().into(),
            salt: [3; 16],
            with: PasswordHash::Bcrypt,
        },
    };
    let error = seed(&database, &wanted, NOW_MS, &|_| {}).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server's database cannot take a population: its table `teams` asks for a column `region`"
    );
}
