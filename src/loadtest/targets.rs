//! Is every host scraped? Reads Prometheus' list of targets.
//!
//! Fetching the list is the caller's: Prometheus listens inside the rig only.

use std::time::Duration;

use futures::future::BoxFuture;
use serde::Deserialize;

use super::wire::{AgentHostError, Check};

/// Pause between two looks while a target is not up yet.
const PAUSE: Duration = Duration::from_secs(2);
/// One answer may take this long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// So many missing targets are named.
const NAMED: usize = 5;

/// Something Prometheus should scrape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedTarget {
    /// The host, for people.
    pub host: String,
    /// Address and port, as in the scrape URL: `10.0.1.5:9100`.
    pub address: String,
}

/// Somebody who can ask Prometheus.
pub trait MetricsHost: Send + Sync {
    /// The body of `GET /api/v1/targets`.
    fn targets(&self) -> BoxFuture<'_, Result<String, AgentHostError>>;
}

#[derive(Deserialize)]
struct TargetsAnswer {
    data: TargetsData,
}

#[derive(Deserialize)]
struct TargetsData {
    #[serde(rename = "activeTargets")]
    active: Vec<ActiveTarget>,
}

#[derive(Deserialize)]
struct ActiveTarget {
    #[serde(rename = "scrapeUrl")]
    scrape_url: String,
    health: String,
    #[serde(rename = "lastError", default)]
    last_error: String,
}

impl ActiveTarget {
    fn address(&self) -> &str {
        let rest = self
            .scrape_url
            .split_once("://")
            .map_or(self.scrape_url.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }
}

/// Asks until every expected target is up, at most this long.
pub(super) async fn check(
    metrics: &dyn MetricsHost,
    expected: &[ExpectedTarget],
    within: Duration,
) -> Check {
    let name = "metrics are scraped from every host";
    let end = tokio::time::Instant::now() + within;
    loop {
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, metrics.targets()).await;
        let missing = match answer {
            Ok(Ok(body)) => missing(&body, expected),
            Ok(Err(error)) => Err(format!("Prometheus cannot be asked: {error}")),
            Err(_) => Err(format!(
                "Prometheus did not answer within {} s",
                ANSWER_TIMEOUT.as_secs()
            )),
        };
        let trouble = match missing {
            Ok(missing) if missing.is_empty() => {
                return Check::pass(name, format!("{} targets are up", expected.len()));
            }
            Ok(missing) => format!(
                "{} of {} targets are not up: {}",
                missing.len(),
                expected.len(),
                abridge(&missing)
            ),
            Err(trouble) => trouble,
        };
        if tokio::time::Instant::now() + PAUSE >= end {
            return Check::fail(name, format!("{trouble} (waited {} s)", within.as_secs()));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What is not up, each with the reason.
fn missing(body: &str, expected: &[ExpectedTarget]) -> Result<Vec<String>, String> {
    let answer: TargetsAnswer = serde_json::from_str(body)
        .map_err(|error| format!("Prometheus' answer is not a list of targets: {error}"))?;
    Ok(expected
        .iter()
        .filter_map(|expected| {
            let target = answer
                .data
                .active
                .iter()
                .find(|target| target.address() == expected.address);
            let why = match target {
                Some(target) if target.health == "up" => return None,
                Some(target) if target.last_error.is_empty() => target.health.clone(),
                Some(target) => format!("{}: {}", target.health, target.last_error),
                None => "not configured".to_owned(),
            };
            Some(format!("{} `{}` ({why})", expected.host, expected.address))
        })
        .collect())
}

fn abridge(missing: &[String]) -> String {
    let mut text = missing
        .iter()
        .take(NAMED)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if missing.len() > NAMED {
        text.push_str(&format!(" and {} more", missing.len() - NAMED));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"status":"success","data":{"activeTargets":[
        {"labels":{"job":"node"},"scrapeUrl":"http://10.0.0.4:9100/metrics","health":"up","lastError":""},
        {"labels":{"job":"node"},"scrapeUrl":"http://10.0.0.5:9100/metrics","health":"down","lastError":"connection refused"}
    ],"droppedTargets":[]}}"#;

    fn expected(addresses: &[&str]) -> Vec<ExpectedTarget> {
        addresses
            .iter()
            .map(|address| ExpectedTarget {
                host: "app-1".into(),
                address: (*address).into(),
            })
            .collect()
    }

    struct Fixed(&'static str);

    impl MetricsHost for Fixed {
        fn targets(&self) -> BoxFuture<'_, Result<String, AgentHostError>> {
            Box::pin(async { Ok(self.0.to_owned()) })
        }
    }

    #[test]
    fn targets_that_are_down_or_unknown_are_named_with_the_reason() {
        let missing = missing(
            BODY,
            &expected(&["10.0.0.4:9100", "10.0.0.5:9100", "10.0.0.6:8067"]),
        )
        .unwrap();
        assert_eq!(
            missing,
            [
                "app-1 `10.0.0.5:9100` (down: connection refused)",
                "app-1 `10.0.0.6:8067` (not configured)"
            ]
        );
    }

    #[tokio::test]
    async fn all_up_passes_at_once() {
        let check = check(
            &Fixed(BODY),
            &expected(&["10.0.0.4:9100"]),
            Duration::from_mins(1),
        )
        .await;
        assert!(check.pass, "{}", check.detail);
    }

    #[tokio::test]
    async fn a_target_that_stays_down_fails_the_check() {
        let check = check(
            &Fixed(BODY),
            &expected(&["10.0.0.5:9100"]),
            Duration::from_secs(1),
        )
        .await;
        assert!(!check.pass);
        assert!(check.detail.contains("1 of 1 targets"), "{}", check.detail);
    }

    #[tokio::test]
    async fn an_unexpected_response_fails_the_check() {
        let check = check(&Fixed("<html>"), &[], Duration::from_secs(1)).await;
        assert!(!check.pass);
    }
}
