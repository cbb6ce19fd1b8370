//! What the server counts, and the Prometheus text of it. Names and labels are
//! Mattermost's, so that its dashboards and the load test's queries work.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in seconds of the buckets of every histogram.
const BUCKETS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub(crate) fn inc(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicI64);

impl Gauge {
    /// Adds `n`, which may be negative.
    pub(crate) fn add(&self, n: i64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Replaces the value.
    pub(crate) fn set(&self, n: i64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// The value now.
    pub(crate) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Clone, Default)]
struct Histogram {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

impl Histogram {
    fn observe(&mut self, seconds: f64) {
        for (bucket, bound) in self.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(seconds <= bound);
        }
        self.count += 1;
        self.sum += seconds;
    }
}

/// What an API call is counted under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiCall {
    /// Name of the function that answers it in Mattermost.
    pub handler: &'static str,
    pub method: String,
    pub status: u16,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub http_requests: Counter,
    pub http_errors: Counter,
    pub http_websockets: Gauge,
    pub logins: Counter,
    pub logins_failed: Counter,
    /// Logins that wait for their turn, and the one whose turn it is.
    pub logins_waiting: Gauge,
    /// Hashes that were made for clients who had gone.
    pub logins_abandoned: Counter,
    pub posts: Counter,
    pub post_file_attachments: Counter,
    pub searches: Counter,
    pub search_posts_indexed: Counter,
    pub search_index_errors: Counter,
    pub cluster_requests: Counter,
    pub cluster_dropped: Counter,
    pub cluster_peers: Gauge,
    pub db_master_connections: Gauge,
    pub db_read_replica_connections: Gauge,
    pub session_cache_hits: Counter,
    pub session_cache_misses: Counter,
    broadcasts: Mutex<BTreeMap<String, u64>>,
    reconnects: Mutex<BTreeMap<String, u64>>,
    api_time: Mutex<BTreeMap<ApiCall, Histogram>>,
}

impl Metrics {
    /// Counts one API call.
    pub(crate) fn observe_api(&self, call: ApiCall, took: Duration) {
        // A panic while the lock is held would leave whole numbers behind.
        let mut api_time = self
            .api_time
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        api_time
            .entry(call)
            .or_default()
            .observe(took.as_secs_f64());
    }

    /// Counts one event for websockets.
    pub(crate) fn count_broadcast(&self, event: &str) {
        let mut broadcasts = self
            .broadcasts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *broadcasts.entry(event.to_owned()).or_default() += 1;
    }

    /// Counts a websocket whose client came back: `lossless`, `success` or `failure`.
    pub(crate) fn count_reconnect(&self, kind: &str) {
        let mut reconnects = self
            .reconnects
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *reconnects.entry(kind.to_owned()).or_default() += 1;
    }

    /// The page for Prometheus.
    pub(crate) fn render(&self) -> String {
        let mut page = MetricsPage::default();
        page.counter("mattermost_http_requests_total", &self.http_requests);
        page.counter("mattermost_http_errors_total", &self.http_errors);
        page.labelled(
            "mattermost_http_websockets_total",
            "gauge",
            "{origin_client=\"unknown\"}",
            self.http_websockets.get(),
        );
        let names = "mattermost_websocket_broadcasts_total";
        render_counts(&mut page, names, "name", &self.broadcasts);
        let names = "mattermost_websocket_reconnects_total";
        render_counts(&mut page, names, "type", &self.reconnects);
        page.counter("mattermost_login_logins_total", &self.logins);
        page.counter("mattermost_login_logins_fail_total", &self.logins_failed);
        page.gauge("mattermost_standin_logins_waiting", &self.logins_waiting);
        page.counter(
            "mattermost_standin_logins_abandoned_total",
            &self.logins_abandoned,
        );
        page.counter("mattermost_post_total", &self.posts);
        page.counter(
            "mattermost_post_file_attachments_total",
            &self.post_file_attachments,
        );
        page.counter("mattermost_search_posts_searches_total", &self.searches);
        page.counter(
            "mattermost_search_post_index_total",
            &self.search_posts_indexed,
        );
        page.counter(
            "mattermost_search_post_index_errors_total",
            &self.search_index_errors,
        );
        page.counter(
            "mattermost_cluster_cluster_requests_total",
            &self.cluster_requests,
        );
        page.counter(
            "mattermost_cluster_cluster_dropped_total",
            &self.cluster_dropped,
        );
        page.gauge("mattermost_cluster_cluster_peers", &self.cluster_peers);
        page.gauge(
            "mattermost_db_master_connections_total",
            &self.db_master_connections,
        );
        page.gauge(
            "mattermost_db_read_replica_connections_total",
            &self.db_read_replica_connections,
        );
        let session = "{name=\"Session\"}";
        let (hits, misses) = (
            self.session_cache_hits.get(),
            self.session_cache_misses.get(),
        );
        page.labelled("mattermost_cache_mem_hit_total", "counter", session, hits);
        page.labelled(
            "mattermost_cache_mem_miss_total",
            "counter",
            session,
            misses,
        );
        self.render_api_time(&mut page);
        render_process(&mut page);
        page.text
    }

