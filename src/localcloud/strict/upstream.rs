//! What stands behind the front: passes calls on to it and asks it questions of the
//! front's own. Knows no rule.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Response, header};
use bytes::Bytes;
use tokio::sync::Mutex;

use super::call::{Call, Protocol};
use super::errors::{Refusal, Reply};
use crate::localcloud::error::{Error, Result};

/// How long it may be silent.
const SILENCE: Duration = Duration::from_secs(120);
/// How often a question of the front's own is asked when the connection fails.
const ATTEMPTS: u32 = 3;

/// An answer that is read as it comes, or one that is read already.
pub(super) enum Passed {
    Whole(Reply),
    Stream(Response<Body>),
}

/// The API behind the front.
#[derive(Debug, Clone)]
pub(super) struct Upstream {
    client: reqwest::Client,
    url: String,
    /// Held by the one call that changes something: the emulator's threads share its state
    /// without locks, and a call that stumbles over another's answers 500 after half of its
    /// effect, which no client token mends.
    turn: Arc<Mutex<()>>,
}

impl Upstream {
    /// The API at a URL.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(super) fn new(url: &str) -> Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(SILENCE)
            .build()
            .map_err(|error| Error::Unsupported(format!("cannot make an HTTP client: {error}")))?;
        Ok(Self {
            client,
            url: url.trim_end_matches('/').to_owned(),
            turn: Arc::default(),
        })
    }

    /// Passes a call on and reads the answer.
    pub(super) async fn send(&self, call: &Call) -> Result<Reply, Refusal> {
        match self.pass(call, false).await? {
            Passed::Whole(reply) => Ok(reply),
            Passed::Stream(_) => Err(Refusal::upstream("an answer without an end")),
        }
    }

    /// Passes a call on; the answer is read as it comes, if `stream`.
    pub(super) async fn pass(&self, call: &Call, stream: bool) -> Result<Passed, Refusal> {
        let _turn = match call.reads() {
            true => None,
            false => Some(self.turn.lock().await),
        };
        let mut request = self
            .client
            .request(call.method.clone(), format!("{}{}", self.url, call.path))
            .body(call.body.clone());
        for (name, value) in &call.headers {
            // The length is that of the body, which the front may have changed.
            if !per_connection(name) && name != header::CONTENT_LENGTH {
                request = request.header(name, value);
            }
        }
        let answer = request
            .send()
            .await
            .map_err(|error| Refusal::upstream(format!("no answer behind the front: {error}")))?;
        let (status, headers) = (answer.status(), kept(answer.headers()));
        if stream {
            let (_, body) = axum::http::Response::<reqwest::Body>::from(answer).into_parts();
            let mut response = Response::new(Body::new(body));
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            return Ok(Passed::Stream(response));
        }
        let body = answer
            .bytes()
            .await
            .map_err(|error| Refusal::upstream(format!("broken off behind the front: {error}")))?;
        Ok(Passed::Whole(Reply {
            status,
            headers,
            body,
        }))
    }

    /// Asks a form service something in the name of the caller; the answer's text.
    pub(super) async fn ask(
        &self,
        call: &Call,
        service: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<Reply, Refusal> {
        let body = question(service, action, fields);
        let mut refusal = Refusal::upstream("not asked");
        for _ in 0..ATTEMPTS {
            let answer = self
                .client
                .post(&self.url)
                .header(header::AUTHORIZATION, signature(call, service))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body.clone())
                .send()
                .await;
            match answer {
                Ok(answer) => {
                    let (status, headers) = (answer.status(), kept(answer.headers()));
                    let body = answer.bytes().await.map_err(|error| {
                        Refusal::upstream(format!("broken off behind the front: {error}"))
                    })?;
                    return Ok(Reply {
                        status,
                        headers,
                        body,
                    });
                }
                Err(error) => {
                    refusal = Refusal::upstream(format!("no answer behind the front: {error}"));
                }
            }
        }
        Err(refusal)
    }

    /// Asks, and has the text of a successful answer or the refusal that came.
    pub(super) async fn text(
        &self,
        call: &Call,
        service: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<String, Refusal> {
        let reply = self.ask(call, service, action, fields).await?;
        let text = reply.text().to_owned();
        if reply.is_success() {
            return Ok(text);
        }
        let code = super::xml::first(&text, "Code");
        Err(match code {
            Some(code) => Refusal::with(
                reply.status,
                &code,
                super::xml::first(&text, "Message").unwrap_or_default(),
            ),
            None => Refusal::upstream(format!("{service}:{action} is not answered")),
        })
    }

    /// Gets a path of a service without forms.
    pub(super) async fn get(
        &self,
        call: &Call,
        service: &str,
        path: &str,
    ) -> Result<Reply, Refusal> {
        let answer = self
            .client
            .get(format!("{}{path}", self.url))
            .header(header::AUTHORIZATION, signature(call, service))
            .send()
            .await
            .map_err(|error| Refusal::upstream(format!("no answer behind the front: {error}")))?;
        let (status, headers) = (answer.status(), kept(answer.headers()));
        let body = answer
            .bytes()
            .await
            .map_err(|error| Refusal::upstream(format!("broken off behind the front: {error}")))?;
        Ok(Reply {
            status,
            headers,
            body,
        })
    }
}

/// The form of a question.
fn question(service: &str, action: &str, fields: &[(&str, &str)]) -> Bytes {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action);
    form.append_pair("Version", version(service));
    form.extend_pairs(fields);
    Bytes::from(form.finish())
}

/// A signature as far as the emulator reads it: key, region and service.
fn signature(call: &Call, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={}/20250101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
        call.key_id, call.region
    )
}

fn version(service: &str) -> &'static str {
    match Protocol::of_service(service) {
        Protocol::Ec2 => "2016-11-15",
        _ => match service {
            "rds" => "2014-10-31",
            "iam" => "2010-05-08",
            "elasticache" => "2015-02-02",
            "elasticloadbalancing" => "2015-12-01",
            _ => "2011-06-15",
        },
    }
}

fn kept(headers: &HeaderMap) -> HeaderMap {
    headers
        .iter()
        .filter(|(name, _)| !per_connection(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Headers that are about one connection, or that each side writes for itself.
fn per_connection(name: &HeaderName) -> bool {
    [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::EXPECT,
        header::UPGRADE,
        header::TE,
    ]
    .contains(name)
        || name.as_str() == "keep-alive"
}
