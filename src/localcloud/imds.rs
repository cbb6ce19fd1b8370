//! The instance metadata service, version 2 only: tokens first, then answers by
//! the address that asks.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::cloud_view::{AttachedRole, InstanceView};
use super::guest::aws_hostname;
use super::role_sessions::RoleSessions;

const TOKEN: &str = "x-aws-ec2-metadata-token";
const TOKEN_LIFE: &str = "x-aws-ec2-metadata-token-ttl-seconds";
/// The longest life of a token that AWS grants, in seconds.
const LONGEST_LIFE: u64 = 21_600;
/// The account that moto imitates.
const ACCOUNT: &str = "123456789012";

/// What the service knows of one instance.
#[derive(Debug, Clone)]
pub(crate) struct InstanceMetadata {
    pub instance: InstanceView,
    /// Decoded, as the instance was launched with it.
    pub user_data: Option<Vec<u8>>,
}

/// Answers at 169.254.169.254, by the address that asks.
#[derive(Debug, Clone)]
pub(crate) struct MetadataService {
    region: String,
    sessions: RoleSessions,
    instances: Arc<Mutex<HashMap<Ipv4Addr, InstanceMetadata>>>,
    tokens: Arc<Mutex<HashMap<String, (IpAddr, Instant)>>>,
}

impl MetadataService {
    /// A service that knows no instance yet.
    pub(crate) fn new(region: &str, sessions: RoleSessions) -> Self {
        Self {
            region: region.to_owned(),
            sessions,
            instances: Arc::default(),
            tokens: Arc::default(),
        }
    }

    /// Answers for an instance from now on.
    pub(crate) fn set(&self, metadata: InstanceMetadata) {
        let mut instances = self
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        instances.insert(metadata.instance.address, metadata);
    }

    /// Takes over what changed of an instance that it answers for: a profile, say, which
    /// moto attaches a moment after the instance shows.
    pub(crate) fn refresh(&self, instance: &InstanceView) {
        let mut instances = self
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = instances.get_mut(&instance.address)
            && known.instance.id == instance.id
        {
            known.instance = instance.clone();
        }
    }

    /// Forgets an instance.
    pub(crate) fn remove(&self, address: Ipv4Addr) {
        self.instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&address);
    }

    /// The HTTP service; serve it with connection info.
    pub(crate) fn router(self) -> Router {
        Router::new().fallback(handle).with_state(self)
    }

    fn token(&self, from: IpAddr, headers: &HeaderMap) -> Result<String, StatusCode> {
        let life = headers
            .get(TOKEN_LIFE)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .filter(|life| (1..=LONGEST_LIFE).contains(life))
            .ok_or(StatusCode::BAD_REQUEST)?;
        let token = random_text();
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        tokens.retain(|_, (_, until)| *until > now);
        tokens.insert(token.clone(), (from, now + Duration::from_secs(life)));
        Ok(token)
    }

    fn permitted(&self, from: IpAddr, headers: &HeaderMap) -> bool {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        headers
            .get(TOKEN)
            .and_then(|value| tokens.get(value.to_str().ok()?))
            .is_some_and(|(owner, until)| *owner == from && *until > Instant::now())
    }

    fn answer(&self, from: Ipv4Addr, path: &str) -> Result<Vec<u8>, StatusCode> {
        let metadata = self
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&from)
            .cloned();
        let metadata = metadata.ok_or(StatusCode::NOT_FOUND)?;
        let path = path.trim_start_matches('/');
        if path == "latest/user-data" {
            return metadata.user_data.ok_or(StatusCode::NOT_FOUND);
        }
        text(&metadata.instance, &self.region, &self.sessions, path)
            .map(String::into_bytes)
            .ok_or(StatusCode::NOT_FOUND)
    }
}

async fn handle(
    State(service): State<MetadataService>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (path, headers) = (request.uri().path(), request.headers());
    let answer = match *request.method() {
        Method::PUT if path == "/latest/api/token" => {
            // The SDKs take the token's life from the answer, not from their request.
            let life = headers.get(TOKEN_LIFE).cloned();
            return match (service.token(from.ip(), headers), life) {
                (Ok(token), Some(life)) => ([(TOKEN_LIFE, life)], token).into_response(),
                (Ok(_), None) => StatusCode::BAD_REQUEST.into_response(),
                (Err(status), _) => status.into_response(),
            };
        }
        Method::GET if !service.permitted(from.ip(), headers) => Err(StatusCode::UNAUTHORIZED),
        Method::GET => match from.ip() {
            IpAddr::V4(address) => service.answer(address, path),
            IpAddr::V6(_) => Err(StatusCode::NOT_FOUND),
        },
        _ => Err(StatusCode::METHOD_NOT_ALLOWED),
    };
    answer.into_response()
}

