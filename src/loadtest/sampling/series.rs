//! Samples of a host, read from a sampler's lines.

use serde::{Deserialize, Serialize};

/// What a host did over a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostSeries {
    /// For example `app-1`.
    pub host: String,
    /// Processors that it may use.
    pub processors: u32,
    /// Second by second.
    pub points: Vec<HostPoint>,
}

/// A second of a host.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostPoint {
    /// The end of the second, milliseconds from the start of the run; before it, negative. By the
    /// host's clock.
    pub at_ms: i64,
    /// Processors in use by all its processes: 1.5 is one and a half.
    pub processors_used: f64,
    /// Those of them that the Mattermost server uses.
    pub server_processors: f64,
    /// Established connections to the database.
    pub database_connections: u32,
    /// Established connections to the port that the host serves.
    pub connections: u32,
    /// Logins that wait for their turn in the server; `None` where the server does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logins_waiting: Option<u32>,
    /// Passwords hashed for clients that had gone, from the start of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logins_abandoned: Option<u64>,
}

/// Samples that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// There is not even a first line.
    #[error("the sampler wrote nothing")]
    Empty,
    /// A line makes no sense.
    #[error("line {line} of the samples: {source}")]
    Line {
        /// From 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

#[derive(Debug, Deserialize)]
struct Header {
    ticks_per_second: f64,
    processors: u32,
}

#[derive(Debug, Deserialize)]
struct Sample {
    at_ms: i64,
    ticks: f64,
    server_ticks: f64,
    database_connections: u32,
    connections: u32,
    logins_waiting: Option<u32>,
    logins_abandoned: Option<u64>,
}

impl HostSeries {
    /// Reads a sampler's lines. A last line that was being written is left out.
    ///
    /// `started_ms` is the start of the run, milliseconds since 1970.
    ///
    /// # Errors
    /// When there is nothing, or a line is none of a sampler's.
    pub fn read(host: &str, text: &str, started_ms: i64) -> Result<Self, SeriesError> {
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut lines = whole.lines().enumerate();
        let (_, first) = lines.next().ok_or(SeriesError::Empty)?;
        let header: Header =
            serde_json::from_str(first).map_err(|source| SeriesError::Line { line: 1, source })?;
        let mut points = Vec::new();
        let mut before: Option<Sample> = None;
        for (index, line) in lines {
            let sample: Sample = serde_json::from_str(line).map_err(|source| {
                let line = index + 1;
                SeriesError::Line { line, source }
            })?;
            if let Some(before) = &before {
                points.extend(point(before, &sample, header.ticks_per_second, started_ms));
            }
            before = Some(sample);
        }
        Ok(Self {
            host: host.to_owned(),
            processors: header.processors,
            points,
        })
    }
}

/// A sampler's newest lines, as they come: its first line once, then pairs of the last two, again
/// and again.
#[derive(Debug, Default)]
pub(super) struct NewestSamples {
    header: Option<Header>,
    before: Option<Sample>,
}

impl NewestSamples {
    /// Takes a line; the share of its processors that the host had in use, 0 to 1, if that is known
    /// by it. A line that was being written says nothing.
    pub(super) fn read(&mut self, line: &str) -> Option<f64> {
        if let Ok(header) = serde_json::from_str::<Header>(line) {
            self.header = Some(header);
            self.before = None;
            return None;
        }
        let sample = serde_json::from_str::<Sample>(line).ok()?;
        let before = self.before.replace(sample)?;
        let (header, now) = (self.header.as_ref()?, self.before.as_ref()?);
        let point = point(&before, now, header.ticks_per_second, 0)?;
        Some(point.processors_used / f64::from(header.processors.max(1)))
    }
}

/// What happened between two samples; nothing if the clock stood or was set back.
fn point(before: &Sample, now: &Sample, ticks: f64, started_ms: i64) -> Option<HostPoint> {
    let passed = now.at_ms - before.at_ms;
    if passed <= 0 || ticks <= 0.0 {
        return None;
    }
    let used = |from: f64, to: f64| (to - from).max(0.0) / ticks * 1000.0 / passed as f64;
    Some(HostPoint {
        at_ms: now.at_ms - started_ms,
        processors_used: used(before.ticks, now.ticks),
        server_processors: used(before.server_ticks, now.server_ticks),
        database_connections: now.database_connections,
        connections: now.connections,
        logins_waiting: now.logins_waiting,
        logins_abandoned: now.logins_abandoned,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = concat!(
        r#"{"ticks_per_second":100,"processors":4}"#,
        "\n",
        r#"{"at_ms":10000,"ticks":0,"server_ticks":0,"database_connections":3,"connections":7}"#,
        "\n",
        r#"{"at_ms":12000,"ticks":300,"server_ticks":100,"database_connections":4,"connections":8,"logins_waiting":5,"logins_abandoned":2}"#,
        "\n",
        r#"{"at_ms":13000,"tic"#,
    );

    #[test]
    fn processors_follow_from_ticks_and_the_time_between() {
        let series = HostSeries::read("app-1", TEXT, 11_000).unwrap();
        assert_eq!(series.processors, 4);
        let expected = HostPoint {
            at_ms: 1000,
            processors_used: 1.5,
            server_processors: 0.5,
            database_connections: 4,
            connections: 8,
            logins_waiting: Some(5),
            logins_abandoned: Some(2),
        };
        assert_eq!(series.points, [expected]);
    }

    #[test]
    fn the_newest_second_follows_from_the_last_two_lines() {
        let mut newest = NewestSamples::default();
        let lines: Vec<&str> = TEXT.lines().collect();
        let shares: Vec<Option<f64>> = [0, 1, 2, 3, 1, 2]
            .map(|index| newest.read(lines[index]))
            .into();
        // 1.5 of 4 processors; half a line, and one that was read before, say nothing.
        let known = Some(1.5 / 4.0);
        assert_eq!(shares, [None, None, known, None, None, known]);
    }

    #[test]
    fn nothing_and_nonsense_are_errors() {
        assert!(matches!(
            HostSeries::read("app-1", "", 0),
            Err(SeriesError::Empty)
        ));
        let text = "{\"ticks_per_second\":100,\"processors\":4}\nawk: error\n";
        let error = HostSeries::read("app-1", text, 0).unwrap_err();
        assert!(error.to_string().starts_with("line 2 of the samples"));
    }
}
