//! The search server: posts go in by batches, ids of posts come out. It may
//! not know the database, which its caller asks when the search server fails.

mod indexer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::warn;

use crate::config::ElasticsearchSettings;
use crate::metrics::Metrics;
use crate::model::Post;

pub(crate) use indexer::Indexer;

/// Posts that may wait for the search server; more are dropped and counted.
const QUEUE: usize = 10_000;
/// Most posts that one search returns.
const MAX_HITS: usize = 100;

/// Why a search has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SearchError {
    /// `EnableSearching` is off.
    #[error("no search server is configured (ElasticsearchSettings.EnableSearching is off)")]
    Disabled,
    /// The license does not include it.
    #[error("the license does not include a search server")]
    Unlicensed,
    /// The server cannot be reached, or its answer not be read.
    #[error("search server does not answer")]
    Transport(#[from] reqwest::Error),
    /// The server refused.
    #[error("search server answered {what} with {status}: {body}")]
    Refused {
        what: &'static str,
        status: u16,
        body: String,
    },
}

/// A client of the search server.
#[derive(Debug, Clone)]
pub(crate) struct SearchClient {
    inner: Arc<SearchState>,
    queue: mpsc::Sender<Post>,
}

#[derive(Debug)]
struct SearchState {
    http: reqwest::Client,
    settings: ElasticsearchSettings,
    metrics: Arc<Metrics>,
    /// There is a license for it.
    unlocked: AtomicBool,
}

impl SearchClient {
    /// A client, and the indexer that the caller runs beside it.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(crate) fn new(
        settings: &ElasticsearchSettings,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, Indexer), SearchError> {
        let limit = Duration::from_secs(settings.request_timeout_seconds);
        let http = reqwest::Client::builder().timeout(limit).build()?;
        let inner = Arc::new(SearchState {
            http,
            settings: settings.clone(),
            metrics,
            unlocked: AtomicBool::new(false),
        });
        let (queue, posts) = mpsc::channel(QUEUE);
        Ok((
            Self {
                inner: Arc::clone(&inner),
                queue,
            },
            Indexer::new(inner, posts),
        ))
    }

    /// Says whether there is a license for a search server.
    pub(crate) fn set_unlocked(&self, unlocked: bool) {
        self.inner.unlocked.store(unlocked, Ordering::Relaxed);
    }

    /// The search server's kind, if searches go to one.
    pub(crate) fn active_backend(&self) -> Option<&str> {
        let settings = &self.inner.settings;
        let active = settings.enable_searching && self.inner.is_unlocked();
        active.then_some(settings.backend.as_str())
    }

    /// Queues a post for the index.
    pub(crate) fn index(&self, post: &Post) {
        if self.inner.settings.enable_indexing
            && self.inner.is_unlocked()
            && self.queue.try_send(post.clone()).is_err()
        {
            self.inner.metrics.search_index_errors.inc();
            warn!(post = post.id, "search queue is full, post is not indexed");
        }
    }

    /// Ids of posts in these channels that hold `terms` (all of them, or any
    /// one), newest first.
    ///
    /// # Errors
    /// When there is no search server or it does not answer well.
    pub(crate) async fn find(
        &self,
        terms: &str,
        any: bool,
        channel_ids: &[String],
    ) -> Result<Vec<String>, SearchError> {
        if self.active_backend().is_none() {
            return Err(SearchError::Disabled);
        }
        let operator = if any { "or" } else { "and" };
        let query = json!({
            "query": {"bool": {
                "must": [{"match": {"message": {"query": terms, "operator": operator}}}],
                "filter": [{"terms": {"channel_id": channel_ids}}],
            }},
            "sort": [{"create_at": {"order": "desc"}}],
            "size": MAX_HITS,
            "_source": false,
        });
        let path = format!("{}/_search", self.inner.index_name());
        let found = self
            .inner
            .call("a search", reqwest::Method::POST, &path, query.to_string());
        let found: Value = found.await?.json().await?;
        let hits = found["hits"]["hits"].as_array().into_iter().flatten();
        Ok(hits
            .filter_map(|hit| hit["_id"].as_str().map(str::to_owned))
            .collect())
    }

    /// Whether the server answers.
    ///
    /// # Errors
    /// When it does not, or there is none.
    pub(crate) async fn check_health(&self) -> Result<(), SearchError> {
        if !self.inner.is_unlocked() {
            return Err(SearchError::Unlicensed);
        }
        if !self.inner.settings.enable_indexing && !self.inner.settings.enable_searching {
            return Err(SearchError::Disabled);
        }
        self.inner
            .call("a greeting", reqwest::Method::GET, "", String::new())
            .await
            .map(drop)
    }
}

impl SearchState {
    fn is_unlocked(&self) -> bool {
        self.unlocked.load(Ordering::Relaxed)
    }

    fn index_name(&self) -> String {
        format!("{}posts", self.settings.index_prefix)
    }

    async fn make_index(&self) -> Result<(), SearchError> {
        let settings = &self.settings;
        let body = json!({
            "settings": {"index": {
                "number_of_shards": settings.post_index_shards,
                "number_of_replicas": settings.post_index_replicas,
            }},
            "mappings": {"properties": {
                "message": {"type": "text"},
                "channel_id": {"type": "keyword"},
                "team_id": {"type": "keyword"},
                "user_id": {"type": "keyword"},
                "create_at": {"type": "long"},
            }},
        });
        let made = self
            .call(
                "a new index",
                reqwest::Method::PUT,
                &self.index_name(),
                body.to_string(),
            )
            .await;
        match made {
            // Made by the other node, or by an earlier run.
            Err(SearchError::Refused {
                status: 400, body, ..
            }) if body.contains("resource_already_exists") => Ok(()),
            other => other.map(drop),
        }
    }

