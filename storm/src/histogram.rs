//! Times, as HDR histograms: they travel and merge as a whole. Percentiles are read from a merged
//! one and never averaged.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer as HdrDeserializer, Serializer as _, V2Serializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Significant decimal digits of totals.
const PRECISE: u8 = 3;
/// Significant decimal digits of what is kept for each second.
const COARSE: u8 = 2;

/// Longer than a storm: a day.
const LONGEST_US: u64 = 86_400_000_000;

/// A distribution of times, in microseconds. Takes no memory until something is recorded.
///
/// Serialised as base64 of the HDR format V2; empty as an empty text.
#[derive(Clone, Default)]
pub struct TimeHistogram {
    coarse: bool,
    counts: Option<Box<Histogram<u64>>>,
}

/// A histogram that cannot be read or merged.
#[derive(Debug, thiserror::Error)]
#[error("unreadable histogram of times: {0}")]
pub struct TimeHistogramError(String);

impl TimeHistogram {
    /// An empty one with three significant digits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one with two significant digits, an eighth as large.
    #[must_use]
    pub fn coarse() -> Self {
        Self {
            coarse: true,
            counts: None,
        }
    }

    fn empty(&self) -> Option<Box<Histogram<u64>>> {
        let digits = if self.coarse { COARSE } else { PRECISE };
        // It refuses numbers of digits that these are not.
        Histogram::new(digits).ok().map(Box::new)
    }

    /// Adds a time; less than a microsecond counts as one.
    pub fn record(&mut self, time: Duration) {
        if self.counts.is_none() {
            self.counts = self.empty();
        }
        let micros = u64::try_from(time.as_micros()).unwrap_or(LONGEST_US);
        if let Some(counts) = &mut self.counts {
            // It grows as needed, which fails where memory cannot be addressed alone.
            let _ = counts.record(micros.clamp(1, LONGEST_US));
        }
    }

    /// Adds those of another one.
    ///
    /// # Errors
    /// When the other holds times that do not fit into memory.
    pub fn merge(&mut self, other: &Self) -> Result<(), TimeHistogramError> {
        let Some(theirs) = &other.counts else {
            return Ok(());
        };
        if self.counts.is_none() {
            self.clone_from(other);
            return Ok(());
        }
        if let Some(ours) = &mut self.counts {
            ours.add(theirs.as_ref())
                .map_err(|error| TimeHistogramError(error.to_string()))?;
        }
        Ok(())
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.as_ref().map_or(0, |counts| counts.len())
    }

    /// How many are longer than a time, as exactly as it is recorded.
    #[must_use]
    pub fn count_above(&self, time: Duration) -> u64 {
        let micros = u64::try_from(time.as_micros()).unwrap_or(LONGEST_US);
        let up_to = |counts: &Histogram<u64>| counts.len() - counts.count_between(0, micros);
        self.counts.as_deref().map_or(0, up_to)
    }

    /// The time that this share, 0 to 1, of all stayed at or under; zero without any.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let micros = |counts: &Histogram<u64>| counts.value_at_quantile(share);
        Duration::from_micros(self.counts.as_deref().map_or(0, micros))
    }

    /// The longest; zero without any.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.counts.as_ref().map_or(0, |counts| counts.max()))
    }

    /// The mean; zero without any.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let micros = self.counts.as_ref().map_or(0.0, |counts| counts.mean());
        Duration::from_micros(micros.round() as u64)
    }

    fn encode(&self) -> Result<String, String> {
        let Some(counts) = &self.counts else {
            return Ok(String::new());
        };
        let mut bytes = Vec::new();
        V2Serializer::new()
            .serialize(counts, &mut bytes)
            .map_err(|error| format!("{error:?}"))?;
        Ok(STANDARD.encode(bytes))
    }

    fn decode(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::new());
        }
        let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
        let mut counts: Histogram<u64> = HdrDeserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| format!("{error:?}"))?;
        let coarse = match counts.sigfig() {
            PRECISE => false,
            COARSE => true,
            digits => return Err(format!("{digits} significant digits")),
        };
        counts.auto(true);
        Ok(Self {
            coarse,
            counts: Some(Box::new(counts)),
        })
    }
}

impl std::fmt::Debug for TimeHistogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TimeHistogram")
            .field("count", &self.count())
            .field("median", &self.quantile(0.5))
            .field("max", &self.max())
            .finish_non_exhaustive()
    }
}

impl PartialEq for TimeHistogram {
    fn eq(&self, other: &Self) -> bool {
        let recorded = |histogram: &Self| -> Vec<(u64, u64)> {
            histogram.counts.as_ref().map_or_else(Vec::new, |counts| {
                counts
                    .iter_recorded()
                    .map(|step| (step.value_iterated_to(), step.count_at_value()))
                    .collect()
            })
        };
        recorded(self) == recorded(other)
    }
}

impl Serialize for TimeHistogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.encode().map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for TimeHistogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).map_err(serde::de::Error::custom)
    }
}
