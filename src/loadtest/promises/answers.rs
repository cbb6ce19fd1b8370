//! What one application node says of itself.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::loadtest::api::{Api, ApiError, ApiSession, header, parse};

use super::{PromiseNode, PromisePlan};

/// How long a node's metrics may take.
const METRICS: Duration = Duration::from_secs(10);

/// A node as `cluster/status` lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct ClusterNode {
    pub(super) version: String,
    pub(super) config_hash: String,
    pub(super) ipaddress: String,
    pub(super) schema_version: String,
}

/// What one node says of itself; each part, or why it was not told.
#[derive(Clone, Debug)]
pub(super) struct NodeAnswers {
    pub(super) name: String,
    pub(super) address: String,
    /// Version and build.
    pub(super) version: Result<String, String>,
    pub(super) search_backend: String,
    pub(super) license: Result<BTreeMap<String, String>, String>,
    pub(super) cluster: Result<Vec<ClusterNode>, String>,
    /// Whether its search backend works; not asked where none was promised.
    pub(super) search: Result<(), String>,
    /// How many samples of the server itself its metrics have.
    pub(super) metrics: Result<usize, String>,
}

/// Asks one node everything at the same time.
pub(super) async fn ask(
    plan: &PromisePlan,
    node: &PromiseNode,
    session: &ApiSession,
) -> NodeAnswers {
    let api = match Api::new(&node.url, None) {
        Ok(api) => api,
        Err(error) => return silent(node, &error.to_string()),
    };
    let search = async {
        match plan.search {
            true => api.test_search(session).await,
            false => Ok(()),
        }
    };
    let (version, license, cluster, search, metrics) = futures::join!(
        api.version(session),
        api.license(session),
        api.cluster(session),
        search,
        metrics(&node.metrics_url),
    );
    let (version, search_backend) = match version {
        Ok((id, backend)) => (version_and_build(&id), backend),
        Err(error) => (Err(error.to_string()), String::new()),
    };
    NodeAnswers {
        name: node.name.clone(),
        address: node.address.clone(),
        version,
        search_backend,
        license: license.map_err(|error| error.to_string()),
        cluster: cluster.map_err(|error| error.to_string()),
        search: search.map_err(|error| error.to_string()),
        metrics,
    }
}

fn silent(node: &PromiseNode, why: &str) -> NodeAnswers {
    let why = why.to_owned();
    NodeAnswers {
        name: node.name.clone(),
        address: node.address.clone(),
        version: Err(why.clone()),
        search_backend: String::new(),
        license: Err(why.clone()),
        cluster: Err(why.clone()),
        search: Err(why.clone()),
        metrics: Err(why),
    }
}

/// How many samples of the server itself its metrics have.
pub(super) async fn metrics(url: &str) -> Result<usize, String> {
    let text = async {
        let client = reqwest::Client::builder().timeout(METRICS).build()?;
        let answer = client.get(url).send().await?.error_for_status()?;
        answer.text().await
    };
    let text = text.await.map_err(|error| match error.status() {
        Some(status) => format!("HTTP {}", status.as_u16()),
        None => ApiError::from(error).to_string(),
    })?;
    Ok(own_samples(&text))
}

/// `X-Version-Id` is `VERSION.BUILD.CONFIGHASH.LICENSED`. Every answer of a server has it: without it
/// another program answers, or something in between has taken it away.
pub(super) fn version_and_build(id: &str) -> Result<String, String> {
    match id.rsplitn(3, '.').nth(2) {
        Some(version) => Ok(version.to_owned()),
        None => Err(format!(
            "its `X-Version-Id` is `{id}`, which has no version"
        )),
    }
}

/// Whether what a server names as its active search backend is another than its database.
pub(super) fn is_search_backend(name: &str) -> bool {
    !matches!(name, "database" | "none" | "")
}

fn own_samples(text: &str) -> usize {
    let own = text.lines().filter(|line| line.starts_with("mattermost_"));
    own.count()
}

impl Api {
    /// `X-Version-Id`, empty without one, and the search backend that is in use.
    pub(super) async fn version(&self, session: &ApiSession) -> Result<(String, String), ApiError> {
        #[derive(Deserialize)]
        struct ActiveBackend {
            #[serde(default, rename = "ActiveSearchBackend")]
            backend: String,
        }
        let (headers, body) = self.call(Method::GET, "/system/ping", session).await?;
        let ping: ActiveBackend = parse(&body)?;
        let id = header(&headers, "x-version-id").unwrap_or_default();
        Ok((id, ping.backend))
    }

    pub(super) async fn license(
        &self,
        session: &ApiSession,
    ) -> Result<BTreeMap<String, String>, ApiError> {
        self.get("/license/client?format=old", session).await
    }

    pub(super) async fn cluster(&self, session: &ApiSession) -> Result<Vec<ClusterNode>, ApiError> {
        let nodes: Option<Vec<ClusterNode>> = self.get("/cluster/status", session).await?;
        Ok(nodes.unwrap_or_default())
    }

    async fn test_search(&self, session: &ApiSession) -> Result<(), ApiError> {
        // No configuration of its own: the server's is tried.
        self.post::<Value>("/elasticsearch/test", Some(session), &Value::Null)
            .await
            .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_with_their_build() {
        let one = version_and_build("11.2.0.11.2.0.d41d8cd98f.true");
        assert_eq!(one.as_deref(), Ok("11.2.0.11.2.0"));
        assert_ne!(one, version_and_build("11.2.0.18123.d41d8cd98f.true"));
        for none in ["", "nginx"] {
            assert!(version_and_build(none).is_err(), "`{none}`");
        }
    }

    #[test]
    fn samples_of_the_server_itself_are_counted() {
        let text = "# TYPE mattermost_x counter\nmattermost_x 1\ngo_goroutines 7\nmattermost_y 3\n";
        assert_eq!(own_samples(text), 2);
        assert_eq!(own_samples("<html>"), 0);
    }
}
