//! What a search domain asks before its search server does: a signature of a role that the access
//! policy admits.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::role_sessions::RoleSessions;
use super::signature::{Authorization, SignedRequest};

/// The service that signatures name.
const SERVICE: &str = "es";
/// `http.max_content_length` of most node types.
const LARGEST_REQUEST: usize = 100 << 20;

/// The access policies of all domains, by the domain's name.
#[derive(Debug, Clone, Default)]
pub(crate) struct DomainPolicies(Arc<Mutex<BTreeMap<String, String>>>);

impl DomainPolicies {
    /// Takes over what the API says now.
    pub(crate) fn set(&self, policies: BTreeMap<String, String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = policies;
    }

    fn of(&self, domain: &str) -> String {
        let policies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        policies.get(domain).cloned().unwrap_or_default()
    }
}

/// The gate of one domain.
pub(crate) struct DomainGate {
    pub domain: String,
    pub region: String,
    /// Its search server.
    pub upstream: SocketAddr,
    pub sessions: RoleSessions,
    pub policies: DomainPolicies,
    pub client: reqwest::Client,
}

impl DomainGate {
    /// Serves until it is dropped.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let domain = self.domain.clone();
        let router = Router::new().fallback(handle).with_state(Arc::new(self));
        if let Err(error) = axum::serve(listener, router).await {
            tracing::warn!(domain, %error, "a search domain takes no requests any more");
        }
    }

    /// Whether a request may reach the search server, or why not.
    fn admit(&self, parts: &Parts, body: &[u8], now: Timestamp) -> Result<(), String> {
        let role = match text(&parts.headers, "authorization") {
            None => None,
            Some(authorization) => Some(self.signer(authorization, parts, body, now)?),
        };
        if admits(&self.policies.of(&self.domain), role.as_deref()) {
            return Ok(());
        }
        let user = role.as_deref().unwrap_or("anonymous");
        Err(format!(
            "User: {user} is not authorized to perform: es:ESHttp{} because no resource-based \
             policy allows the action",
            title(parts.method.as_str())
        ))
    }

    /// The role that signed.
    fn signer(
        &self,
        authorization: &str,
        parts: &Parts,
        body: &[u8],
        now: Timestamp,
    ) -> Result<String, String> {
        let authorization = Authorization::parse(authorization)?;
        let token = text(&parts.headers, "x-amz-security-token").unwrap_or_default();
        let (role, secret) = self.sessions.known(&authorization.access_key, token, now)?;
        let request = SignedRequest {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            body,
        };
        authorization.check(request, &secret, (&self.region, SERVICE), now)?;
        Ok(role)
    }

    async fn pass_on(&self, parts: Parts, body: Bytes) -> Result<Response<Body>, reqwest::Error> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = parts.headers;
        for name in [
            header::HOST,
            header::CONNECTION,
            header::CONTENT_LENGTH,
            header::TRANSFER_ENCODING,
            header::AUTHORIZATION,
        ] {
            headers.remove(name);
        }
        let request = self
            .client
            .request(parts.method, format!("http://{}{path}", self.upstream))
            .headers(headers)
            .body(body);
        let answer: Response<reqwest::Body> = request.send().await?.into();
        let (mut parts, body) = answer.into_parts();
        for name in [header::CONNECTION, header::TRANSFER_ENCODING] {
            parts.headers.remove(name);
        }
        Ok(Response::from_parts(parts, Body::new(body)))
    }
}

async fn handle(State(gate): State<Arc<DomainGate>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if let Err(message) = gate.admit(&parts, &body, Timestamp::now()) {
        tracing::info!(domain = gate.domain, message, "a search request is refused");
        let answer = json!({ "message": message }).to_string();
        let kind = [(header::CONTENT_TYPE, "application/json")];
        return (StatusCode::FORBIDDEN, kind, answer).into_response();
    }
    match gate.pass_on(parts, body).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!(domain = gate.domain, %error, "the search server does not answer");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

/// Whether a policy admits a role, or everybody. Only what loadrig and Mattermost's documentation write
/// is understood; anything else admits nobody.
fn admits(policy: &str, role: Option<&str>) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else {
        return false;
    };
    let several = policy["Statement"].as_array().cloned();
    let statements = several.unwrap_or_else(|| vec![policy["Statement"].clone()]);
    statements.iter().any(|one| {
        let everybody = names(&one["Principal"], "*") || names(&one["Principal"]["AWS"], "*");
        let named = role.is_some_and(|role| names(&one["Principal"]["AWS"], role));
        let fits = match one.get("Condition") {
            None => true,
            Some(condition) => {
                let wanted = &condition["ArnEquals"]["aws:PrincipalArn"];
                condition.as_object().is_some_and(|all| all.len() == 1)
                    && role.is_some_and(|role| names(wanted, role))
            }
        };
        one["Effect"] == "Allow" && (everybody || named) && fits
    })
}

/// Whether a text, or one of a list, is this one.
fn names(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Array(list) => list.iter().any(|one| one == wanted),
        one => one == wanted,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `Get` for `GET`.
fn title(method: &str) -> String {
    let (first, rest) = method.split_at(1.min(method.len()));
    format!("{first}{}", rest.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::1:role/loadrig/lr-demo-search-us-east-1";

    #[test]
    fn a_policy_admits_whom_it_names() {
        let ours = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "es:ESHttp*", "Resource": "arn:d/*",
            "Condition": {"ArnEquals": {"aws:PrincipalArn": ROLE}},
        }]})
        .to_string();
        assert!(admits(&ours, Some(ROLE)));
        assert!(!admits(
            &ours,
            Some("arn:aws:iam::1:role/loadrig/lr-demo-host-us-east-1")
        ));
        assert!(!admits(&ours, None));

        let open = json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "es:*"}});
        assert!(admits(&open.to_string(), None) && admits(&open.to_string(), Some(ROLE)));
        let direct = json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": [ROLE]}}]});
        assert!(admits(&direct.to_string(), Some(ROLE)) && !admits(&direct.to_string(), None));

        let unknown = ours.replace("ArnEquals", "ArnLike");
        for policy in ["", "{}", &unknown, &ours.replace("Allow", "Deny")] {
            assert!(!admits(policy, Some(ROLE)), "{policy}");
        }
    }

    #[test]
    fn the_action_is_named_as_aws_names_it() {
        assert_eq!(title("GET"), "Get");
        assert_eq!(title(""), "");
    }
}
