//! What is done through the entrance and between the nodes: a post that crosses them, a file
//! that comes back, a post that is found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Method;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::loadtest::api::{Api, ApiError, ApiSession, Object};
use crate::loadtest::deliveries::SocketId;
use crate::loadtest::socket::{Inbox, Socket};

use super::{Promise, PromisePlan};

/// The team of these checks; only the administrator is in it.
const TEAM: &str = "loadrig-verify";
/// Its channel.
const CHANNEL: &str = "verify";
/// How long a post may take to the other nodes.
const CROSSES: Duration = Duration::from_secs(10);
/// How long a post may take until a list, which readers answer, has it.
const READ_BACK: Duration = Duration::from_secs(10);
/// Slower than this is worth a look: readers that lag behind.
const LAG: Duration = Duration::from_secs(2);
/// How long a post may take until it is found.
const FOUND: Duration = Duration::from_mins(1);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(300);
/// The file that is stored.
const FILE_BYTES: usize = 4096;

const EVENTS: &str = "websockets: a post on one node reaches the others";
const THROUGH: &str = "websockets: posts arrive through the entrance";
const FILES: &str = "files: what is stored comes back from every node";
const FIND: &str = "search: a new post is found";
const READS: &str = "database readers: a new post is read back";

/// Where these checks are made.
pub(super) struct Visit<'a> {
    pub(super) plan: &'a PromisePlan,
    pub(super) entrance: &'a Api,
    pub(super) session: &'a ApiSession,
    /// The API of each node, by its name.
    pub(super) nodes: &'a BTreeMap<String, Api>,
    team: String,
    channel: String,
    /// Differs between runs.
    token: String,
}

/// Somewhere with a name, and the API there.
type Place<'a> = (&'a str, &'a Api);

/// Posts that websockets did or did not bring.
struct Meeting {
    /// How many a websocket had to bring.
    all: usize,
    /// Where they were posted, and where they did not arrive.
    lost: Vec<String>,
    took: Duration,
}

/// Hands on which socket brought which post.
struct Arrivals(mpsc::UnboundedSender<(SocketId, String)>);

impl Inbox for Arrivals {
    fn posted(&self, socket: SocketId, token: &str) {
        // Nobody listens any more once everything came.
        let _ = self.0.send((socket, token.to_owned()));
    }

    fn closed(&self, _socket: SocketId, _why: &str) {}
}

impl<'a> Visit<'a> {
    /// Finds or makes the channel in which all of it happens.
    pub(super) async fn begin(
        plan: &'a PromisePlan,
        entrance: &'a Api,
        session: &'a ApiSession,
        nodes: &'a BTreeMap<String, Api>,
    ) -> Result<Self, ApiError> {
        let team = entrance.team(session, TEAM).await?.id;
        // Whoever makes a team or a channel is in it; this is for one that was left.
        let _ = entrance.join_team(session, &team).await;
        let path = format!("/teams/{team}/channels/name/{CHANNEL}");
        let channel = match entrance.get::<Object>(&path, session).await {
            Err(error) if error.status() == Some(404) => {
                entrance.create_channel(session, &team, CHANNEL).await?
            }
            other => other?,
        };
        let _ = entrance.join_channel(session, &channel.id).await;
        Ok(Self {
            plan,
            entrance,
            session,
            nodes,
            team,
            channel: channel.id,
            token: format!("verify{:08x}", rand::random::<u32>()),
        })
    }

    /// A post through each node, and a websocket on each: every pair has to meet.
    pub(super) async fn events(&self) -> Promise {
        let remedy = format!(
            "the nodes talk on port 8074: `loadrig plan {0}` shows changed rules, `loadrig up {0}` repairs configurations",
            self.plan.environment
        );
        match self.cross().await {
            Ok(detail) => Promise::kept(EVENTS, detail),
            Err(detail) => Promise::broken(EVENTS, detail).remedy(remedy),
        }
    }

    async fn cross(&self) -> Result<String, String> {
        let nodes = self.places();
        let met = self.meet(&nodes, &nodes).await?;
        let (all, lost) = (met.all, met.lost);
        match lost.is_empty() {
            true => Ok(format!(
                "{all} pairs of nodes within {} ms",
                met.took.as_millis()
            )),
            false => Err(format!(
                "{} of {all} pairs lost a post: {}",
                lost.len(),
                lost.join(", ")
            )),
        }
    }

