//! What a login storm will do to an environment, before it is built, and what helps.
//!
//! A pure function of the YAML: no account is asked. The simulation is the crate `forecast`, which
//! is held to measurements of a real server. `changes` finds what may be changed.

mod asked;
mod case;
mod changes;
mod cost;
mod returns;
mod storm;
mod waves;

use forecast::{LoginCurve, Range};
use jiff::SignedDuration;
use serde::Serialize;

use crate::loadtest::StormScenario;
use crate::spec::{LicenseSource, LoginCost, LoginGate, Release, Spec, UNLICENSED_USERS};

use super::error::PredictError;
use super::plan::price;
use asked::AskedStorm;
use changes::{longer_window, remedies};
use storm::{Trial, rig};

pub use asked::storm_of;
pub use case::{PredictedCase, StormVerdict};
pub use cost::ExtraCost;
pub use returns::{PredictedReturn, ReturnPrediction, predict_returns};
pub(super) use waves::{forecast_waves, waits_until_over};

/// The server that a size is predicted for, since a size names none: the extended support release.
pub const OFFICIAL: &str = "11.7.9";

/// What will happen. Rates are logins per second.
#[derive(Clone, Debug, Serialize)]
pub struct Prediction {
    /// Name of the environment, or of the size.
    pub environment: String,
    /// The server that it is predicted for.
    pub server: String,
    /// The region whose prices count.
    pub region: String,
    /// The scenario that the storm is of.
    pub scenario: String,
    /// Users who log in.
    pub users: u32,
    /// The most accounts that the server makes; none with a license. Those that exist log in, however many.
    pub most_accounts: Option<u32>,
    /// Seconds within which they come.
    pub within: f64,
    /// Seconds for which clients wait; none waits without end.
    pub patience: Option<f64>,
    /// Seconds after which they try again; none never does.
    pub retry_after: Option<f64>,
    /// Seconds that are added to each of these pauses, equally likely from zero up to this.
    pub jitter: f64,
    /// The rate that is offered.
    pub offered: f64,
    /// The rate that the nodes can take.
    pub possible: Range,
    /// The rate that the login gate lets through; none without a gate.
    pub gate: Option<f64>,
    /// What the gate's rate follows from, or why there is no gate.
    pub gate_reason: String,
    /// What the nodes' rate follows from.
    pub basis: String,
    /// If it collapses as it is, or may: with how many seconds of patience it would not; none if with none.
    pub holds_with_patience: Option<f64>,
    /// The environment as it is, then each change.
    pub cases: Vec<PredictedCase>,
    /// The shortest time within which the users may come as it is, if people can be asked to; none if
    /// that is not longer.
    pub spread: Option<PredictedCase>,
    /// When users are back from what breaks their websockets, where the scenario has such a thing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<PredictedReturn>,
}

impl Prediction {
    /// The environment as it is.
    #[must_use]
    pub fn as_it_is(&self) -> Option<&PredictedCase> {
        self.cases.first()
    }

    /// The cheapest change that lets everybody in in time, of those whose whole price is known; if there
    /// is none, any. Of two at one price the first.
    #[must_use]
    pub fn cheapest(&self) -> Option<&PredictedCase> {
        let passing = || self.cases.iter().filter(|case| case.passes());
        let priced = passing().filter(|case| case.cost.is_known());
        let cheapest = priced.min_by(|a, b| a.cost.per_hour.total_cmp(&b.cost.per_hour));
        cheapest.or_else(|| passing().next())
    }

    /// Whether a change that lets everybody in in time has no known price.
    #[must_use]
    pub fn has_unpriced(&self) -> bool {
        let mut passing = self.cases.iter().filter(|case| case.passes());
        passing.any(|case| !case.cost.is_known())
    }
}

/// A size as an environment with an official server, since its own default is the stand-in.
pub fn with_official_server(spec: &mut Spec) {
    spec.mattermost.release = Release::Version(OFFICIAL.to_owned());
    // What a size needs a license for, it has.
    spec.mattermost.license = LicenseSource::Standin;
}

