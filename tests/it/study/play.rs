//! One storm for real: application nodes, proxies, clients.

use std::time::{Duration, Instant};

use forecast::Lock;
use loadrig_storm::{
    AccountPassword, Accounts, ActionMix, CallSequence, ClientBehavior, ClientCall, LoginRetry,
    OnTooMany, STORM_FORMAT, StormControl, StormEntrance, StormLine, StormPhase, StormPlan,
    StormResult, StormSample, run,
};
use serde_json::json;
use tokio::sync::mpsc;

use super::draw::{StudyStorm, shape};
use super::proxy::{GateTurns, StudyProxy};
use crate::rig::client::PASSWORD;
use crate::rig::{NodeOptions, Postgres, ServerNode, free_port};

/// What the accounts' names begin with.
pub const PREFIX: &str = "storm-";
/// The most accounts that a storm needs.
pub const ACCOUNTS: u32 = 480;
/// A storm stands still if nobody got in for so many times the time between two tries of a client.
const STILL: f64 = 5.0;
/// And for so many seconds at the least.
const STILL_SECONDS: f64 = 4.0;
/// Seconds after which a storm is cut off, in times the least that it takes, and besides.
const CUT_OFF: (f64, f64) = (5.0, 30.0);
/// A storm does not count in which the clients' own timers, or this machine's, were later than this: for
/// more than one in a hundred of them.
const LATEST: Duration = Duration::from_millis(10);
/// Distance of the looks at whether the nodes are done.
const LOOK: Duration = Duration::from_millis(20);
/// How long nodes may be at work when all clients are gone.
const LONGEST_WORK: Duration = Duration::from_mins(4);

/// How a storm ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StormEnd {
    /// Everybody is in or has given up, and the nodes are done.
    Drained,
    /// Nobody got in any more, while clients tried on.
    StoodStill,
    /// It went on for too long.
    CutOff,
}

/// What came of a storm.
#[derive(Clone, Debug)]
pub struct PlayedStorm {
    pub end: StormEnd,
    pub logged_in: u64,
    /// Seconds until the last of them was in.
    pub last_in: f64,
    /// Seconds until the nodes had nothing to do any more; as far as it was played.
    pub drained: f64,
    /// The least seconds that the passwords take of users who come at these moments, and wait.
    pub least: f64,
    /// Share of the passwords that were checked for clients who had gone.
    pub dead: f64,
    pub gate: GateTurns,
    /// The 99th percentile of the lateness of clients and timers.
    pub late: Duration,
}

impl PlayedStorm {
    /// Whether machine and clients were on time.
    pub fn is_on_time(&self) -> bool {
        self.late <= LATEST
    }
}

/// What the storms of one study share.
pub struct StudyStage {
    postgres: Postgres,
}

/// Nodes that are killed when the storm is over.
struct Nodes(Vec<ServerNode>);

impl Drop for Nodes {
    fn drop(&mut self) {
        // What they have left to do for clients that are gone would take too long.
        self.0.drain(..).for_each(ServerNode::kill);
    }
}

impl StudyStage {
    /// A database with accounts.
    pub fn new(runtime: &tokio::runtime::Handle) -> Self {
        let stage = Self {
            postgres: Postgres::start(),
        };
        let nodes = Nodes(vec![
            stage.node(1, vec![("MM_STANDIN_HASH_ROUNDS", "1".into())]),
        ]);
        let nobody = nodes.0[0].client();
        runtime.block_on(async {
            for number in 0..ACCOUNTS {
                nobody.create_user(&format!("{PREFIX}{number}")).await;
            }
        });
        stage
    }

