//! What a search proxy counts, in Prometheus's text format.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the histogram's buckets, seconds.
const BOUNDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// Counters of one search proxy.
#[derive(Debug, Default)]
pub(super) struct SearchProxyMetrics {
    /// By the first digit of the status, from 1.
    answers: [AtomicU64; 5],
    buckets: [AtomicU64; BOUNDS.len()],
    micros: AtomicU64,
    pub(super) in_flight: AtomicU64,
    pub(super) retries: AtomicU64,
    /// Requests that the domain did not answer: it was not reached, broke off, or was silent.
    pub(super) unreachable: AtomicU64,
    /// Requests that did not come as far as that.
    pub(super) unsigned: AtomicU64,
    /// Of both, those of which nothing was sent, and another search proxy may be asked.
    pub(super) unsent: AtomicU64,
    /// Requests that were collected in a file.
    pub(super) spooled: AtomicU64,
    pub(super) request_bytes: AtomicU64,
}

impl SearchProxyMetrics {
    /// Counts an answer and the time to its first byte.
    pub(super) fn answered(&self, status: u16, took: Duration) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        if let Some(counter) = self.answers.get(class) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let seconds = took.as_secs_f64();
        for (bound, bucket) in BOUNDS.iter().zip(&self.buckets) {
            if seconds <= *bound {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Everything, as Prometheus reads it.
    pub(super) fn text(&self, credentials_left: Option<u64>) -> String {
        let mut text = String::new();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        text.push_str("# TYPE loadrig_search_proxy_answers_total counter\n");
        for (class, counter) in (1..).zip(&self.answers) {
            let _ = writeln!(
                text,
                "loadrig_search_proxy_answers_total{{code=\"{class}xx\"}} {}",
                read(counter)
            );
        }
        let name = "loadrig_search_proxy_first_byte_seconds";
        let _ = writeln!(text, "# TYPE {name} histogram");
        for (bound, bucket) in BOUNDS.iter().zip(&self.buckets) {
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {}", read(bucket));
        }
        let all: u64 = self.answers.iter().map(read).sum();
        let sum = Duration::from_micros(read(&self.micros)).as_secs_f64();
        let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {all}");
        let _ = writeln!(text, "{name}_sum {sum}\n{name}_count {all}");
        for (what, kind, value) in [
            ("in_flight", "gauge", read(&self.in_flight)),
            ("retries_total", "counter", read(&self.retries)),
            ("unreachable_total", "counter", read(&self.unreachable)),
            ("unsigned_total", "counter", read(&self.unsigned)),
            ("unsent_total", "counter", read(&self.unsent)),
            ("spooled_total", "counter", read(&self.spooled)),
            ("request_bytes_total", "counter", read(&self.request_bytes)),
        ] {
            let name = format!("loadrig_search_proxy_{what}");
            let _ = writeln!(text, "# TYPE {name} {kind}\n{name} {value}");
        }
        if let Some(seconds) = credentials_left {
            let name = "loadrig_search_proxy_credentials_left_seconds";
            let _ = writeln!(text, "# TYPE {name} gauge\n{name} {seconds}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_class_and_time() {
        let metrics = SearchProxyMetrics::default();
        metrics.answered(200, Duration::from_millis(2));
        metrics.answered(404, Duration::from_millis(60));
        let text = metrics.text(Some(90));
        for line in [
            "loadrig_search_proxy_answers_total{code=\"2xx\"} 1",
            "loadrig_search_proxy_answers_total{code=\"4xx\"} 1",
            "loadrig_search_proxy_first_byte_seconds_bucket{le=\"0.0025\"} 1",
            "loadrig_search_proxy_first_byte_seconds_bucket{le=\"0.1\"} 2",
            "loadrig_search_proxy_first_byte_seconds_sum 0.062",
            "loadrig_search_proxy_credentials_left_seconds 90",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
        }
    }
}