    /// A websocket through the entrance, whichever node that leads to, and a post through the entrance and
    /// through each node: what people see passes whatever stands in between.
    pub(super) async fn events_through_entrance(&self) -> Promise {
        let mut from = self.places();
        from.push(("the entrance", self.entrance));
        let met = self
            .meet(&from, &[("a websocket through it", self.entrance)])
            .await;
        let fault = match met {
            Ok(met) if met.lost.is_empty() => {
                let detail = format!("{} posts within {} ms", met.all, met.took.as_millis());
                return Promise::kept(THROUGH, detail);
            }
            Ok(met) => format!(
                "{} of {} posts did not arrive: {}",
                met.lost.len(),
                met.all,
                met.lost.join(", ")
            ),
            Err(fault) => fault,
        };
        Promise::broken(THROUGH, fault).remedy(format!(
            "whatever stands before the nodes has to pass `Upgrade` on and let a connection be silent for a minute: \
             `loadrig plan {0} --hosts` shows files of the proxies that were changed, and `loadrig up {0}` repairs them",
            self.plan.environment
        ))
    }

    fn places(&self) -> Vec<Place<'_>> {
        let nodes = self.nodes.iter();
        nodes.map(|(name, api)| (name.as_str(), api)).collect()
    }

    /// A post from each place, which a websocket at each other one has to bring.
    async fn meet(&self, from: &[Place<'_>], to: &[Place<'_>]) -> Result<Meeting, String> {
        let (sender, mut arrivals) = mpsc::unbounded_channel();
        let inbox: Arc<dyn Inbox> = Arc::new(Arrivals(sender));
        let mut readers = JoinSet::new();
        for (number, (name, api)) in to.iter().enumerate() {
            let socket = Socket::open(&api.entrance, self.session).await;
            let socket = socket.map_err(|error| format!("{name}: {error}"))?;
            readers.spawn(socket.read(number, Arc::clone(&inbox)));
        }
        let begun = Instant::now();
        let mut waiting: BTreeSet<(SocketId, String)> = BTreeSet::new();
        let mut from_name: BTreeMap<String, &str> = BTreeMap::new();
        let mut posts = Vec::new();
        for (number, (name, api)) in from.iter().enumerate() {
            let token = format!("{}n{number}", self.token);
            let others = to.iter().enumerate().filter(|(_, other)| other.0 != *name);
            waiting.extend(others.map(|(other, _)| (other, token.clone())));
            let posted = api.create_post(self.session, &self.channel, &token).await;
            let posted = posted.map_err(|error| format!("{name}: {error}"))?;
            posts.push(posted.id);
            from_name.insert(token, name);
        }
        let all = waiting.len();
        let deadline = tokio::time::Instant::now() + CROSSES;
        while !waiting.is_empty() {
            match tokio::time::timeout_at(deadline, arrivals.recv()).await {
                Ok(Some(arrival)) => {
                    waiting.remove(&arrival);
                }
                Ok(None) | Err(_) => break,
            }
        }
        let took = begun.elapsed();
        readers.shutdown().await;
        self.forget(&posts).await;
        let lost = waiting
            .iter()
            .map(|(at, token)| format!("{} to {}", from_name[token], to[*at].0));
        let lost = lost.collect();
        Ok(Meeting { all, lost, took })
    }

    /// A file through the entrance, fetched from every node.
    pub(super) async fn files(&self) -> Promise {
        let remedy = format!(
            "`loadrig ssh {} app-1 -- curl -s 'localhost:8065/api/v4/system/ping?get_server_status=true'` shows the state of the file store",
            self.plan.environment
        );
        match self.store_and_fetch().await {
            Ok(detail) => Promise::kept(FILES, detail),
            Err(detail) => Promise::broken(FILES, detail).remedy(remedy),
        }
    }

    async fn store_and_fetch(&self) -> Result<String, String> {
        let mut content = vec![0; FILE_BYTES];
        rand::fill(content.as_mut_slice());
        let content = Bytes::from(content);
        let name = format!("{}.bin", self.token);
        let begun = Instant::now();
        let upload = self
            .entrance
            .upload(self.session, &self.channel, &name, content.clone());
        let file = upload.await.map_err(|error| format!("upload: {error}"))?;
        let text = format!("{}file", self.token);
        let post = self
            .entrance
            .attach(self.session, &self.channel, &text, &file)
            .await
            .map_err(|error| format!("post with the file: {error}"))?;
        for (node, api) in self.nodes {
            let copy = api.download(self.session, &file).await;
            let copy = copy.map_err(|error| format!("{node}: {error}"))?;
            if copy != content {
                return Err(format!("{node} gives back other bytes"));
            }
        }
        let took = begun.elapsed().as_millis();
        self.forget(&[post.id]).await;
        let nodes = match self.nodes.len() {
            1 => "1 node".to_owned(),
            many => format!("{many} nodes"),
        };
        Ok(format!("{FILE_BYTES} bytes from {nodes} in {took} ms"))
    }

    /// A post, until every node's list has it and until a search finds it.
    pub(super) async fn found_and_read(
        &self,
        searchable: bool,
        uses_readers: bool,
    ) -> Vec<Promise> {
        let word = format!("{}needle", self.token);
        let posted = self
            .entrance
            .create_post(self.session, &self.channel, &word)
            .await;
        let posted = match posted {
            Ok(posted) => posted,
            Err(error) => {
                let promise = Promise::broken(FIND, format!("the post: {error}"));
                return vec![promise.remedy(self.logs())];
            }
        };
        let mut promises = Vec::new();
        if uses_readers {
            promises.push(self.read_back(&posted.id).await);
            self.read_from_all().await;
        }
        if searchable {
            promises.push(self.find(&word, &posted.id).await);
        }
        self.forget(&[posted.id]).await;
        promises
    }

    /// Has each node read from each reader: nodes take turns with them, and close connections that nobody
    /// needs for some minutes.
    async fn read_from_all(&self) {
        for api in self.nodes.values() {
            for _ in 0..2 * self.plan.readers {
                // What is wrong with a reader is told when it is asked itself.
                let _ = api
                    .call(Method::GET, "/users?page=0&per_page=1", self.session)
                    .await;
            }
        }
    }

    fn logs(&self) -> String {
        format!(
            "`loadrig ssh {} app-1 -- sudo journalctl -u mattermost` shows the server's log",
            self.plan.environment
        )
    }

    async fn read_back(&self, post: &str) -> Promise {
        let begun = Instant::now();
        let path = format!("/channels/{}/posts?per_page=5", self.channel);
        for (node, api) in self.nodes {
            loop {
                let listed = api.get::<serde_json::Value>(&path, self.session).await;
                if listed.is_ok_and(|listed| !listed["posts"][post].is_null()) {
                    break;
                }
                if begun.elapsed() > READ_BACK {
                    let detail = format!("{node} does not list it after {} s", READ_BACK.as_secs());
                    return Promise::broken(READS, detail)
                        .remedy("look at the replication lag of the readers in CloudWatch");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        let took = begun.elapsed();
        let detail = format!("by every node within {} ms", took.as_millis());
        match took > LAG {
            true => Promise::doubtful(READS, detail)
                .remedy("look at the replication lag of the readers in CloudWatch"),
            false => Promise::kept(READS, detail),
        }
    }

    async fn find(&self, word: &str, post: &str) -> Promise {
        let begun = Instant::now();
        let mut last = "it is not found".to_owned();
        while begun.elapsed() < FOUND {
            match self.entrance.search(self.session, &self.team, word).await {
                Ok(found) if found.iter().any(|one| one == post) => {
                    let took = begun.elapsed().as_millis();
                    return Promise::kept(FIND, format!("after {took} ms"));
                }
                Ok(_) => "it is not found".clone_into(&mut last),
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Promise::broken(FIND, format!("{last}, for {} s", FOUND.as_secs())).remedy(format!(
            "`loadrig ssh {} app-1 -- sudo journalctl -u mattermost` shows what indexing came to",
            self.plan.environment
        ))
    }

    /// Removes posts. Those that stay harm nobody: only the administrator sees them.
    async fn forget(&self, posts: &[String]) {
        for post in posts {
            let path = format!("/posts/{post}");
            let _ = self
                .entrance
                .call(Method::DELETE, &path, self.session)
                .await;
        }
    }
}
