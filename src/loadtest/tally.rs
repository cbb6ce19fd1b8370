//! Counting: requests, errors and latency histograms by class of action.
//!
//! Histograms travel and merge as a whole; percentiles are only ever read from a merged
//! one, never averaged.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use serde::{Deserialize, Serialize};

/// Highest latency that is told apart, microseconds (ten minutes).
const HIGHEST_US: u64 = 600_000_000;
/// Significant decimal digits of a latency.
const DIGITS: u8 = 3;
/// Distinct error texts that are kept per action.
const ERROR_SAMPLES: usize = 5;

/// Classes of action whose latency is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserAction {
    /// An account is created.
    CreateUser,
    /// A user logs in with a password.
    LogIn,
    /// A user joins a team.
    JoinTeam,
    /// A user joins a channel.
    JoinChannel,
    /// A websocket is opened, until its `hello`.
    Connect,
    /// A post is made.
    Post,
    /// From the request that makes a post to its event on a member's websocket.
    Deliver,
    /// A file is uploaded.
    Upload,
    /// A file is downloaded.
    Download,
    /// A search is answered, whether it finds anything or not.
    Search,
}

impl UserAction {
    /// Every class, in the order in which a user meets them.
    pub const ALL: [UserAction; 10] = [
        UserAction::CreateUser,
        UserAction::LogIn,
        UserAction::JoinTeam,
        UserAction::JoinChannel,
        UserAction::Connect,
        UserAction::Post,
        UserAction::Deliver,
        UserAction::Upload,
        UserAction::Download,
        UserAction::Search,
    ];

    /// The name as in YAML and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            UserAction::CreateUser => "create-user",
            UserAction::LogIn => "log-in",
            UserAction::JoinTeam => "join-team",
            UserAction::JoinChannel => "join-channel",
            UserAction::Connect => "connect",
            UserAction::Post => "post",
            UserAction::Deliver => "deliver",
            UserAction::Upload => "upload",
            UserAction::Download => "download",
            UserAction::Search => "search",
        }
    }
}

impl std::fmt::Display for UserAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// An error text and how often it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorSample {
    /// The error as the agent saw it.
    pub text: String,
    /// How often.
    pub count: u64,
}

/// Latencies, as an HDR histogram in microseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Latencies(Histogram<u64>);

/// A histogram that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("unreadable latency histogram: {0}")]
pub struct HistogramError(String);

impl Latencies {
    /// No latencies yet.
    ///
    /// # Errors
    /// When the histogram refuses its bounds; they are constants, so this does not happen.
    pub fn new() -> Result<Self, HistogramError> {
        Histogram::new_with_bounds(1, HIGHEST_US, DIGITS)
            .map(Self)
            .map_err(|error| HistogramError(error.to_string()))
    }

    /// Adds one; what is longer than ten minutes counts as ten minutes.
    pub fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(HIGHEST_US);
        self.0.saturating_record(micros.max(1));
    }

    /// Adds another agent's.
    ///
    /// # Errors
    /// When the other holds values that this one cannot.
    pub fn merge(&mut self, other: &Latencies) -> Result<(), HistogramError> {
        self.0
            .add(&other.0)
            .map_err(|error| HistogramError(error.to_string()))
    }

    /// Number of latencies.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that this share of all stayed at or under; zero without any.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(quantile))
    }

    /// The longest; zero without any.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.0.max())
    }

    fn encode(&self) -> Result<String, HistogramError> {
        let mut bytes = Vec::new();
        V2Serializer::new()
            .serialize(&self.0, &mut bytes)
            .map_err(|error| HistogramError(format!("{error:?}")))?;
        Ok(STANDARD.encode(bytes))
    }

    fn decode(text: &str) -> Result<Self, HistogramError> {
        let bytes = STANDARD
            .decode(text)
            .map_err(|error| HistogramError(error.to_string()))?;
        Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map(Self)
            .map_err(|error| HistogramError(format!("{error:?}")))
    }
}