    async fn bulk(&self, batch: &[Post]) -> Result<(), SearchError> {
        let index = self.index_name();
        let mut lines = String::new();
        for post in batch {
            let action = json!({"index": {"_index": index, "_id": post.id}});
            let document = json!({
                "message": post.message,
                "channel_id": post.channel_id,
                "user_id": post.user_id,
                "create_at": post.create_at,
            });
            lines.push_str(&format!("{action}\n{document}\n"));
        }
        let reply = self
            .call("a bulk index", reqwest::Method::POST, "_bulk", lines)
            .await?;
        let reply: Value = reply.json().await?;
        if reply["errors"] == true {
            let body = reply.to_string().chars().take(500).collect();
            return Err(SearchError::Refused {
                what: "a bulk index",
                status: 200,
                body,
            });
        }
        Ok(())
    }

    async fn call(
        &self,
        what: &'static str,
        method: reqwest::Method,
        path: &str,
        body: String,
    ) -> Result<reqwest::Response, SearchError> {
        let url = format!(
            "{}/{path}",
            self.settings.connection_url.trim_end_matches('/')
        );
        let form = if path == "_bulk" {
            "application/x-ndjson"
        } else {
            "application/json"
        };
        let mut request = self.http.request(method, url);
        if !body.is_empty() {
            request = request.header("Content-Type", form).body(body);
        }
        if !self.settings.username.is_empty() {
            request = request.basic_auth(&self.settings.username, Some(&self.settings.password));
        }
        let reply = request.send().await?;
        let status = reply.status();
        if status.is_success() {
            return Ok(reply);
        }
        let body = reply
            .text()
            .await
            .unwrap_or_default()
            .chars()
            .take(500)
            .collect();
        Err(SearchError::Refused {
            what,
            status: status.as_u16(),
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::extract::State;
    use axum::http::{Method, StatusCode, Uri};

    use super::*;

    type Log = Arc<Mutex<Vec<String>>>;

    /// A search server of few words that writes down what it is asked.
    async fn server(reply: &'static str, status: StatusCode) -> (String, Log) {
        let log = Log::default();
        let answer = move |State(log): State<Log>, method: Method, uri: Uri, body: String| async move {
            log.lock()
                .expect("log")
                .push(format!("{method} {uri} {body}"));
            (status, reply)
        };
        let app = Router::new().fallback(answer).with_state(Arc::clone(&log));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("bind");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        (url, log)
    }

    fn settings(url: String) -> ElasticsearchSettings {
        ElasticsearchSettings {
            connection_url: url,
            enable_indexing: true,
            enable_searching: true,
            index_prefix: "rig_".to_owned(),
            live_indexing_batch_size: 2,
            ..ElasticsearchSettings::default()
        }
    }

    #[tokio::test]
    async fn posts_are_indexed_in_batches_once_the_index_exists() {
        let (url, log) = server(r#"{"errors":false}"#, StatusCode::OK).await;
        let metrics = Arc::new(Metrics::default());
        let (search, indexer) = SearchClient::new(&settings(url), metrics).expect("client");
        search.set_unlocked(true);
        for id in ["p1", "p2"] {
            search.index(&Post {
                id: id.to_owned(),
                message: "hi".to_owned(),
                ..Post::default()
            });
        }
        drop(search);
        indexer.run().await;
        let log = log.lock().expect("log");
        assert!(log[0].starts_with("PUT /rig_posts {"), "{log:?}");
        assert!(
            log[1].starts_with("POST /_bulk {\"index\":{\"_id\":\"p1\""),
            "{log:?}"
        );
        assert!(log[1].contains("\"p2\""), "{log:?}");
        assert_eq!(log.len(), 2);
    }

    #[tokio::test]
    async fn search_asks_within_the_channels_and_returns_ids_in_order() {
        let (url, log) = server(
            r#"{"hits":{"hits":[{"_id":"p2"},{"_id":"p1"}]}}"#,
            StatusCode::OK,
        )
        .await;
        let (search, _indexer) =
            SearchClient::new(&settings(url), Arc::new(Metrics::default())).expect("client");
        search.set_unlocked(true);
        let ids = search
            .find("quick fox", false, &["c1".to_owned()])
            .await
            .expect("found");
        assert_eq!(ids, ["p2", "p1"]);
        let log = log.lock().expect("log");
        assert!(log[0].starts_with("POST /rig_posts/_search "), "{log:?}");
        assert!(
            log[0].contains(r#""terms":{"channel_id":["c1"]}"#),
            "{log:?}"
        );
    }

    #[tokio::test]
    async fn failing_server_fails_the_search() {
        let (url, _log) = server("no such index", StatusCode::NOT_FOUND).await;
        let (search, _indexer) =
            SearchClient::new(&settings(url), Arc::new(Metrics::default())).expect("client");
        search.set_unlocked(true);
        let error = search.find("fox", false, &[]).await.expect_err("refused");
        assert_eq!(
            error.to_string(),
            "search server answered a search with 404: no such index"
        );
    }
}
