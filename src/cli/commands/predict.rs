//! `loadrig predict`: what a login storm will do, and the cheapest change that helps.

use std::time::Duration;

use comfy_table::ContentArrangement;
use forecast::Range;
use jiff::SignedDuration;

use crate::cli::App;
use crate::cli::args::PredictArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::format::count;
use crate::cli::printer::table;
use crate::diagnose::ExitCode;
use crate::loadtest::{Scenario, StormOverrides};
use crate::ops::plan::spec_or_size;
use crate::ops::predict::{
    ExtraCost, PredictedCase, Prediction, StormVerdict, predict, predict_returns, storm_of,
    with_official_server,
};

use super::predicted_returns::{alone, returns};
use super::predicted_text::{TABLE_WIDTH, folded, given, range, time};

/// A share of the nodes' processors from which on logins are in everybody's way.
const MUCH: f64 = 0.35;
/// In place of a time where nobody gets in.
const NOTHING: &str = "-";

/// Predicts; asks nobody and changes nothing.
pub(crate) fn run(app: &App, args: &PredictArgs) -> Outcome {
    app.event_log()?;
    let (mut spec, is_size) = spec_or_size(&app.library, &args.env)?;
    if let Some(region) = &app.global.region {
        spec.region.clone_from(region);
    }
    if is_size {
        with_official_server(&mut spec);
    } else {
        spec = app.with_own_hash_time(spec)?;
    }
    let scenario = Scenario::find(&args.scenario)?;
    let storm = storm_of(&scenario)?.with(&overrides(args)?)?;
    let outage = signed(args.outage)?;
    if storm.storm().is_none() && !storm.disturbances().is_empty() {
        let prediction = predict_returns(&spec, &storm, outage)?;
        if app.printer.is_json() {
            app.printer.json(&prediction);
        } else {
            app.printer.data(alone(&prediction).trim_end());
        }
        return Ok(ExitCode::Done);
    }
    let prediction = predict(&spec, &storm, outage)?;
    if app.printer.is_json() {
        app.printer.json(&prediction);
    } else {
        app.printer.data(text(&prediction, is_size).trim_end());
    }
    if !storm.events.is_empty() {
        app.printer.hint(
            "the prediction of logins takes all nodes to be there: what events do meanwhile is not in it",
        );
    }
    Ok(ExitCode::Done)
}

/// What the options change of the scenario.
fn overrides(args: &PredictArgs) -> Result<StormOverrides, Failure> {
    Ok(StormOverrides {
        users: args.users,
        within: signed(args.within)?,
        patience: signed(args.patience)?,
        retry_after: signed(args.retry_after)?,
        seed: None,
    })
}

fn signed(duration: Option<Duration>) -> Result<Option<SignedDuration>, Failure> {
    duration
        .map(SignedDuration::try_from)
        .transpose()
        .map_err(|error| Failure::new(error.to_string(), "give a shorter time"))
}

fn text(prediction: &Prediction, is_size: bool) -> String {
    let mut text = heading(prediction, is_size);
    text.push('\n');
    text.push_str(&cases(prediction));
    text.push('\n');
    for line in conclusions(prediction) {
        text.push_str(&folded(&line));
    }
    if !prediction.returns.is_empty() {
        text.push('\n');
        text.push_str(&returns(&prediction.returns));
    }
    text
}

/// Who comes, and what stands in the way.
fn heading(prediction: &Prediction, is_size: bool) -> String {
    let Prediction {
        possible, server, ..
    } = prediction;
    let log_in = if prediction.users == 1 {
        "logs in"
    } else {
        "log in"
    };
    let mut lines = vec![format!(
        "{} {log_in} to `{}`, {server}, within {}: {}",
        count(prediction.users as usize, "user"),
        prediction.environment,
        given(prediction.within),
        rate(prediction.offered),
    )];
    if is_size {
        lines.push(
            "a size names no server: `mattermost.release` of an environment names another"
                .to_owned(),
        );
    }
    if let Some(most) = prediction.most_accounts
        && prediction.users > most
    {
        lines.push(format!(
            "without a license the server makes {most} accounts at most; those that exist log in, however many, such as \
             those that `loadrig test` writes into the database"
        ));
    }
    lines.push(clients(prediction));
    lines.push(format!(
        "the nodes take {} ({:.1} to {:.1}): {}",
        rate(possible.median),
        possible.low,
        possible.high,
        prediction.basis
    ));
    lines.push(match prediction.gate {
        Some(gate) => format!(
            "the login gate lets {} through: {}",
            rate(gate),
            prediction.gate_reason
        ),
        None => format!("no login gate: {}", prediction.gate_reason),
    });
    if let Some(now) = prediction.as_it_is() {
        lines.push(format!(
            "logins take up to {:.0} % of the application nodes' processors meanwhile",
            now.processors * 100.0
        ));
    }
    lines.iter().map(|line| folded(line)).collect()
}

/// How patient clients are, and when they come again.
fn clients(prediction: &Prediction) -> String {
    let wait = match prediction.patience {
        Some(patience) => given(patience),
        None => "without end".to_owned(),
    };
    match (prediction.retry_after, prediction.jitter > 0.0) {
        (None, _) => format!("clients wait {wait} and never try again"),
        (Some(after), false) => format!("clients wait {wait} and try again {} later", given(after)),
        (Some(after), true) => format!(
            "clients wait {wait} and try again {} to {} later",
            given(after),
            given(after + prediction.jitter)
        ),
    }
}