/// One text of the metadata tree.
fn text(
    instance: &InstanceView,
    region: &str,
    sessions: &RoleSessions,
    path: &str,
) -> Option<String> {
    if path == "latest/dynamic/instance-identity/document" {
        let document = json!({
            "accountId": ACCOUNT, "architecture": "x86_64", "availabilityZone": instance.zone,
            "imageId": instance.image, "instanceId": instance.id, "instanceType": instance.instance_type,
            "privateIp": instance.address.to_string(), "region": region, "version": "2017-09-30",
        });
        return Some(document.to_string());
    }
    let path = path.strip_prefix("latest/meta-data")?.trim_matches('/');
    let role = instance
        .profile
        .as_ref()
        .and_then(|profile| profile.role.as_ref());
    Some(match path {
        "" => "ami-id\nhostname\niam/\ninstance-id\ninstance-type\nlocal-hostname\nlocal-ipv4\nmac\nplacement/\n\
               public-ipv4\nsecurity-groups"
            .into(),
        "ami-id" => instance.image.clone(),
        "instance-id" => instance.id.clone(),
        "instance-type" => instance.instance_type.clone(),
        "hostname" | "local-hostname" => {
            if instance.name.is_empty() { aws_hostname(instance.address) } else { instance.name.clone() }
        }
        "local-ipv4" => instance.address.to_string(),
        "public-ipv4" => instance.public_address?.to_string(),
        "placement" => "availability-zone\nregion".into(),
        "placement/availability-zone" => instance.zone.clone(),
        "placement/region" => region.into(),
        "security-groups" => instance.groups.join("\n"),
        "iam" => instance.profile.as_ref().map(|_| "info\nsecurity-credentials/".into())?,
        "iam/info" => {
            let profile = instance.profile.as_ref()?;
            json!({
                "Code": "Success", "LastUpdated": now(SignedDuration::ZERO),
                "InstanceProfileArn": profile.arn, "InstanceProfileId": profile.id,
            })
            .to_string()
        }
        "iam/security-credentials" => role?.name.clone(),
        path => {
            let name = path.strip_prefix("iam/security-credentials/")?;
            credentials(role.filter(|role| role.name == name)?, sessions)
        }
    })
}

/// Credentials of a role, as the metadata service writes them.
fn credentials(role: &AttachedRole, sessions: &RoleSessions) -> String {
    let until = Timestamp::now() + SignedDuration::from_hours(6);
    let issued = sessions.issue(&role.arn, until);
    json!({
        "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": now(SignedDuration::ZERO),
        "AccessKeyId": issued.access_key, "SecretAccessKey": issued.secret_key, "Token": issued.token,
        "Expiration": now(SignedDuration::from_hours(6)),
    })
    .to_string()
}

/// A time from now on, to the second, as AWS writes it.
fn now(plus: SignedDuration) -> String {
    let time = Timestamp::now() + plus;
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A text that nobody can guess.
pub(crate) fn random_text() -> String {
    let bytes: [u8; 24] = rand::random();
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::localcloud::cloud_view::{AttachedProfile, InstanceState};

    fn instance() -> InstanceView {
        InstanceView {
            id: "i-1".into(),
            state: InstanceState::Running,
            address: Ipv4Addr::new(10, 0, 0, 4),
            public_address: None,
            name: "ip-10-0-0-4.ec2.internal".into(),
            vpc: "vpc-1".into(),
            zone: "us-east-1a".into(),
            instance_type: "c7i.large".into(),
            image: "ami-1".into(),
            public_key: None,
            groups: vec![],
            profile: Some(AttachedProfile {
                arn: "arn:p".into(),
                id: "AIPA".into(),
                role: Some(AttachedRole {
                    name: "app".into(),
                    arn: "arn:r".into(),
                }),
            }),
        }
    }

    #[test]
    fn credentials_are_under_the_role_of_the_profile() {
        let sessions = RoleSessions::default();
        let text = |path: &str| text(&instance(), "us-east-1", &sessions, path);
        assert_eq!(
            text("latest/meta-data/iam/security-credentials/").as_deref(),
            Some("app")
        );
        assert!(
            text("latest/meta-data/iam/security-credentials/app")
                .unwrap()
                .contains("AccessKeyId")
        );
        assert_eq!(
            text("latest/meta-data/iam/security-credentials/other"),
            None
        );
        assert_eq!(text("latest/meta-data/public-ipv4"), None);
    }

    #[test]
    fn a_token_is_good_only_for_the_address_that_asked() {
        let service = MetadataService::new("us-east-1", RoleSessions::default());
        let (own, other) = (
            IpAddr::V4(Ipv4Addr::new(10, 0, 0, 4)),
            IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5)),
        );
        let mut headers = HeaderMap::new();
        assert_eq!(service.token(own, &headers), Err(StatusCode::BAD_REQUEST));
        headers.insert(TOKEN_LIFE, "60".parse().unwrap());
        let token = service.token(own, &headers).unwrap();
        headers.insert(TOKEN, token.parse().unwrap());
        assert!(service.permitted(own, &headers));
        assert!(!service.permitted(other, &headers));
        assert!(!service.permitted(own, &HeaderMap::new()));
    }
}
