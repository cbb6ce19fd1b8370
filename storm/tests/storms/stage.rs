//! A server with accounts, a team, channels and posts; and storms against it.

use std::time::{Duration, Instant};

use loadrig_storm::{
    AccountPassword, Accounts, ActionMix, ClientBehavior, STORM_FORMAT, StormControl,
    StormEntrance, StormLine, StormPhase, StormPlan, StormResult, StormSample, run,
};
use mattermost_license::Sku;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::rig::client::PASSWORD;
use super::rig::node::license;
use super::rig::{Client, NodeOptions, Postgres, ServerNode, free_port};

/// A variable of the stand-in, and its value.
type StandinVariable = (&'static str, String);

fn quick_hash() -> StandinVariable {
    ("MM_STANDIN_HASH_ROUNDS", "1000".to_owned())
}

/// A server with people who know each other.
pub struct Stage {
    node: Option<ServerNode>,
    port: u16,
    postgres: Postgres,
    /// A channel that everybody is in.
    channel: String,
}

fn settings(postgres: &Postgres) -> Value {
    let source = postgres.data_source("sslmode=require");
    json!({
        "SqlSettings": {"DataSource": source, "MaxOpenConns": 20},
        "TeamSettings": {"EnableOpenServer": true},
        "ClusterSettings": {"Enable": false},
    })
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no `{key}` in {value}"))
}

impl Stage {
    pub async fn new(users: u32) -> Self {
        Self::with(users, vec![quick_hash()]).await
    }

    /// One with a license of another edition than Enterprise.
    pub async fn with_license(users: u32, sku: &Sku) -> Self {
        let license = ("MM_LICENSE", license(sku));
        Self::with(users, vec![quick_hash(), license]).await
    }

    /// One whose logins take so many milliseconds each, one after the other.
    pub async fn with_hash_time(users: u32, time: &str) -> Self {
        Self::with(users, vec![("MM_STANDIN_HASH_TIME", time.to_owned())]).await
    }

    async fn with(users: u32, variables: Vec<StandinVariable>) -> Self {
        let postgres = Postgres::start();
        let port = free_port();
        let node = Self::start(&postgres, port, variables);
        let nobody = node.client();
        nobody.create_user("admin").await;
        let admin = nobody.login("admin").await;
        let team = json!({"name": "storm", "display_name": "Storm", "type": "O", "allow_open_invite": true});
        let team = admin.post("/teams", team).await;
        let team = text(&team, "id");
        let mut channels = Vec::new();
        for name in ["one", "two", "three"] {
            let channel = json!({"team_id": team, "name": name, "display_name": name, "type": "O"});
            let channel = admin.post("/channels", channel).await;
            channels.push(text(&channel, "id").to_owned());
        }
        for index in 0..users {
            let user = admin.create_user(&format!("storm-{index}")).await;
            let member = json!({"team_id": team, "user_id": user["id"]});
            admin.post(&format!("/teams/{team}/members"), member).await;
            for channel in &channels {
                let member = json!({"user_id": user["id"]});
                admin
                    .post(&format!("/channels/{channel}/members"), member)
                    .await;
            }
            // Someone to write to directly.
            let direct = json!([admin.user_id, user["id"]]);
            admin.post("/channels/direct", direct).await;
        }
        for channel in &channels {
            for number in 0..3 {
                let post =
                    json!({"channel_id": channel, "message": format!("post {number} storm")});
                admin.post("/posts", post).await;
            }
        }
        Self {
            node: Some(node),
            port,
            postgres,
            channel: channels.swap_remove(0),
        }
    }

    fn start(postgres: &Postgres, port: u16, variables: Vec<StandinVariable>) -> ServerNode {
        let node = ServerNode::spawn_with(NodeOptions {
            settings: settings(postgres),
            // One that is named takes the place of the usual one.
            unlicensed: variables.iter().any(|(name, _)| *name == "MM_LICENSE"),
            variables,
            port: Some(port),
            ..NodeOptions::default()
        });
        node.await_ready();
        node
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A session of somebody who is in all channels too.
    pub async fn admin(&self) -> Client {
        let node = self.node.as_ref().expect("a server");
        node.client().login("admin").await
    }

    /// Id of a channel that everybody is in.
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// Stops the server and starts it again at the same port.
    pub fn restart(&mut self) {
        let node = self.node.take().expect("a server");
        assert!(node.stop().success());
        self.node = Some(Self::start(&self.postgres, self.port, vec![quick_hash()]));
    }

    /// Stops the server, and starts it again at the same port after a time. Between the two returned
    /// times after the stop it began to accept connections.
    pub fn restart_after(&mut self, away: Duration) -> (Duration, Duration) {
        let node = self.node.take().expect("a server");
        let stopped = Instant::now();
        assert!(node.stop().success());
        std::thread::sleep(away);
        let spawned = stopped.elapsed();
        self.node = Some(Self::start(&self.postgres, self.port, vec![quick_hash()]));
        (spawned, stopped.elapsed())
    }

    /// So many users within so long, until all have arrived.
    pub fn plan(&self, users: u32, over_ms: u64) -> StormPlan {
        let entrance = StormEntrance {
            url: self.url(),
            connect_to: None,
            authority: None,
            port: None,
            system: false,
        };
        plan_at(entrance, users, over_ms)
    }
}

/// So many users within so long at an entrance, until all have arrived.
pub fn plan_at(entrance: StormEntrance, users: u32, over_ms: u64) -> StormPlan {
    StormPlan {
        format: STORM_FORMAT,
        agent: "agent-1".into(),
        entrances: vec![entrance],
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
                over_ms,
                shape: Default::default(),
            },
            StormPhase::Drain { at_most_ms: 60_000 },
        ],
        client: ClientBehavior::default(),
        mix: ActionMix::idle(),
        seed: 7,
        deadline_ms: 120_000,
        sample_every_ms: 1000,
        checkpoint_every_ms: None,
        resume: None,
    }
}

