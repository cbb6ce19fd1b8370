//! Counts API calls, and holds them to the rates that AWS publishes.
//!
//! EC2 and Elastic Load Balancing give each account, region and action a bucket of tokens that
//! refills at a fixed rate. A burst that empties it is answered with `RequestLimitExceeded`, to
//! us and to everybody else who works in the account: launching a rig must not break somebody's
//! autoscaling. So calls wait here for their token instead of being repeated after a refusal.
//!
//! Waiting is first come, first served, because the walk starts the steps on the critical path
//! first; a random or last-in order would delay the database behind the tags of a subnet.
//! Services that publish no rates are not paced: the SDK repeats what they throttle.
//!
//! This is the lowest place that sees every attempt, repetitions by the SDK included, so the
//! counts that tests compare are taken here, too.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::time::{Instant, sleep};

use crate::aws::unreachable::Unreachable;

/// How many calls a bucket holds, and how many flow in each second.
type Rate = (f64, f64);

/// The published rate of an action; `None` where AWS publishes none.
///
/// EC2: <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>;
/// Elastic Load Balancing:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html>.
fn published(service: &str, action: &str) -> Option<Rate> {
    let reads = action.starts_with("Describe") || action.starts_with("Get");
    let rate = match (service, action) {
        ("ec2", "RunInstances" | "StartInstances") => (5.0, 2.0),
        ("ec2", "TerminateInstances") => (100.0, 5.0),
        ("ec2", "CreateTags" | "DeleteTags") => (100.0, 10.0),
        ("ec2", "CreateNatGateway" | "DeleteNatGateway") => (10.0, 1.0),
        ("ec2", "CreateVpcEndpoint" | "ModifyVpcEndpoint" | "DeleteVpcEndpoints") => (4.0, 0.3),
        ("ec2", "CreateVolume" | "CreateSnapshot" | "CreateNetworkInterface") => (100.0, 5.0),
        // All our describe calls are filtered or paginated.
        ("ec2", _) if reads => (100.0, 20.0),
        ("ec2", _) => (50.0, 5.0),
        ("elasticloadbalancing", "CreateLoadBalancer" | "SetSubnets") => (10.0, 0.2),
        ("elasticloadbalancing", "RegisterTargets" | "DeregisterTargets") => (20.0, 4.0),
        ("elasticloadbalancing", _) if reads => (40.0, 10.0),
        ("elasticloadbalancing", _) => (20.0, 3.0),
        _ => return None,
    };
    Some(rate)
}

/// The bucket of an action, as far as this process draws on it.
///
/// `strict-cloud` has token buckets too, and of its own: it models what AWS does, without
/// knowing loadrig, so that a wrong rate here shows as throttling there. And it refuses a call
/// at once, where this one lets it wait.
struct TokenBucket {
    rate: Rate,
    level: f64,
    at: Instant,
}

impl TokenBucket {
    fn full(rate: Rate) -> Self {
        Self {
            rate,
            level: rate.0,
            at: Instant::now(),
        }
    }

    fn refill(&mut self) {
        let (capacity, per_second) = self.rate;
        let flowed = self.at.elapsed().as_secs_f64() * per_second;
        self.level = (self.level + flowed).min(capacity);
        self.at = Instant::now();
    }

    /// Takes one call out, waiting for it to flow in if need be.
    async fn take(&mut self) {
        self.refill();
        if self.level < 1.0 {
            let missing = (1.0 - self.level) / self.rate.1;
            sleep(Duration::from_secs_f64(missing)).await;
            self.refill();
        }
        self.level -= 1.0;
    }
}

/// Counts and paces the calls of one connection.
#[derive(Default)]
pub(in crate::aws) struct Pace {
    /// Whether calls wait for their turn.
    paced: bool,
    buckets: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<TokenBucket>>>>,
    calls: Mutex<BTreeMap<String, u64>>,
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pace").finish_non_exhaustive()
    }
}

impl Pace {
    pub(in crate::aws) fn new(paced: bool) -> Arc<Self> {
        Arc::new(Self {
            paced,
            ..Self::default()
        })
    }

    /// How often each action was called, repetitions included: `ec2:RunInstances`.
    pub(in crate::aws) fn calls(&self) -> BTreeMap<String, u64> {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn turn(&self, service: &str, action: &str) {
        let name = format!("{service}:{action}");
        *self
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(name.clone())
            .or_default() += 1;
        let Some(rate) = published(service, action).filter(|_| self.paced) else {
            return;
        };
        let bucket = Arc::clone(
            self.buckets
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(name)
                .or_insert_with(|| Arc::new(tokio::sync::Mutex::new(TokenBucket::full(rate)))),
        );
        // The lock is fair: who came first is served first.
        bucket.lock().await.take().await;
    }
}

/// The SDK's usual HTTP client. An endpoint on this machine is reached directly: a proxy that
/// the environment names could only find one on its own machine.
pub(in crate::aws) fn https_client(endpoint_url: Option<&str>) -> SharedHttpClient {
    let is_here = endpoint_url.is_some_and(is_on_this_machine);
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder =
            Connector::builder().tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc));
        builder.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            builder.set_sleep_impl(components.sleep_impl());
        }
        builder.set_proxy_config(Some(match is_here {
            true => ProxyConfig::disabled(),
            false => ProxyConfig::from_env(),
        }));
        builder.build()
    })
}

