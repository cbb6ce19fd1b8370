//! What a storm is like now, for people.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::events::{LiveVerdict, StormMoment, TimeLeft};
use crate::report::millis;

use super::format::duration;

/// Hosts that a line names, the busiest of them: a large rig has dozens.
const HOSTS: usize = 6;

/// What a storm is like: who comes and gets in, how long that takes, and what it will come to.
pub(super) fn storm_lines(moment: &StormMoment) -> Vec<String> {
    let users = format!(
        "{:>5} s {}{}: {} of {} in, {} wait; {:.1}/s come, {:.1}/s get in",
        moment.second,
        moment.phase,
        moment.pace.map_or_else(String::new, pace),
        moment.users_in,
        moment.offered,
        moment.waiting,
        moment.offered_per_second,
        moment.achieved_per_second,
    );
    let ms = |time: Option<f64>| time.map_or("-".to_owned(), millis);
    // What a gate refuses is no error: it is told how to come back.
    let errors = moment.errors.values().sum::<u64>();
    let errors = errors.saturating_sub(moment.refused);
    let percentiles = |p50, p95, p99| format!("p50 {} p95 {} p99 {}", ms(p50), ms(p95), ms(p99));
    let times = format!(
        "login {}; {} refused, {errors} {}",
        percentiles(
            moment.login_p50_ms,
            moment.login_p95_ms,
            moment.login_p99_ms
        ),
        moment.refused,
        if errors == 1 { "error" } else { "errors" },
    );
    let others = percentiles(
        moment.others_p50_ms,
        moment.others_p95_ms,
        moment.others_p99_ms,
    );
    let outlook = [
        Some(format!("{} websockets", moment.websockets)),
        moment
            .others_p50_ms
            .map(|_| format!("other calls {others}")),
        cpu(&moment.cpu),
        moment.time_left.map(time_left),
        Some(verdict(&moment.verdict)),
    ];
    let outlook: Vec<String> = outlook.into_iter().flatten().collect();
    vec![
        format!("{users}; {times}"),
        format!("{:8}{}", "", outlook.join("; ")),
    ]
}

/// How users come, other than planned.
fn pace(factor: f64) -> String {
    match factor {
        0.0 => ", held".to_owned(),
        factor => format!(", {factor} × as fast"),
    }
}

fn cpu(shares: &BTreeMap<String, f64>) -> Option<String> {
    let mut hosts: Vec<(&String, f64)> =
        shares.iter().map(|(host, share)| (host, *share)).collect();
    // The order of names among those that are equally busy.
    hosts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let others = hosts.len().saturating_sub(HOSTS);
    hosts.truncate(HOSTS);
    let named: Vec<String> = hosts
        .iter()
        .map(|(host, share)| format!("{host} {:.0} %", share * 100.0))
        .collect();
    let others = match others {
        0 => String::new(),
        others => format!(", {others} less busy"),
    };
    (!named.is_empty()).then(|| format!("CPU {}{others}", named.join(", ")))
}

fn time_left(left: TimeLeft) -> String {
    let text = |seconds: f64| duration(Duration::from_secs(seconds.round() as u64));
    if left.high_s < 0.5 {
        return "nothing left by the forecast".to_owned();
    }
    format!(
        "{} left by the forecast ({} to {})",
        text(left.median_s),
        text(left.low_s),
        text(left.high_s)
    )
}

fn verdict(verdict: &LiveVerdict) -> String {
    if verdict.would_pass() {
        let open = match verdict.open {
            0 => String::new(),
            1 => " (1 threshold is open)".to_owned(),
            open => format!(" ({open} thresholds are open)"),
        };
        return format!("would pass{open}");
    }
    format!("would fail: {}", verdict.missed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment() -> StormMoment {
        StormMoment {
            second: 120,
            phase: "storm".to_owned(),
            agents: 2,
            offered: 2_000,
            offered_per_second: 16.7,
            users_in: 1_570,
            achieved_per_second: 13.1,
            waiting: 430,
            usable: 1_560,
            websockets: 1_555,
            attempts: 2_100,
            refused: 40,
            abandoned: 3,
            calls: 60_000,
            errors: BTreeMap::from([
                ("too-many-requests".to_owned(), 40),
                ("timeout".to_owned(), 3),
            ]),
            login_p50_ms: Some(820.0),
            login_p95_ms: Some(2_310.0),
            login_p99_ms: Some(4_020.0),
            others_p50_ms: Some(12.0),
            others_p95_ms: Some(95.0),
            others_p99_ms: Some(310.0),
            pace: None,
            start_lag_p99_ms: Some(0.4),
            cpu: BTreeMap::from([
                ("agent-1".to_owned(), 0.31),
                ("app-1".to_owned(), 0.984),
                ("app-2".to_owned(), 0.97),
                ("proxy-1".to_owned(), 0.12),
            ]),
            time_left: Some(TimeLeft {
                low_s: 712.0,
                median_s: 761.4,
                high_s: 840.0,
            }),
            verdict: LiveVerdict {
                missed: Vec::new(),
                open: 2,
            },
        }
    }

    #[test]
    fn a_storm_that_goes_well() {
        insta::assert_snapshot!(storm_lines(&moment()).join("\n"));
    }

    #[test]
    fn a_storm_that_will_fail_on_a_large_rig() {
        let mut moment = moment();
        for node in 1..=9 {
            moment
                .cpu
                .insert(format!("app-{node}"), 0.9 + f64::from(node) / 100.0);
        }
        moment.verdict.missed = vec![
            "at least 100 % of the users get in".to_owned(),
            "the last user is in within 16m".to_owned(),
        ];
        insta::assert_snapshot!(storm_lines(&moment).join("\n"));
    }

    #[test]
    fn a_storm_without_forecast_and_samples_of_hosts_of_which_nothing_is_known_yet() {
        let moment = StormMoment {
            phase: "hold".to_owned(),
            ..StormMoment::default()
        };
        insta::assert_snapshot!(storm_lines(&moment).join("\n"));
    }

    #[test]
    fn a_storm_that_somebody_holds_or_hurries() {
        let line = |factor| {
            let moment = StormMoment {
                pace: Some(factor),
                ..moment()
            };
            storm_lines(&moment).swap_remove(0)
        };
        assert!(line(0.0).starts_with("  120 s storm, held: 1570 of 2000 in"));
        assert!(line(2.5).starts_with("  120 s storm, 2.5 × as fast: "));
    }

    #[test]
    fn json_has_the_same() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&moment()).unwrap());
    }
}
