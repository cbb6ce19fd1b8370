//! Stands between a client and the emulator and writes down every call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::Response;
use axum::http::request::Parts;

/// A call as the client made it, and what it was answered.
#[derive(Clone, Debug)]
pub struct RecordedCall {
    /// Service that signed it: `ec2`, `s3` …
    pub service: String,
    pub method: String,
    pub path: String,
    /// Query and form parameters; the body's top level for JSON.
    pub parameters: BTreeMap<String, String>,
    /// `Action` or the target of JSON protocols; empty for REST.
    pub action: String,
    /// The body as text.
    pub body: String,
    pub answer: String,
    /// Id of the key that signed it.
    pub key: String,
    /// The account whose bucket is meant.
    pub bucket_owner: String,
}

/// Answers a call itself, with status and body, or leaves it to the emulator.
pub type Instead = fn(&RecordedCall) -> Option<(u16, String)>;

#[derive(Clone)]
struct RecorderState {
    upstream: String,
    instead: Instead,
    client: reqwest::Client,
    calls: Arc<Mutex<Vec<RecordedCall>>>,
}

/// The recorder, listening until the test's runtime ends.
pub struct CallRecorder {
    pub endpoint: String,
    calls: Arc<Mutex<Vec<RecordedCall>>>,
}

impl CallRecorder {
    pub async fn start(upstream: &str) -> Self {
        Self::with(upstream, |_| None).await
    }

    /// One that answers some calls itself.
    pub async fn with(upstream: &str, instead: Instead) -> Self {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let shared = RecorderState {
            upstream: upstream.to_owned(),
            instead,
            client: reqwest::Client::new(),
            calls: Arc::clone(&calls),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(pass).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, calls }
    }

    /// What was called since the last time.
    pub fn take(&self) -> Vec<RecordedCall> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

async fn pass(State(shared): State<RecorderState>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 16 << 20).await.unwrap();
    let header = |name: &str| {
        let value = parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let mut parameters = pairs(parts.uri.query().unwrap_or_default());
    let text = String::from_utf8_lossy(&body);
    if header("content-type").contains("urlencoded") {
        parameters.extend(pairs(&text));
    } else if let Ok(serde_json::Value::Object(map)) = serde_json::from_str(&text) {
        let texts = map.into_iter().map(|(key, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (key, text)
        });
        parameters.extend(texts);
    }
    let target = header("x-amz-target");
    let action = match parameters.get("Action") {
        Some(action) => action.clone(),
        None => target.rsplit('.').next().unwrap_or_default().to_owned(),
    };
    // Credential=ID/DAY/REGION/SERVICE/aws4_request
    let scope = header("authorization");
    let service = scope.split('/').nth(3).unwrap_or_default().to_owned();
    let key = scope
        .split("Credential=")
        .nth(1)
        .and_then(|rest| rest.split('/').next());
    let mut call = RecordedCall {
        service,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        parameters,
        action,
        body: text.clone().into_owned(),
        answer: String::new(),
        key: key.unwrap_or_default().to_owned(),
        bucket_owner: header("x-amz-expected-bucket-owner"),
    };
    let response = match (shared.instead)(&call) {
        Some((status, body)) => {
            call.answer.clone_from(&body);
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status.try_into().unwrap();
            response
        }
        None => forward(&shared, parts, body, &mut call).await,
    };
    shared.calls.lock().unwrap().push(call);
    response
}

async fn forward(
    shared: &RecorderState,
    parts: Parts,
    body: Bytes,
    call: &mut RecordedCall,
) -> Response<Body> {
    let path_and_query = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    let answer = shared
        .client
        .request(
            parts.method.clone(),
            format!("{}{path_and_query}", shared.upstream),
        )
        .headers(parts.headers.clone())
        .body(body)
        .send()
        .await
        .unwrap();
    let status = answer.status();
    let headers = answer.headers().clone();
    let bytes = answer.bytes().await.unwrap();
    call.answer = String::from_utf8_lossy(&bytes).into_owned();
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    // HEAD has a length but no body: left out, the server would write another.
    for (name, value) in &headers {
        if name != "transfer-encoding" && (name != "content-length" || parts.method == "HEAD") {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    // A form is encoded as a query is.
    let url = reqwest::Url::parse(&format!("http://form/?{text}")).unwrap();
    url.query_pairs().into_owned().collect()
}