/// Whether a URL's host is this machine.
fn is_on_this_machine(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// An HTTP client whose every call is counted and waits for its turn; whom a call was for that
/// nobody answered is named. `endpoint_url` decides on proxies as in [`https_client`].
pub(in crate::aws) fn paced(
    pace: &Arc<Pace>,
    inner: SharedHttpClient,
    endpoint_url: Option<&str>,
) -> SharedHttpClient {
    SharedHttpClient::new(PacedClient {
        inner,
        pace: Arc::clone(pace),
        has_proxy: !endpoint_url.is_some_and(is_on_this_machine),
    })
}

#[derive(Debug)]
struct PacedClient {
    inner: SharedHttpClient,
    pace: Arc<Pace>,
    has_proxy: bool,
}

impl HttpClient for PacedClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(PacedConnector {
            inner: self.inner.http_connector(settings, components),
            pace: Arc::clone(&self.pace),
            has_proxy: self.has_proxy,
        })
    }
}

#[derive(Debug)]
struct PacedConnector {
    inner: SharedHttpConnector,
    pace: Arc<Pace>,
    has_proxy: bool,
}

impl HttpConnector for PacedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (inner, pace) = (self.inner.clone(), Arc::clone(&self.pace));
        let has_proxy = self.has_proxy;
        HttpConnectorFuture::new(async move {
            let (service, action) = name(&request);
            pace.turn(&service, &action).await;
            let uri = request.uri().to_owned();
            let answer = inner.call(request).await;
            answer.map_err(|error| Unreachable::wrap(error, &uri, has_proxy))
        })
    }
}

/// Service and action of a signed request. The service is in the signature's scope
/// (`Credential=KEY/20250101/us-east-1/ec2/aws4_request`), the action in the form or in a
/// header; where there is neither, method and first part of the path have to do.
fn name(request: &HttpRequest) -> (String, String) {
    let service = request
        .headers()
        .get("authorization")
        .and_then(|text| text.split_once("Credential="))
        .and_then(|(_, scope)| scope.split('/').nth(3))
        .unwrap_or("unsigned");
    let form = request
        .body()
        .bytes()
        .and_then(|bytes| bytes.strip_prefix(b"Action="))
        .map(|rest| rest.split(|byte| *byte == b'&').next().unwrap_or_default())
        .and_then(|action| std::str::from_utf8(action).ok());
    let target = request.headers().get("x-amz-target");
    let action = match (form, target) {
        (Some(action), _) => action.to_owned(),
        (None, Some(target)) => target
            .rsplit_once('.')
            .map_or(target, |(_, action)| action)
            .to_owned(),
        (None, None) => request.method().to_owned(),
    };
    (service.to_owned(), action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_reached_without_a_proxy() {
        for url in [
            "http://127.0.0.1:4566",
            "http://localhost:5000",
            "http://[::1]:80",
        ] {
            assert!(is_on_this_machine(url), "{url}");
        }
        for url in ["https://vpce.example.com", "http://10.0.0.1:4566", "local"] {
            assert!(!is_on_this_machine(url), "{url}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn launches_flow_at_the_published_rate() {
        let pace = Pace::new(true);
        let start = Instant::now();
        for _ in 0..5 {
            pace.turn("ec2", "RunInstances").await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO, "the bucket holds five");
        for _ in 0..4 {
            pace.turn("ec2", "RunInstances").await;
        }
        let waited = start.elapsed().as_secs_f64();
        assert!(
            (1.99..2.1).contains(&waited),
            "four more at two a second: {waited}"
        );
        assert_eq!(pace.calls()["ec2:RunInstances"], 9);
    }

    #[tokio::test(start_paused = true)]
    async fn actions_without_a_published_rate_never_wait() {
        let pace = Pace::new(true);
        let start = Instant::now();
        for _ in 0..1000 {
            pace.turn("rds", "DescribeDBInstances").await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[test]
    fn calls_are_named_as_permissions_are() {
        let mut request = HttpRequest::get("http://localhost/").unwrap();
        request.headers_mut().insert(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=A/20250101/us-east-1/ec2/aws4_request, Signature=x",
        );
        assert_eq!(name(&request), ("ec2".to_owned(), "GET".to_owned()));
        *request.body_mut() = "Action=RunInstances&Version=2016-11-15".into();
        assert_eq!(
            name(&request),
            ("ec2".to_owned(), "RunInstances".to_owned())
        );
        request
            .headers_mut()
            .insert("x-amz-target", "AmazonSSM.GetParameter");
        *request.body_mut() = "{}".into();
        assert_eq!(
            name(&request),
            ("ec2".to_owned(), "GetParameter".to_owned())
        );
    }
}