fn cases(prediction: &Prediction) -> String {
    let mut table = table();
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(TABLE_WIDTH)
        .set_header([
            "change",
            "verdict",
            "get in",
            "last in after",
            "half wait",
            "per hour",
        ]);
    for case in &prediction.cases {
        table.add_row([
            case.change.clone(),
            case.verdict.as_str().to_owned(),
            users(case.logged_in, prediction.users),
            last_in(case),
            seen(case.median_wait.map(|wait| wait.median)),
            price(&case.cost),
        ]);
    }
    let mut text = String::new();
    for line in table.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What follows: one line each.
fn conclusions(prediction: &Prediction) -> Vec<String> {
    let mut lines = Vec::new();
    let now = prediction.as_it_is();
    match now {
        Some(now) if now.verdict == StormVerdict::Collapses => lines.push(collapse(prediction)),
        Some(now) if now.verdict == StormVerdict::MayCollapse => {
            lines.push(possible_collapse(now, prediction.holds_with_patience));
        }
        _ => {}
    }
    match prediction.cheapest() {
        Some(_) if now.is_some_and(PredictedCase::passes) => {
            lines.push("everybody gets in in time as it is".to_owned());
        }
        Some(cheapest) => lines.extend(cheapest_change(prediction, cheapest)),
        None => lines.push(
            "none of these changes lets everybody in in time; a login by single sign-on costs no \
             password hash"
                .to_owned(),
        ),
    }
    if let Some(spread) = &prediction.spread {
        lines.push(format!(
            "if people can be asked to come over {:.0} min: the last is in after {}, half wait {}",
            spread.within / 60.0,
            last_in(spread),
            seen(spread.median_wait.map(|wait| wait.median))
        ));
    }
    lines
}

/// Below this share of dead work it is not the nodes that lose the users.
const HARDLY_ANY_DEAD_WORK: f64 = 0.05;

fn collapse(prediction: &Prediction) -> String {
    let has_dead_work = prediction
        .as_it_is()
        .is_some_and(|now| now.dead_work >= HARDLY_ANY_DEAD_WORK);
    if prediction.retry_after.is_none() && !has_dead_work {
        return "users are lost: the login gate refuses them, and their clients do not try again"
            .to_owned();
    }
    let recovers = prediction
        .as_it_is()
        .is_some_and(|now| now.recovered.high.is_finite());
    let end = match recovers {
        true => "most of the nodes' work is for clients that have gone",
        false => {
            "the nodes only work for clients that have gone, until nobody tries any more or they are \
             restarted"
        }
    };
    match prediction.holds_with_patience {
        Some(patience) => format!(
            "it collapses: {end}; if clients waited {} it would not",
            given(patience)
        ),
        None => format!("it collapses, however long clients wait: {end}"),
    }
}

/// What is said of a storm that collapses in some of the simulations.
fn possible_collapse(now: &PredictedCase, holds_with_patience: Option<f64>) -> String {
    let share = now.collapsed * 100.0;
    let patience = holds_with_patience.map_or_else(String::new, |patience| {
        format!("; if clients waited {} it would not", given(patience))
    });
    format!("it collapses in {share:.0} % of the simulated storms{patience}")
}

fn cheapest_change(prediction: &Prediction, cheapest: &PredictedCase) -> Vec<String> {
    let change = &cheapest.change;
    let mut lines = vec![
        match (cheapest.cost.is_known(), prediction.has_unpriced()) {
            (true, false) => format!(
                "the cheapest change that lets everybody in in time: {change}, ${:.2} per hour more",
                cheapest.cost.per_hour
            ),
            (true, true) => format!(
                "the cheapest change with a known price that lets everybody in in time: {change}, ${:.2} \
             per hour more",
                cheapest.cost.per_hour
            ),
            (false, _) => format!(
                "{change} let everybody in in time; no price is known in {} for {}",
                prediction.region,
                cheapest.cost.unpriced.join(", ")
            ),
        },
    ];
    if let Some(yaml) = &cheapest.yaml {
        lines.push(format!("in the YAML: {yaml}"));
    }
    if cheapest.processors > MUCH {
        lines.push(format!(
            "logins then take up to {:.0} % of the application nodes' processors from everything else",
            cheapest.processors * 100.0
        ));
    }
    lines
}

fn rate(per_second: f64) -> String {
    format!("{per_second:.1} logins per second")
}

fn users(range: Range, users: u32) -> String {
    let (low, high) = (format!("{:.0}", range.low), format!("{:.0}", range.high));
    if range.low >= f64::from(users) {
        "all".to_owned()
    } else if low == high {
        low
    } else {
        format!("{low} to {high}")
    }
}

fn last_in(case: &PredictedCase) -> String {
    match case.cut_off {
        Some(played) => format!("> {}", time(played)),
        None => case.last_in.map_or_else(|| NOTHING.to_owned(), range),
    }
}

fn price(cost: &ExtraCost) -> String {
    let sign = if cost.per_hour < 0.0 { '-' } else { '+' };
    let sum = format!("{sign}${:.2}", cost.per_hour.abs());
    match (cost.is_known(), cost.per_hour > 0.0) {
        (true, _) => sum,
        (false, true) => format!("at least {sum}"),
        (false, false) => "no price".to_owned(),
    }
}

/// A time that only those have who get in.
fn seen(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| NOTHING.to_owned(), time)
}