/// Carries a plan out.
pub async fn storm(plan: StormPlan) -> StormResult {
    storm_with(plan, |_| None).await.0
}

/// Carries a plan out, and says something after each sample.
pub async fn storm_with(
    plan: StormPlan,
    mut steer: impl FnMut(&StormSample) -> Option<StormControl>,
) -> (StormResult, Vec<StormSample>) {
    let (say, control) = mpsc::channel(8);
    let (lines, mut heard) = mpsc::channel(64);
    let running = tokio::spawn(run(plan, control, lines));
    let mut samples = Vec::new();
    while let Some(line) = heard.recv().await {
        match line {
            StormLine::Sample(sample) => {
                if let Some(word) = steer(&sample) {
                    say.send(word).await.expect("the storm listens");
                }
                samples.push(*sample);
            }
            StormLine::Checkpoint(_) => {}
            StormLine::Result(_) => break,
        }
    }
    (running.await.expect("no panic").expect("a result"), samples)
}

/// A storm under way.
pub struct RunningStorm {
    settled: watch::Receiver<u64>,
    end: JoinHandle<StormResult>,
}

impl RunningStorm {
    pub fn start(mut plan: StormPlan) -> Self {
        plan.sample_every_ms = 100;
        let (told, settled) = watch::channel(0);
        let end = tokio::spawn(async move {
            let tell = |sample: &StormSample| {
                // A page that is still loading when the server stops is loaded again.
                let users = sample.users;
                told.send_replace(users.usable.min(users.live).min(sample.websockets));
                None
            };
            storm_with(plan, tell).await.0
        });
        Self { settled, end }
    }

    /// Waits until so many users have their first page and an open websocket.
    pub async fn await_settled(&mut self, users: u64) {
        let settled = self.settled.wait_for(|settled| *settled == users);
        let settled = tokio::time::timeout(Duration::from_mins(1), settled).await;
        settled.expect("within a minute").expect("a running storm");
    }

    pub async fn result(self) -> StormResult {
        self.end.await.expect("no panic")
    }
}
