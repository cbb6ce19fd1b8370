//! A storm over time: what its charts and its lines in the terminal show.

use std::collections::BTreeMap;

use loadrig_storm::{StormErrorClass, StormResult, StormSecond, TimeHistogram, WebsocketCounts};

use super::figures;
use crate::loadtest::storm::{ReconnectExpectation, StormFigures};
use crate::loadtest::{HostPoint, HostSeries};

/// Names of curves that forecasts are drawn behind.
const LOGGED_IN: &str = "logged in";
const NOT_CONNECTED: &str = "not connected";
const NOT_CAUGHT_UP: &str = "not caught up";

/// Points of a curve at the most; more would only blur it.
const POINTS: usize = 240;

/// In what a chart measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeUnit {
    /// A number.
    Count,
    /// Milliseconds, on a logarithmic axis.
    Millis,
}

impl TimeUnit {
    /// A value as people read it.
    pub(super) fn label(self, value: f64) -> String {
        match self {
            TimeUnit::Millis => figures::millis(value),
            TimeUnit::Count if value >= 100.0 || value.fract().abs() < 1e-6 => {
                figures::count(value.round() as u64)
            }
            TimeUnit::Count if value >= 1.0 => format!("{value:.1}"),
            TimeUnit::Count => format!("{value:.2}"),
        }
    }
}

/// A chart over time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimeChart {
    pub(super) title: &'static str,
    /// What it shows, for those who cannot see it.
    pub(super) spoken: &'static str,
    pub(super) unit: TimeUnit,
    pub(super) lines: Vec<TimeLine>,
    /// Where curves were expected.
    pub(super) bands: Vec<TimeBand>,
}

/// A curve of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimeLine {
    pub(super) name: String,
    /// Seconds from the start, and the value.
    pub(super) points: Vec<(f64, f64)>,
}

/// Where a curve was expected.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimeBand {
    /// Name of the curve.
    pub(super) of: &'static str,
    /// What it shows, for people.
    pub(super) name: &'static str,
    /// Seconds from the start, the least and the most.
    pub(super) points: Vec<(f64, f64, f64)>,
}

/// The charts of a storm that have something to show.
pub(super) fn charts_of(figures: &StormFigures) -> Vec<TimeChart> {
    let storm = &figures.storm;
    let forecast = figures.forecast.as_ref().map(|forecast| TimeBand {
        of: LOGGED_IN,
        name: "logged in, as forecast: nine of ten storms",
        points: forecast.users_in.clone(),
    });
    let buckets = Buckets::of(storm);
    let mut charts = vec![
        logins(&buckets),
        users(storm, forecast),
        waiting(storm),
        times(
            &buckets,
            "Response time of logins",
            "Response time of logins from their intended start: median, 95th and 99th percentile",
            |second| &second.login,
        ),
        times(
            &buckets,
            "Response time of all other calls",
            "Response time of all other calls: median, 95th and 99th percentile",
            |second| &second.others,
        ),
        errors(&buckets),
        websockets(storm),
        away(figures),
    ];
    charts.extend(of_hosts(&figures.hosts));
    charts.retain(|chart| chart.lines.iter().any(|line| !line.points.is_empty()));
    charts
}

/// Seconds of a storm, some together where there are many.
struct Buckets {
    seconds_each: f64,
    buckets: Vec<Vec<StormSecond>>,
}

impl Buckets {
    fn of(storm: &StormResult) -> Self {
        let each = storm.seconds.len().div_ceil(POINTS).max(1);
        Self {
            seconds_each: each as f64,
            buckets: storm.seconds.chunks(each).map(<[_]>::to_vec).collect(),
        }
    }

    /// A count of each second, per second; at the end of each bucket.
    fn rate(&self, count: impl Fn(&StormSecond) -> u64) -> Vec<(f64, f64)> {
        let rate = |bucket: &Vec<StormSecond>| {
            bucket.iter().map(&count).sum::<u64>() as f64 / bucket.len().max(1) as f64
        };
        self.each(|bucket| Some(rate(bucket)))
    }

    fn each(&self, value: impl Fn(&Vec<StormSecond>) -> Option<f64>) -> Vec<(f64, f64)> {
        self.buckets
            .iter()
            .enumerate()
            .filter_map(|(index, bucket)| {
                Some(((index + 1) as f64 * self.seconds_each, value(bucket)?))
            })
            .collect()
    }
}

fn line(name: &str, points: Vec<(f64, f64)>) -> TimeLine {
    TimeLine {
        name: name.to_owned(),
        points,
    }
}

