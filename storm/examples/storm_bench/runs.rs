//! The measurements.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use loadrig_storm::{
    AccountPassword, Accounts, ActionMix, ArrivalShape, Calibration, ClientBehavior, HttpVersion,
    STORM_FORMAT, StormEntrance, StormPhase, StormPlan, TimeHistogram, calibrate, run,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Measures, as the arguments say: `URL USERS SECONDS [RATE]`.
pub(crate) async fn measure(mode: &str, arguments: &[String]) -> Result<Value, Box<dyn Error>> {
    let [url, users, seconds, rest @ ..] = arguments else {
        return Err("usage: storm_bench MODE URL USERS SECONDS [RATE]".into());
    };
    let (users, seconds): (u32, u64) = (users.parse()?, seconds.parse()?);
    let entrance = StormEntrance {
        url: url.clone(),
        connect_to: None,
        authority: None,
        port: None,
        system: false,
    };
    let mut behavior = ClientBehavior::default();
    if std::env::var("STORM_HTTP").is_ok_and(|text| text == "2") {
        behavior.http = HttpVersion::Http2;
    }
    let time = Duration::from_secs(seconds);
    match mode {
        "requests" => {
            let measured = calibrate(&entrance, users, time, None, behavior).await?;
            Ok(calls(&measured))
        }
        "paced" => {
            let rate = rest.first().ok_or("a rate is missing")?.parse()?;
            let measured = calibrate(&entrance, users, time, Some(rate), behavior).await?;
            Ok(calls(&measured))
        }
        // The connections of a page are closed soon, so that what stays is what a user takes.
        "sockets" => {
            behavior.keep_alive_ms = 5_000;
            storm(entrance, behavior, users, seconds, 15_000).await
        }
        _ => storm(entrance, behavior, users, seconds, 0).await,
    }
}

fn calls(measured: &Calibration) -> Value {
    json!({
        "calls": measured.calls.count,
        "errors": measured.calls.errors,
        "per_second": measured.per_second().round(),
        "per_core_second": measured.per_core_second().round(),
        "cpu_share": measured.driver.cpu_share(),
        "response": times(&measured.calls.response),
        "service": times(&measured.calls.service),
        "start_lag": times(&measured.calls.start_lag),
        "timer_lag": times(&measured.driver.timer_lag),
    })
}

fn times(histogram: &TimeHistogram) -> Value {
    let ms = |share| histogram.quantile(share).as_secs_f64() * 1000.0;
    json!({
        "p50_ms": ms(0.5), "p95_ms": ms(0.95), "p99_ms": ms(0.99), "p99.9_ms": ms(0.999),
        "max_ms": histogram.max().as_secs_f64() * 1000.0, "count": histogram.count(),
    })
}

/// So many users within so long, who stay for a while.
async fn storm(
    entrance: StormEntrance,
    client: ClientBehavior,
    users: u32,
    seconds: u64,
    hold_ms: u64,
) -> Result<Value, Box<dyn Error>> {
    // Connections to one address are as many as there are ports, and a page has several.
    let first: Ipv4Addr = match std::env::var("STORM_SOURCES") {
        Ok(text) => text.parse()?,
        Err(_) => Ipv4Addr::new(127, 0, 1, 1),
    };
    let sources = users.div_ceil(12_000);
    let address = |number: u32| IpAddr::from(Ipv4Addr::from(u32::from(first) + number));
    let plan = StormPlan {
        format: STORM_FORMAT,
        agent: "bench".into(),
        entrances: vec![entrance],
        source_addresses: (0..sources).map(address).collect(),
        accounts: Accounts {
            prefix: "user-".into(),
            first: 0,
            users,
            password: AccountPassword::new("password"),
        },
        phases: vec![
            StormPhase::Arrive {
                users,
                over_ms: seconds * 1000,
                shape: ArrivalShape::Even,
            },
            StormPhase::Drain { at_most_ms: 60_000 },
            StormPhase::Hold { for_ms: hold_ms },
        ],
        client,
        mix: ActionMix::idle(),
        seed: 1,
        deadline_ms: 600_000,
        sample_every_ms: 1000,
        checkpoint_every_ms: None,
        resume: None,
    };
    let resident = resident_kib();
    let (_control, controlled) = mpsc::channel(1);
    let (lines, mut heard) = mpsc::channel(64);
    let running = tokio::spawn(run(plan, controlled, lines));
    let mut open = 0;
    let mut held = 0;
    while let Some(line) = heard.recv().await {
        if let loadrig_storm::StormLine::Sample(sample) = line {
            open = sample.websockets;
            held = resident_kib().saturating_sub(resident);
        }
    }
    let result = running.await??;
    let requests: u64 = result.calls.values().map(|tally| tally.count).sum();
    let cpu = result
        .drivers
        .values()
        .map(|driver| driver.cpu_ms)
        .sum::<u64>();
    let lag = result
        .seconds
        .iter()
        .map(|second| second.start_lag.quantile(0.99))
        .max();
    Ok(json!({
        "users": result.users,
        "errors": result.errors(),
        "calls": requests,
        "logins_per_core_second": (result.users.live as f64 * 1000.0 / cpu as f64).round(),
        "calls_per_core_second": (requests as f64 * 1000.0 / cpu as f64).round(),
        "last_live_ms": result.last.live_ms,
        "usable": times(&result.timings.usable),
        "worst_second_start_lag_p99_ms": lag.unwrap_or_default().as_secs_f64() * 1000.0,
        "websockets": open,
        "resident_kib": held,
        "bytes_per_user": (held * 1024).checked_div(open),
        "peak_sockets": result.drivers.values().map(|driver| driver.peak_sockets).max(),
    }))
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