    fn node(&self, pool: u32, variables: Vec<(&'static str, String)>) -> ServerNode {
        let settings = json!({
            "SqlSettings": {
                "DataSource": self.postgres.data_source("sslmode=disable"), "MaxOpenConns": pool,
            },
            // Attempts that nobody waits for any more count as failed until they are checked.
            "ServiceSettings": {"MaximumLoginAttempts": 1_000_000},
            "TeamSettings": {"EnableOpenServer": true},
            "ClusterSettings": {"Enable": false},
            "JobSettings": {"RunJobs": false},
            "LogSettings": {"ConsoleLevel": "ERROR"},
        });
        let node = ServerNode::spawn_with(NodeOptions {
            settings,
            variables,
            port: Some(free_port()),
            ..NodeOptions::default()
        });
        node.await_ready();
        node
    }

    fn nodes(&self, count: u32, hash: f64, lock: Lock, pool: u32) -> Nodes {
        let mut variables = vec![
            ("MM_STANDIN_HASH_ROUNDS", "1".to_owned()),
            ("MM_STANDIN_HASH_TIME", format!("{:.3}", hash * 1000.0)),
        ];
        if let Lock::Shared { processors } = lock {
            variables.push(("MM_STANDIN_SERIAL_LOGINS", "false".into()));
            variables.push(("MM_STANDIN_HASH_PROCESSORS", format!("{processors:.0}")));
        }
        Nodes(
            (0..count)
                .map(|_| self.node(pool, variables.clone()))
                .collect(),
        )
    }

    /// Plays a storm.
    pub fn play(&self, study: &StudyStorm, runtime: &tokio::runtime::Handle) -> PlayedStorm {
        let rig = &study.rig;
        let nodes = self.nodes(rig.nodes.count, study.hash, rig.nodes.lock, study.pool);
        let ports: Vec<u16> = nodes.0.iter().map(port).collect();
        let count = study.spec.count(loadrig::spec::Role::Proxy);
        let proxies: Vec<StudyProxy> = (0..count)
            .map(|_| StudyProxy::start(&study.spec, &ports))
            .collect();
        let plan = plan(study, &proxies);
        let arrivals = plan.arrivals(0);
        let began = Instant::now();
        let (result, stood_still) = runtime.block_on(storm(study, plan));
        let mut end = match (stood_still, result.cut_short, still_waiting(&result)) {
            (true, _, _) => StormEnd::StoodStill,
            (_, true, _) | (_, _, true) => StormEnd::CutOff,
            _ => StormEnd::Drained,
        };
        let seconds = |ms: u64| ms as f64 / 1000.0;
        let last_in = result.last.logged_in_ms.map_or(0.0, seconds);
        let mut drained = last_in;
        if end == StormEnd::Drained {
            match runtime.block_on(idle(&nodes)) {
                Some(waited) if waited => drained = began.elapsed().as_secs_f64(),
                Some(_) => {}
                None => end = StormEnd::CutOff,
            }
        }
        let [checked, dead] = runtime.block_on(checks(&nodes));
        let mut gate = GateTurns::default();
        for turns in proxies.iter().map(StudyProxy::turns) {
            gate.turns += turns.turns;
            gate.lost += turns.lost;
        }
        PlayedStorm {
            end,
            logged_in: result.users.logged_in,
            last_in,
            drained,
            least: least(study, &arrivals),
            dead: dead / checked.max(1.0),
            gate,
            late: lateness(&result),
        }
    }
}

fn port(node: &ServerNode) -> u16 {
    let url = node.url();
    let port = url.rsplit(':').next().expect("a port");
    port.parse().expect("a number")
}

/// Users who neither are in nor have given up: the drain took too long for them.
fn still_waiting(result: &StormResult) -> bool {
    result
        .gauges()
        .last()
        .is_some_and(|gauges| gauges.waiting > 0)
}

fn lateness(result: &StormResult) -> Duration {
    let timers = result
        .drivers
        .values()
        .map(|driver| driver.timer_lag.quantile(0.99));
    let starts = result.calls.get(&ClientCall::Login);
    let starts = starts.map(|login| login.start_lag.quantile(0.99));
    timers.chain(starts).max().unwrap_or_default()
}

/// The nodes' work is never done sooner: nobody gives up, and no node has nothing to do while somebody
/// waits.
fn least(study: &StudyStorm, arrivals: &[Duration]) -> f64 {
    let nodes = study.rig.nodes;
    let each = match nodes.lock {
        Lock::OneAtATime => 1.0,
        Lock::Shared { processors } => processors,
    };
    let servers = (f64::from(nodes.count) * each) as usize;
    let mut free = vec![0.0_f64; servers.max(1)];
    for arrival in arrivals {
        let next = free.iter_mut().min_by(|a, b| a.total_cmp(b));
        let next = next.expect("a server");
        *next = next.max(arrival.as_secs_f64()) + study.hash;
    }
    free.into_iter().fold(0.0, f64::max)
}

fn plan(study: &StudyStorm, proxies: &[StudyProxy]) -> StormPlan {
    let ms = |seconds: f64| (seconds * 1000.0).round() as u64;
    let storm = &study.storm;
    let clients = storm.clients;
    let cut_off = CUT_OFF.0 * study.rig.least(storm) + CUT_OFF.1;
    let cut_off = match storm.grace.is_finite() {
        true => storm.grace,
        false => cut_off,
    };
    StormPlan {
        format: STORM_FORMAT,
        agent: study.name.clone(),
        entrances: proxies
            .iter()
            .map(|proxy| StormEntrance {
                url: format!("http://127.0.0.1:{}", proxy.port),
                connect_to: None,
                authority: None,
                port: None,
                system: false,
            })
            .collect(),
        source_addresses: Vec::new(),
        accounts: Accounts {
            prefix: PREFIX.into(),
            first: 0,
            users: storm.users,
            password: AccountPassword::new(PASSWORD),
        },
        phases: vec![
            StormPhase::Arrive {
                users: storm.users,
                over_ms: ms(storm.window),
                shape: shape(storm.arrivals),
            },
            StormPhase::Drain {
                at_most_ms: ms(cut_off),
            },
        ],
        client: ClientBehavior {
            patience_ms: clients.patience.map(ms),
            retry: clients.retry_after.map(|after| LoginRetry {
                after_ms: ms(after),
                at_most: None,
                jitter_ms: ms(clients.jitter),
            }),
            on_429: OnTooMany {
                heed_retry_after: study.heeds,
                otherwise_after_ms: study.otherwise.map(ms),
            },
            calls: CallSequence::LoginOnly,
            ..ClientBehavior::default()
        },
        mix: ActionMix::idle(),
        seed: study.seed,
        deadline_ms: ms(storm.window + cut_off) + 60_000,
        sample_every_ms: 1000,
        checkpoint_every_ms: None,
        resume: None,
    }
}

/// Plays the clients; says whether they were stopped because nobody got in any more.
async fn storm(study: &StudyStorm, plan: StormPlan) -> (StormResult, bool) {
    let (say, control) = mpsc::channel(8);
    let (lines, mut heard) = mpsc::channel(64);
    let running = tokio::spawn(run(plan, control, lines));
    let mut progress = Progress::default();
    let mut stood_still = false;
    while let Some(line) = heard.recv().await {
        match line {
            StormLine::Sample(sample) if progress.stands_still(study, &sample) && !stood_still => {
                stood_still = true;
                say.send(StormControl::Stop)
                    .await
                    .expect("the storm listens");
            }
            StormLine::Sample(_) | StormLine::Checkpoint(_) => {}
            StormLine::Result(_) => break,
        }
    }
    let result = running.await.expect("no panic").expect("a result");
    (result, stood_still)
}

/// When somebody got in last.
#[derive(Default)]
struct Progress {
    logged_in: u64,
    at: f64,
}

impl Progress {
    fn stands_still(&mut self, study: &StudyStorm, sample: &StormSample) -> bool {
        let now = sample.at_ms as f64 / 1000.0;
        if sample.users.logged_in > self.logged_in || now < study.storm.window {
            self.logged_in = sample.users.logged_in;
            self.at = now;
            return false;
        }
        // Whoever waits without end, or has given up for good, ends the storm by himself; and one that
        // is to be given up at a known time is played until then.
        let clients = study.storm.clients;
        let (Some(patience), Some(pause)) = (clients.patience, clients.retry_after) else {
            return false;
        };
        let again = patience + pause + clients.jitter;
        let is_endless = study.storm.grace.is_infinite();
        is_endless && sample.waiting > 0 && now - self.at > (STILL * again).max(STILL_SECONDS)
    }
}

/// Waits until no node has a login to check, and says whether it had to wait; none if that took too long.
async fn idle(nodes: &Nodes) -> Option<bool> {
    let began = Instant::now();
    let mut waited = false;
    while began.elapsed() < LONGEST_WORK {
        let mut waiting = 0.0;
        for node in &nodes.0 {
            let page = node.metrics().await;
            waiting += metric(&page, "mattermost_standin_logins_waiting");
        }
        if waiting < 0.5 {
            return Some(waited);
        }
        waited = true;
        tokio::time::sleep(LOOK).await;
    }
    None
}

/// Passwords that the nodes checked, and those of clients that had gone.
async fn checks(nodes: &Nodes) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for node in &nodes.0 {
        let page = node.metrics().await;
        sums[0] += metric(&page, "mattermost_login_logins_total")
            + metric(&page, "mattermost_login_logins_fail_total");
        sums[1] += metric(&page, "mattermost_standin_logins_abandoned_total");
    }
    sums
}

fn metric(page: &str, name: &str) -> f64 {
    let mut lines = page.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = value.unwrap_or_else(|| panic!("no {name} in\n{page}"));
    value.trim().parse().expect("a number")
}
