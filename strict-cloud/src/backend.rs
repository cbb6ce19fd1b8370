//! The rules' door to the upstream: forwards a client's call, and asks questions of the
//! strict cloud's own in the name of the client.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};

use crate::call::{Call, WireProtocol};
use crate::errors::{AwsError, Reply};
use crate::upstream::{Upstream, UpstreamError};
use crate::xml;

/// How often a question is asked when there is no answer.
const ATTEMPTS: u32 = 3;
/// Largest answer that is read whole, in bytes.
const LARGEST: usize = 2 << 30;

/// An answer that is streamed, or one that is read already.
pub(crate) enum Forwarded {
    Whole(Reply),
    Stream(Response<Body>),
}

/// The upstream, as the rules use it.
#[derive(Clone)]
pub(crate) struct Backend(Arc<dyn Upstream>);

impl Backend {
    pub(crate) fn new(upstream: Arc<dyn Upstream>) -> Self {
        Self(upstream)
    }

    /// Forwards a call and reads the whole answer.
    pub(crate) async fn send(&self, call: &Call) -> Result<Reply, AwsError> {
        whole(self.0.send(call).await.map_err(unanswered)?).await
    }

    /// Forwards a call; the answer is read as it comes.
    pub(crate) async fn stream(&self, call: &Call) -> Result<Forwarded, AwsError> {
        let response = self.0.send(call).await.map_err(unanswered)?;
        Ok(Forwarded::Stream(response))
    }

    /// Asks a form service something in the name of the caller.
    pub(crate) async fn ask(
        &self,
        call: &Call,
        service: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<Reply, AwsError> {
        self.question(
            call,
            service,
            Method::POST,
            "/",
            form(service, action, fields),
        )
        .await
    }

    /// Asks, and has the text of a successful answer or the error that came.
    pub(crate) async fn text(
        &self,
        call: &Call,
        service: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<String, AwsError> {
        let reply = self.ask(call, service, action, fields).await?;
        let text = reply.text().to_owned();
        if reply.is_success() {
            return Ok(text);
        }
        Err(match xml::first(&text, "Code") {
            Some(code) => AwsError::with(
                reply.status,
                &code,
                xml::first(&text, "Message").unwrap_or_default(),
            ),
            None => AwsError::upstream(format!("{service}:{action} is not answered")),
        })
    }

    /// Gets a path of a service without forms.
    pub(crate) async fn get(
        &self,
        call: &Call,
        service: &str,
        path: &str,
    ) -> Result<Reply, AwsError> {
        self.question(call, service, Method::GET, path, Bytes::new())
            .await
    }

    /// Asks by method, path and body.
    pub(crate) async fn question(
        &self,
        call: &Call,
        service: &str,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Reply, AwsError> {
        let mut headers = HeaderMap::new();
        if let Ok(signature) = HeaderValue::from_str(&signature(call, service)) {
            headers.insert(header::AUTHORIZATION, signature);
        }
        if method == Method::POST {
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(header::CONTENT_TYPE, kind);
        }
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path
            .parse()
            .map_err(|_| AwsError::upstream(format!("`{path}` is not a path")))?;
        *request.headers_mut() = headers;
        let question = Call::parse(request);
        let mut attempt = 1;
        loop {
            match self.0.send(&question).await {
                Ok(response) => return whole(response).await,
                Err(_) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(unanswered(error)),
            }
        }
    }
}

fn unanswered(error: UpstreamError) -> AwsError {
    AwsError::upstream(error.to_string())
}

async fn whole(response: Response<Body>) -> Result<Reply, AwsError> {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, LARGEST)
        .await
        .map_err(|error| AwsError::upstream(format!("the upstream's answer broke off: {error}")))?;
    Ok(Reply {
        status: parts.status,
        headers: parts.headers,
        body,
    })
}

/// The form of a question.
fn form(service: &str, action: &str, fields: &[(&str, &str)]) -> Bytes {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action);
    form.append_pair("Version", version(service));
    form.extend_pairs(fields);
    Bytes::from(form.finish())
}

/// A signature as far as emulators read it: key, region and service.
fn signature(call: &Call, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={}/20250101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
        call.key_id, call.region
    )
}

fn version(service: &str) -> &'static str {
    match WireProtocol::of_service(service) {
        WireProtocol::Ec2 => "2016-11-15",
        _ => match service {
            "rds" => "2014-10-31",
            "iam" => "2010-05-08",
            "elasticache" => "2015-02-02",
            "elasticloadbalancing" => "2015-12-01",
            _ => "2011-06-15",
        },
    }
}