impl Serialize for Latencies {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.encode().map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Latencies {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).map_err(serde::de::Error::custom)
    }
}

/// What was counted for one class of action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// All requests, failed ones too.
    pub requests: u64,
    /// Failed ones; they are not in the histogram.
    pub errors: u64,
    /// The first few distinct texts.
    pub error_samples: Vec<ErrorSample>,
    /// Latencies of those that went well: base64 of an HDR histogram, V2 encoding,
    /// microseconds.
    pub latencies: Latencies,
}

impl Tally {
    fn new(latencies: Latencies) -> Self {
        Self {
            requests: 0,
            errors: 0,
            error_samples: Vec::new(),
            latencies,
        }
    }

    fn add_error(&mut self, text: &str, count: u64) {
        if let Some(sample) = self.error_samples.iter_mut().find(|s| s.text == text) {
            sample.count += count;
        } else if self.error_samples.len() < ERROR_SAMPLES {
            self.error_samples.push(ErrorSample {
                text: text.to_owned(),
                count,
            });
        }
    }
}

/// What was counted, by class of action.
#[derive(Clone, Debug, PartialEq)]
pub struct Tallies {
    by_action: BTreeMap<UserAction, Tally>,
    // Making a histogram can fail, counting must not: made once, cloned for each class.
    empty: Latencies,
}

impl Tallies {
    /// Nothing counted yet.
    ///
    /// # Errors
    /// When the histogram refuses its bounds; they are constants, so this does not happen.
    pub fn new() -> Result<Self, HistogramError> {
        Ok(Self {
            by_action: BTreeMap::new(),
            empty: Latencies::new()?,
        })
    }

    /// Counts a request that went well.
    pub fn succeeded(&mut self, action: UserAction, latency: Duration) {
        let tally = self.entry(action);
        tally.requests += 1;
        tally.latencies.record(latency);
    }

    /// Counts a request that failed.
    pub fn failed(&mut self, action: UserAction, text: &str) {
        let tally = self.entry(action);
        tally.requests += 1;
        tally.errors += 1;
        tally.add_error(text, 1);
    }

    /// Adds another agent's.
    ///
    /// # Errors
    /// When a histogram of the other cannot be merged.
    pub fn merge(&mut self, other: &Tallies) -> Result<(), HistogramError> {
        for (action, theirs) in &other.by_action {
            let ours = self.entry(*action);
            ours.requests += theirs.requests;
            ours.errors += theirs.errors;
            for sample in &theirs.error_samples {
                ours.add_error(&sample.text, sample.count);
            }
            ours.latencies.merge(&theirs.latencies)?;
        }
        Ok(())
    }

    /// The counts of one class, when there are any.
    #[must_use]
    pub fn get(&self, action: UserAction) -> Option<&Tally> {
        self.by_action.get(&action)
    }

    /// All classes that were counted, in the order in which users meet them.
    pub fn iter(&self) -> impl Iterator<Item = (UserAction, &Tally)> {
        self.by_action
            .iter()
            .map(|(action, tally)| (*action, tally))
    }

    /// Requests of all classes. Deliveries by websocket are none: one post makes many of
    /// them, and they would hide failing requests in the rate.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.by_action
            .iter()
            .filter(|(action, _)| **action != UserAction::Deliver)
            .map(|(_, tally)| tally.requests)
            .sum()
    }

    /// Failed requests of all classes; lost deliveries are counted with the deliveries.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.by_action
            .iter()
            .filter(|(action, _)| **action != UserAction::Deliver)
            .map(|(_, tally)| tally.errors)
            .sum()
    }

    /// Failed requests in percent of all; zero when there were none.
    #[must_use]
    pub fn error_rate_percent(&self) -> f64 {
        percent(self.errors(), self.requests())
    }

    /// Deliveries that never came, and how many were expected.
    #[must_use]
    pub fn deliveries(&self) -> (u64, u64) {
        let tally = self.get(UserAction::Deliver);
        tally.map_or((0, 0), |tally| (tally.errors, tally.requests))
    }

    fn entry(&mut self, action: UserAction) -> &mut Tally {
        let empty = &self.empty;
        self.by_action
            .entry(action)
            .or_insert_with(|| Tally::new(empty.clone()))
    }
}

