//! Refusals in each service's own words: code, HTTP status and the shape that its SDK
//! reads. Pure.
//!
//! Shapes: "Making requests using the Query API" of EC2, "Error responses" of S3,
//! "Common errors" of IAM, RDS, ElastiCache, ELB; AWS JSON 1.1 protocol of Smithy.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::call::{Call, WireProtocol};
use crate::refusals::KnownRefusal;

/// Why a call is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwsError {
    /// AWS's code.
    pub code: String,
    /// AWS's words, as far as they are known.
    pub message: String,
    /// HTTP status.
    pub status: StatusCode,
}

impl AwsError {
    /// An error with status 400, which most are.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::BAD_REQUEST, code, message)
    }

    /// An error with a status of its own.
    pub(crate) fn with(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            status,
        }
    }

    /// A refusal of the table, in its words.
    pub(crate) fn known(refusal: &KnownRefusal) -> Self {
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
        Self::with(status, refusal.code, refusal.message)
    }

    /// The upstream does not answer as it should.
    pub(crate) fn upstream(message: impl Into<String>) -> Self {
        Self::with(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// A successful answer.
    pub(crate) fn done(call: &Call, body: impl Into<Bytes>) -> Self {
        let kind = match call.protocol() {
            WireProtocol::Json => "application/x-amz-json-1.1",
            _ => "text/xml",
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        Self {
            status: StatusCode::OK,
            headers,
            body: body.into(),
        }
    }

    /// The answer of a query service with what stands within its result.
    pub(crate) fn with_result(call: &Call, result: &str) -> Self {
        let action = &call.action;
        let id = request_id(call);
        let namespace = namespace(&call.service);
        let within = match call.protocol() {
            WireProtocol::Ec2 => format!("<requestId>{id}</requestId>{result}"),
            _ => format!(
                "<{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>"
            ),
        };
        Self::done(
            call,
            format!("<{action}Response xmlns=\"{namespace}\">{within}</{action}Response>"),
        )
    }

    /// The answer of a query service that says no more than that it is done.
    pub(crate) fn empty(call: &Call) -> Self {
        let action = &call.action;
        let id = request_id(call);
        Self::done(
            call,
            format!(
                "<{action}Response xmlns=\"{}\"><{action}Result/><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{action}Response>",
                namespace(&call.service)
            ),
        )
    }

    /// An error in the words of the call's service.
    pub(crate) fn refused(call: &Call, error: &AwsError) -> Self {
        let id = request_id(call);
        let (code, message) = (escaped(&error.code), escaped(&error.message));
        let mut reply = match call.protocol() {
            WireProtocol::Ec2 => Self::done(
                call,
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>{id}</RequestID></Response>"
                ),
            ),
            WireProtocol::Query | WireProtocol::RestXml => {
                let side = if error.status.is_server_error() {
                    "Receiver"
                } else {
                    "Sender"
                };
                Self::done(
                    call,
                    format!(
                        "<ErrorResponse xmlns=\"{}\"><Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>",
                        namespace(&call.service)
                    ),
                )
            }
            WireProtocol::S3 => Self::done(
                call,
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{id}</RequestId><HostId>strict-cloud</HostId></Error>"
                ),
            ),
            WireProtocol::Json => {
                let mut reply = Self::done(
                    call,
                    serde_json::json!({ "__type": error.code, "message": error.message })
                        .to_string(),
                );
                if let Ok(value) = HeaderValue::from_str(&error.code) {
                    reply
                        .headers
                        .insert(HeaderName::from_static("x-amzn-errortype"), value);
                }
                reply
            }
        };
        reply.status = error.status;
        if let Ok(value) = HeaderValue::from_str(&id) {
            let name = if call.protocol() == WireProtocol::S3 {
                "x-amz-request-id"
            } else {
                "x-amzn-requestid"
            };
            reply.headers.insert(HeaderName::from_static(name), value);
        }
        reply
    }

    /// The body as text; empty if it is none.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }

    /// Puts another body in place.
    pub(crate) fn set_text(&mut self, text: String) {
        self.body = Bytes::from(text);
    }

    /// Whether it says that the call was carried out.
    pub(crate) fn is_success(&self) -> bool {
        self.status.is_success()
    }
}

/// An id that tells which call of the proxy it was.
fn request_id(call: &Call) -> String {
    format!("10adc10d-0000-4000-8000-{:012x}", call.number)
}

fn namespace(service: &str) -> &'static str {
    match service {
        "rds" => "http://rds.amazonaws.com/doc/2014-10-31/",
        "iam" => "https://iam.amazonaws.com/doc/2010-05-08/",
        "sts" => "https://sts.amazonaws.com/doc/2011-06-15/",
        "elasticache" => "http://elasticache.amazonaws.com/doc/2015-02-02/",
        "elasticloadbalancing" => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
        "route53" => "https://route53.amazonaws.com/doc/2013-04-01/",
        _ => "http://ec2.amazonaws.com/doc/2016-11-15/",
    }
}

/// Text as it may stand in XML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
