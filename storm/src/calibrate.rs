//! What the driver itself can do: users who ask for the same small answer again and again, as fast
//! as they get it. Against a server that answers at once this is the driver's own limit.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::behavior::ClientBehavior;
use crate::browser::Browser;
use crate::call::ClientCall;
use crate::calls;
use crate::engine::StormError;
use crate::health::DriverProbe;
use crate::known::IdTable;
use crate::plan::{AccountPassword, Accounts, ActionMix, StormEntrance};
use crate::recorder::{CallEnd, CallTimes, StormRecorder};
use crate::result::{CallTally, DriverHealth, StormErrorClass};
use crate::route::SocketRoute;
use crate::storm::{SharedStorm, SocketBreak};

/// What a calibration measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// The calls.
    pub calls: CallTally,
    /// The driver meanwhile.
    pub driver: DriverHealth,
}

impl Calibration {
    /// Calls for each second of wall-clock time.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.calls.count as f64 * 1000.0 / self.driver.elapsed_ms.max(1) as f64
    }

    /// Calls for each second of CPU time of the driver.
    #[must_use]
    pub fn per_core_second(&self) -> f64 {
        self.calls.count as f64 * 1000.0 / self.driver.cpu_ms.max(1) as f64
    }
}

/// Has `users` ask for `GET system/ping` for so long. With `per_second` calls begin at that rate
/// together, whether or not the last ones were answered; without they begin when the last one was.
///
/// # Errors
/// When the entrance cannot be used.
pub async fn calibrate(
    entrance: &StormEntrance,
    users: u32,
    time: Duration,
    per_second: Option<f64>,
    behavior: ClientBehavior,
) -> Result<Calibration, StormError> {
    let route = SocketRoute::find(entrance).await?;
    let (_say, breaks) = watch::channel(SocketBreak::default());
    let began = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let storm = Arc::new(SharedStorm {
        accounts: Accounts {
            prefix: String::new(),
            first: 0,
            users,
            password: AccountPassword::new(""),
        },
        keep_alive: Duration::from_millis(behavior.keep_alive_ms.max(1)),
        behavior,
        mix: ActionMix::idle(),
        seed: 0,
        routes: vec![route],
        source_addresses: Vec::new(),
        recorder: StormRecorder::new(began, threads),
        ids: IdTable::default(),
        site: OnceLock::new(),
        breaks,
    });
    let mut probe = DriverProbe::start("calibration".into());
    let until = began + time;
    let mut all = JoinSet::new();
    for index in 0..users {
        let storm = Arc::clone(&storm);
        let gap = per_second.map(|rate| Duration::from_secs_f64(f64::from(users) / rate));
        all.spawn(async move {
            let browser = Browser::new(storm, index);
            match gap {
                None => {
                    while Instant::now() < until {
                        browser.ask(calls::ping()).await;
                    }
                }
                Some(gap) => paced(&browser, began, until, gap, users).await,
            }
        });
    }
    while all.join_next().await.is_some() {}
    let mut calls = CallTally::default();
    let driver = probe.health();
    storm
        .recorder
        .take_call(ClientCall::SystemPing, &mut calls)?;
    Ok(Calibration { calls, driver })
}

/// One call every `gap`. A call that the last one held up has waited since it was to begin.
async fn paced(browser: &Browser, began: Instant, until: Instant, gap: Duration, users: u32) {
    let mut due = began + gap.mul_f64(f64::from(browser.index) / f64::from(users));
    while due < until {
        if due > Instant::now() {
            tokio::time::sleep_until(due.into()).await;
            browser.ask(calls::ping().at(due)).await;
        } else {
            // It is late because of the server, and not of the driver.
            let outcome = browser.exchange_uncounted(&calls::ping()).await;
            let times = CallTimes {
                intended: due,
                begun: None,
                written: None,
                ended: Instant::now(),
            };
            let end = match &outcome {
                Ok(()) => CallEnd::Done,
                Err(_) => CallEnd::Failed(StormErrorClass::Protocol, "no answer"),
            };
            browser
                .storm
                .recorder
                .call(ClientCall::SystemPing, &times, &end);
        }
        due += gap;
    }
}