/// A share in percent; zero of nothing.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts stay far below 2^53, and a percentage is for people"
)]
pub(super) fn percent(part: u64, all: u64) -> f64 {
    match all {
        0 => 0.0,
        all => 100.0 * part as f64 / all as f64,
    }
}

impl Serialize for Tallies {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.by_action.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tallies {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut tallies = Tallies::new().map_err(serde::de::Error::custom)?;
        tallies.by_action = BTreeMap::deserialize(deserializer)?;
        Ok(tallies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tallies(latencies_ms: impl IntoIterator<Item = u64>) -> Tallies {
        let mut tallies = Tallies::new().unwrap();
        for ms in latencies_ms {
            tallies.succeeded(UserAction::Post, Duration::from_millis(ms));
        }
        tallies
    }

    #[test]
    fn merged_percentiles_are_those_of_all_samples_not_an_average() {
        // 99 fast ones on one agent, one slow one on the other: an average of the two
        // medians would be near 5 s.
        let mut merged = tallies(std::iter::repeat_n(10, 99));
        merged.merge(&tallies([10_000])).unwrap();
        let latencies = &merged.get(UserAction::Post).unwrap().latencies;
        assert_eq!(latencies.count(), 100);
        assert_eq!(latencies.quantile(0.5).as_millis(), 10);
        assert!(latencies.quantile(0.99).as_millis() <= 10);
        assert!(latencies.max().as_millis() >= 9_990);
    }

    #[test]
    fn histograms_survive_the_wire() {
        let before = tallies(1..=1000);
        let text = serde_json::to_string(&before).unwrap();
        let after: Tallies = serde_json::from_str(&text).unwrap();
        let (before, after) = (
            before.get(UserAction::Post).unwrap(),
            after.get(UserAction::Post).unwrap(),
        );
        for quantile in [0.0, 0.5, 0.95, 0.99, 1.0] {
            assert_eq!(
                before.latencies.quantile(quantile),
                after.latencies.quantile(quantile)
            );
        }
    }

    #[test]
    fn only_the_first_few_distinct_errors_are_kept_but_all_are_counted() {
        let mut tallies = Tallies::new().unwrap();
        for index in 0..20 {
            tallies.failed(UserAction::LogIn, &format!("error {}", index % 10));
        }
        let tally = tallies.get(UserAction::LogIn).unwrap();
        assert_eq!(tally.errors, 20);
        assert_eq!(tally.error_samples.len(), ERROR_SAMPLES);
        assert_eq!(tally.error_samples[0].count, 2);
        assert!((tallies.error_rate_percent() - 100.0).abs() < f64::EPSILON);
    }

    #[test]
    fn lost_deliveries_are_no_failed_requests() {
        let mut tallies = tallies([10, 10]);
        for _ in 0..100 {
            tallies.failed(UserAction::Deliver, "not delivered");
        }
        tallies.succeeded(UserAction::Deliver, Duration::from_millis(5));
        assert_eq!((tallies.requests(), tallies.errors()), (2, 0));
        assert!(tallies.error_rate_percent().abs() < f64::EPSILON);
        assert_eq!(tallies.deliveries(), (100, 101));
    }

    #[test]
    fn a_broken_histogram_is_an_error_not_an_empty_one() {
        let text = r#"{"post":{"requests":1,"errors":0,"error_samples":[],"latencies":"!!"}}"#;
        assert!(serde_json::from_str::<Tallies>(text).is_err());
    }

    #[test]
    fn latencies_beyond_ten_minutes_are_kept_at_the_bound() {
        let mut latencies = Latencies::new().unwrap();
        latencies.record(Duration::from_hours(1));
        assert!(latencies.max().as_secs() >= 599);
    }
}