    fn render_api_time(&self, page: &mut MetricsPage) {
        let name = "mattermost_api_time";
        page.kind(name, "histogram");
        let api_time = self
            .api_time
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        for (call, histogram) in &api_time {
            let labels = format!(
                "handler=\"{}\",method=\"{}\",status_code=\"{}\",origin_client=\"unknown\",\
                 page_load_context=\"\"",
                call.handler, call.method, call.status
            );
            for (bound, count) in BUCKETS.iter().zip(histogram.buckets) {
                page.line(&format!("{name}_bucket{{{labels},le=\"{bound}\"}}"), count);
            }
            page.line(
                &format!("{name}_bucket{{{labels},le=\"+Inf\"}}"),
                histogram.count,
            );
            page.line(&format!("{name}_sum{{{labels}}}"), histogram.sum);
            page.line(&format!("{name}_count{{{labels}}}"), histogram.count);
        }
    }
}

fn render_counts(
    page: &mut MetricsPage,
    name: &str,
    label: &str,
    counts: &Mutex<BTreeMap<String, u64>>,
) {
    page.kind(name, "counter");
    let counts = counts
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    for (value, count) in &*counts {
        page.line(&format!("{name}{{{label}=\"{value}\"}}"), count);
    }
}

#[derive(Debug, Default)]
struct MetricsPage {
    text: String,
}

impl MetricsPage {
    fn kind(&mut self, name: &str, kind: &str) {
        // Writing to a string does not fail, here and below.
        let _ = writeln!(self.text, "# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.text, "{name} {value}");
    }

    fn counter(&mut self, name: &str, counter: &Counter) {
        self.labelled(name, "counter", "", counter.get());
    }

    fn gauge(&mut self, name: &str, gauge: &Gauge) {
        self.labelled(name, "gauge", "", gauge.get());
    }

    fn labelled(&mut self, name: &str, kind: &str, labels: &str, value: impl std::fmt::Display) {
        self.kind(name, kind);
        self.line(&format!("{name}{labels}"), value);
    }
}

/// The process collector's names, from `/proc` where there is one.
fn render_process(page: &mut MetricsPage) {
    let tasks = tokio::runtime::Handle::try_current()
        .map_or(0, |runtime| runtime.metrics().num_alive_tasks());
    // The nearest thing to goroutines here: tasks of the async runtime.
    page.labelled("go_goroutines", "gauge", "", tasks);
    #[cfg(target_os = "linux")]
    if let Some(process) = ProcessFigures::read() {
        page.labelled(
            "mattermost_process_cpu_seconds_total",
            "counter",
            "",
            process.cpu_seconds,
        );
        page.labelled(
            "mattermost_process_resident_memory_bytes",
            "gauge",
            "",
            process.resident_bytes,
        );
        page.labelled(
            "mattermost_process_open_fds",
            "gauge",
            "",
            process.open_files,
        );
        page.labelled("mattermost_process_max_fds", "gauge", "", process.max_files);
        page.labelled(
            "mattermost_process_start_time_seconds",
            "gauge",
            "",
            process.started,
        );
    }
}

#[cfg(target_os = "linux")]
struct ProcessFigures {
    cpu_seconds: f64,
    resident_bytes: u64,
    open_files: usize,
    max_files: u64,
    started: f64,
}

#[cfg(target_os = "linux")]
impl ProcessFigures {
    fn read() -> Option<Self> {
        // Linux fixes the clock of /proc at 100 ticks per second for programs.
        const TICKS: f64 = 100.0;
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The name, in parentheses, may hold blanks; count fields after it.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
        let files = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files"))?;
        let boot = std::fs::read_to_string("/proc/stat").ok()?;
        let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?;
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / TICKS,
            resident_bytes: resident.split_whitespace().next()?.parse::<u64>().ok()? * 1024,
            open_files: std::fs::read_dir("/proc/self/fd").ok()?.count(),
            max_files: files.split_whitespace().next()?.parse().unwrap_or(u64::MAX),
            started: boot.trim().parse::<f64>().ok()? + field(22)? / TICKS,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histogram_buckets_are_cumulative() {
        let metrics = Metrics::default();
        let call = ApiCall {
            handler: "login",
            method: "POST".to_owned(),
            status: 200,
        };
        for milliseconds in [4, 300, 20_000] {
            metrics.observe_api(call.clone(), Duration::from_millis(milliseconds));
        }
        let page = metrics.render();
        let labels = "handler=\"login\",method=\"POST\",status_code=\"200\",\
                      origin_client=\"unknown\",page_load_context=\"\"";
        for (bound, count) in [
            ("0.005", 1),
            ("0.25", 1),
            ("0.5", 2),
            ("10", 2),
            ("+Inf", 3),
        ] {
            let line = format!("mattermost_api_time_bucket{{{labels},le=\"{bound}\"}} {count}\n");
            assert!(page.contains(&line), "{line} is not in\n{page}");
        }
        assert!(
            page.contains(&format!("mattermost_api_time_sum{{{labels}}} 20.304\n")),
            "{page}"
        );
    }

    #[test]
    fn every_line_is_a_comment_or_a_name_and_a_number() {
        let metrics = Metrics::default();
        metrics.logins.inc();
        metrics.http_websockets.add(-1);
        let page = metrics.render();
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').expect("two parts");
            assert!(
                !name.contains(' ') && value.parse::<f64>().is_ok(),
                "{line}"
            );
        }
        assert!(
            page.contains("\nmattermost_login_logins_total 1\n"),
            "{page}"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn process_figures_are_plausible() {
        let process = ProcessFigures::read().expect("/proc is readable");
        assert!(process.resident_bytes > 1 << 20);
        assert!(process.open_files > 2);
        assert!(process.started > 1.0e9);
    }
}
