//! An HTTP client for the SDK that opens no socket: it hands each request to something that
//! answers in this process. The adapter under test is the one that is used on AWS.

use std::fmt;
use std::sync::Arc;

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use axum::http::{HeaderName, HeaderValue, Request, Response};
use bytes::Bytes;
use futures::future::BoxFuture;
use loadrig::aws::{Aws, Connection};
use strict_cloud::model::VIOLATION_HEADER;
use strict_cloud::{Call, CallOutcome, StrictCloud};

/// Where services are said to be. Nothing listens there.
pub const ENDPOINT: &str = "http://aws.test";

/// Answers calls in process.
pub trait Answers: Send + Sync {
    /// The answer; none when the connection breaks.
    fn answer(&self, call: Call) -> BoxFuture<'_, Option<Response<Bytes>>>;
}

impl Answers for StrictCloud {
    fn answer(&self, call: Call) -> BoxFuture<'_, Option<Response<Bytes>>> {
        Box::pin(async move {
            match StrictCloud::answer(self, call).await {
                CallOutcome::Answered(response) => {
                    let (parts, body) = response.into_parts();
                    let body = axum::body::to_bytes(body, usize::MAX).await.ok()?;
                    Some(Response::from_parts(parts, body))
                }
                CallOutcome::Cut => None,
            }
        })
    }
}

/// The adapter, connected to something that answers in process.
pub async fn connect(region: &str, key_id: &str, answers: Arc<dyn Answers>) -> Aws {
    let connection = Connection {
        region: region.to_owned(),
        profile: None,
        endpoint_url: Some(ENDPOINT.to_owned()),
        paced: false,
        credentials: Some((key_id.to_owned(), "secret".to_owned().into())),
    };
    let client = SharedHttpClient::new(InProcessClient(answers));
    Aws::connect_over(connection, client)
        .await
        .expect("nothing is sent yet")
}

#[derive(Clone)]
struct InProcessClient(Arc<dyn Answers>);

impl fmt::Debug for InProcessClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InProcessClient").finish()
    }
}

impl HttpClient for InProcessClient {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcessClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answers = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let call = Call::parse(received(request).await?);
            match answers.answer(call).await {
                Some(response) => {
                    // The adapter is to send nothing that AWS's own models do not allow.
                    let violation = response.headers().get(VIOLATION_HEADER);
                    assert!(violation.is_none(), "{violation:?}");
                    sent(response)
                }
                None => Err(ConnectorError::io("the connection was cut".into())),
            }
        })
    }
}

/// The request as it would arrive.
async fn received(mut request: HttpRequest) -> Result<Request<Bytes>, ConnectorError> {
    let body = ByteStream::new(request.take_body())
        .collect()
        .await
        .map_err(|error| ConnectorError::user(error.into()))?
        .into_bytes();
    let mut builder = Request::builder()
        .method(request.method())
        .uri(request.uri());
    for (name, value) in request.headers() {
        builder = builder.header(name, value);
    }
    builder
        .body(body)
        .map_err(|error| ConnectorError::user(error.into()))
}

/// The response as the SDK takes it.
fn sent(response: Response<Bytes>) -> Result<HttpResponse, ConnectorError> {
    let (parts, body) = response.into_parts();
    let status = parts
        .status
        .as_u16()
        .try_into()
        .map_err(|_| ConnectorError::user("a status that is none".into()))?;
    let mut answer = HttpResponse::new(status, SdkBody::from(body));
    for (name, value) in &parts.headers {
        answer.headers_mut().append(text(name), value_text(value));
    }
    Ok(answer)
}

fn text(name: &HeaderName) -> String {
    name.as_str().to_owned()
}

fn value_text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