/// Predicts the storm of a scenario. `outage` is how long what its events take away is taken to be away.
///
/// # Errors
/// When the scenario has no phase `storm`, or the environment has a size whose price cannot be told; or an
/// outage is given that concerns nothing.
pub fn predict(
    spec: &Spec,
    scenario: &StormScenario,
    outage: Option<SignedDuration>,
) -> Result<Prediction, PredictError> {
    let asked = AskedStorm::new(scenario)?;
    let clients = asked.storm.clients;
    let trial = Trial::new(&asked);
    let login = LoginCost::of(spec);
    let now = rig(spec);
    let base = price(spec)?;
    let case = trial.case(spec, "as it is".to_owned(), None, ExtraCost::default());
    let holds_with_patience = trial.patience_that_holds(spec, &case);
    let mut cases = vec![case];
    let mut spread = None;
    if !cases.iter().any(PredictedCase::passes) {
        for remedy in remedies(spec, &trial) {
            let more = ExtraCost::between(&base, &price(&remedy.spec)?);
            cases.push(trial.case(&remedy.spec, remedy.change, Some(remedy.yaml), more));
        }
        spread = longer_window(spec, &trial);
    }
    let gate = LoginGate::of(spec);
    let limits = now.gate;
    Ok(Prediction {
        environment: spec.argument().to_owned(),
        server: login.server.clone(),
        region: spec.region.clone(),
        scenario: scenario.name.clone(),
        users: trial.storm.users,
        most_accounts: (!spec.mattermost.license.is_licensed()).then_some(UNLICENSED_USERS),
        within: trial.storm.window,
        patience: clients.patience,
        retry_after: clients.retry_after,
        jitter: clients.jitter,
        offered: trial.storm.offered(),
        possible: storm::possible(&now, login.uncertainty),
        gate: limits.map(|limits| f64::from(limits.proxies) * limits.rate),
        gate_reason: match gate {
            LoginGate::On(limits) => limits.reason,
            LoginGate::Off { reason } => reason,
        },
        basis: storm::basis(&login),
        holds_with_patience,
        cases,
        spread,
        returns: predict_returns(spec, scenario, outage)?.returns,
    })
}

/// What a storm will do, to be drawn over a measurement of it. All times are seconds from the start
/// of the phase that brings its users.
#[derive(Clone, Debug, Serialize)]
pub struct StormForecast {
    /// Users who come.
    pub users: u32,
    /// Within how many seconds.
    pub within: f64,
    /// How many are in, over time.
    pub curve: LoginCurve,
    /// Users who get in, in the end.
    pub logged_in: Range,
    /// Until the last of them is in; infinite where that was not seen to come; none if nobody gets in.
    pub last_in: Option<Range>,
    /// Until half of them are in, from the moment at which each wanted to be; none if nobody gets in.
    pub median_wait: Option<Range>,
    /// Until logins are answered at once again; infinite where that was not seen to come.
    pub recovered: Range,
    /// Share of the simulated storms that collapsed.
    pub collapsed: f64,
}

/// Forecasts the storm of a scenario on an environment, without looking for changes. Without a phase
/// `storm` it is the first one that brings users.
///
/// # Errors
/// When clients of the scenario cannot be simulated.
pub fn forecast_storm(
    spec: &Spec,
    scenario: &StormScenario,
) -> Result<StormForecast, PredictError> {
    let asked = AskedStorm::measured(scenario)?;
    let forecast = Trial::new(&asked).forecast(spec);
    Ok(StormForecast {
        users: asked.storm.users,
        within: asked.storm.window,
        curve: forecast.curve,
        logged_in: forecast.logged_in,
        last_in: forecast.last_in,
        median_wait: forecast.median_wait,
        recovered: forecast.recovered,
        collapsed: forecast.collapsed,
    })
}

#[cfg(test)]
mod tests;