fn logins(buckets: &Buckets) -> TimeChart {
    TimeChart {
        title: "Logins per second",
        spoken: "Users who arrive, who get in and whose attempts are refused, per second",
        unit: TimeUnit::Count,
        lines: vec![
            line("offered", buckets.rate(|second| second.users.offered)),
            line("achieved", buckets.rate(|second| second.users.logged_in)),
            line("refused", buckets.rate(|second| second.attempts.refused)),
            line(
                "abandoned",
                buckets.rate(|second| second.attempts.abandoned),
            ),
        ]
        .into_iter()
        .filter(|line| line.points.iter().any(|(_, value)| *value > 0.0))
        .collect(),
        bands: Vec::new(),
    }
}

/// Adds a count up, second by second.
fn total(storm: &StormResult, count: impl Fn(&StormSecond) -> u64) -> Vec<(f64, f64)> {
    let mut sum = 0;
    let all = storm.seconds.iter().enumerate().map(|(index, second)| {
        sum += count(second);
        ((index + 1) as f64, sum as f64)
    });
    thinned(all.collect())
}

/// As many points as a curve needs, the last one among them.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let each = points.len().div_ceil(POINTS).max(1);
    let last = points.len().saturating_sub(1);
    points
        .into_iter()
        .enumerate()
        .filter(|(index, _)| index % each == 0 || *index == last)
        .map(|(_, point)| point)
        .collect()
}

fn users(storm: &StormResult, forecast: Option<TimeBand>) -> TimeChart {
    TimeChart {
        title: "Users",
        spoken: "Users who have arrived, are logged in and can work, over time",
        unit: TimeUnit::Count,
        lines: vec![
            line("arrived", total(storm, |second| second.users.offered)),
            line(LOGGED_IN, total(storm, |second| second.users.logged_in)),
            line("usable", total(storm, |second| second.users.usable)),
            line("gave up", total(storm, |second| second.users.never)),
        ]
        .into_iter()
        .filter(|line| line.points.iter().any(|(_, value)| *value > 0.0))
        .collect(),
        bands: forecast.into_iter().collect(),
    }
}

fn waiting(storm: &StormResult) -> TimeChart {
    let gauges = storm.gauges();
    let points = gauges.iter().enumerate();
    TimeChart {
        title: "Users who wait",
        spoken: "Users who have arrived and are not in yet",
        unit: TimeUnit::Count,
        lines: vec![line(
            "waiting",
            thinned(
                points
                    .map(|(index, gauges)| ((index + 1) as f64, gauges.waiting as f64))
                    .collect(),
            ),
        )],
        bands: Vec::new(),
    }
}

fn times(
    buckets: &Buckets,
    title: &'static str,
    spoken: &'static str,
    times: impl Fn(&StormSecond) -> &TimeHistogram,
) -> TimeChart {
    let quantile = |share: f64| {
        buckets.each(|bucket| {
            let mut all = TimeHistogram::coarse();
            for second in bucket {
                // Both have the same bounds and digits.
                all.merge(times(second)).ok()?;
            }
            (all.count() > 0).then(|| all.quantile(share).as_secs_f64() * 1000.0)
        })
    };
    TimeChart {
        title,
        spoken,
        unit: TimeUnit::Millis,
        lines: vec![
            line("median", quantile(0.5)),
            line("p95", quantile(0.95)),
            line("p99", quantile(0.99)),
        ],
        bands: Vec::new(),
    }
}

fn errors(buckets: &Buckets) -> TimeChart {
    let mut classes: BTreeMap<StormErrorClass, u64> = BTreeMap::new();
    for second in buckets.buckets.iter().flatten() {
        for (class, count) in &second.errors {
            *classes.entry(*class).or_default() += count;
        }
    }
    TimeChart {
        title: "Calls that failed, per second",
        spoken: "Calls that failed, by class, per second",
        unit: TimeUnit::Count,
        lines: classes
            .keys()
            .map(|class| {
                let failed = |second: &StormSecond| second.errors.get(class).copied();
                line(
                    short_name(*class),
                    buckets.rate(|second| failed(second).unwrap_or(0)),
                )
            })
            .collect(),
        bands: Vec::new(),
    }
}

/// A class of errors as people read it.
fn short_name(class: StormErrorClass) -> &'static str {
    match class {
        StormErrorClass::TooManyRequests => "HTTP 429",
        StormErrorClass::ServerError => "HTTP 5xx",
        StormErrorClass::Unauthorized => "HTTP 401",
        StormErrorClass::Refused => "HTTP 4xx",
        StormErrorClass::Connect => "no connection",
        StormErrorClass::Certificate => "no trust",
        StormErrorClass::Timeout => "no answer",
        StormErrorClass::Protocol => "broken off",
        StormErrorClass::NotSent => "not sent",
    }
}

fn websockets(storm: &StormResult) -> TimeChart {
    let gauges = storm.gauges();
    let open: Vec<(f64, f64)> = gauges
        .iter()
        .enumerate()
        .map(|(index, gauges)| ((index + 1) as f64, gauges.websockets as f64))
        .collect();
    let any = open.iter().any(|(_, value)| *value > 0.0);
    TimeChart {
        title: "Open websockets",
        spoken: "Websockets that are open",
        unit: TimeUnit::Count,
        lines: vec![line("open", if any { thinned(open) } else { Vec::new() })],
        bands: Vec::new(),
    }
}

/// Users who lost a websocket and are not back yet. Each second counts, since all may be back within a
/// few of hours.
fn away(figures: &StormFigures) -> TimeChart {
    let storm = &figures.storm;
    let lacking = |count: fn(&WebsocketCounts) -> (u64, u64)| {
        let mut away = 0_u64;
        let all = (1_u32..).zip(&storm.seconds).map(|(end, second)| {
            let (lost, back) = count(&second.websockets);
            away = (away + lost).saturating_sub(back);
            (f64::from(end), away as f64)
        });
        highest(all.collect())
    };
    let expected = |of, name, points: fn(&ReconnectExpectation) -> &Vec<(f64, f64, f64)>| {
        let expected = figures.events.iter().filter_map(|it| it.expected.as_ref());
        expected
            .map(points)
            .filter(|points| !points.is_empty())
            .map(move |points| TimeBand {
                of,
                name,
                points: points.clone(),
            })
    };
    let lines = [
        line(NOT_CONNECTED, lacking(|it| (it.users_lost, it.users_back))),
        line(
            NOT_CAUGHT_UP,
            lacking(|it| (it.users_behind, it.users_caught_up)),
        ),
    ];
    let connected = expected(
        NOT_CONNECTED,
        "without a websocket, as forecast: nine of ten losses",
        |it| &it.away,
    );
    let caught_up = expected(
        NOT_CAUGHT_UP,
        "not caught up, as forecast: nine of ten losses",
        |it| &it.behind,
    );
    TimeChart {
        title: "Users without a websocket",
        spoken: "Users who lost a websocket and are not connected, or have not caught up, yet",
        unit: TimeUnit::Count,
        lines: lines
            .into_iter()
            .filter(|line| line.points.iter().any(|(_, value)| *value > 0.0))
            .collect(),
        bands: connected.chain(caught_up).collect(),
    }
}

/// As many points as a curve needs, each the highest of those that it stands for: what lasts a few
/// seconds is not lost.
fn highest(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let each = points.len().div_ceil(POINTS).max(1);
    let highest = |some: &[(f64, f64)]| {
        let mut some = some.iter().copied();
        let first = some.next()?;
        Some(some.fold(first, |most, point| match point.1 >= most.1 {
            true => point,
            false => most,
        }))
    };
    points.chunks(each).filter_map(highest).collect()
}

/// Charts of what hosts did, a curve for each.
fn of_hosts(hosts: &[HostSeries]) -> Vec<TimeChart> {
    let chart = |title, spoken, value: &dyn Fn(&HostSeries, &HostPoint) -> Option<f64>| TimeChart {
        title,
        spoken,
        unit: TimeUnit::Count,
        lines: hosts
            .iter()
            .map(|host| {
                let points = host
                    .points
                    .iter()
                    .filter(|point| point.at_ms >= 0)
                    .filter_map(|point| Some((point.at_ms as f64 / 1000.0, value(host, point)?)));
                line(&host.host, thinned(points.collect()))
            })
            .filter(|line| line.points.iter().any(|(_, value)| *value > 0.0))
            .collect(),
        bands: Vec::new(),
    };
    vec![
        chart(
            "Processors in use",
            "Processors that each host uses",
            &|_, point| Some(point.processors_used),
        ),
        chart(
            "Connections to the database",
            "Established connections to the database, by host",
            &|_, point| Some(f64::from(point.database_connections)),
        ),
        chart(
            "Logins that wait in the server",
            "Logins that wait for their turn in each application node",
            &|_, point| point.logins_waiting.map(f64::from),
        ),
        chart(
            "Passwords hashed for clients that had gone",
            "Passwords hashed for clients that had gone, from the start of the run, by host",
            &|host, point| {
                let before = host
                    .points
                    .iter()
                    .find_map(|point| point.logins_abandoned)?;
                Some(point.logins_abandoned?.saturating_sub(before) as f64)
            },
        ),
    ]
}
