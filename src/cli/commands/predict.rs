//! `loadrig predict`: what a login storm will do, and the cheapest change that mends it.

use forecast::Range;

use crate::cli::App;
use crate::cli::args::PredictArgs;
use crate::cli::failure::Outcome;
use crate::cli::printer::table;
use crate::diagnose::ExitCode;
use crate::ops::plan::spec_or_size;
use crate::ops::predict::{PredictedCase, Prediction, StormOptions, predict};

/// Predicts; asks nobody and changes nothing.
pub(crate) fn run(app: &App, args: &PredictArgs) -> Outcome {
    app.event_log()?;
    let (spec, _is_size) = spec_or_size(&app.library, &args.env)?;
    let options = StormOptions {
        users: args.users,
        within: args.within,
        patience: args.patience,
        retry_after: args.retry_after,
    };
    let prediction = predict(&spec, &options)?;
    if app.printer.is_json() {
        app.printer.json(&prediction);
    } else {
        app.printer.data(text(&prediction).trim_end());
    }
    Ok(ExitCode::Done)
}

fn text(prediction: &Prediction) -> String {
    let mut text = format!(
        "{} users log in to `{}` within {}: {:.1} logins per second\n\
         clients wait {} and try again {} later\n\
         the nodes take {:.1} logins per second: {}\n\n",
        prediction.users,
        prediction.environment,
        time(prediction.within),
        prediction.offered,
        time(prediction.patience),
        time(prediction.retry_after),
        prediction.possible,
        prediction.basis,
    );
    let mut table = table();
    table.set_header([
        "change",
        "get in",
        "last after",
        "half wait less than",
        "logins work again after",
        "verdict",
        "per hour",
    ]);
    for case in &prediction.cases {
        table.add_row([
            case.change.clone(),
            count(case.logged_in, prediction.users),
            range(case.last_in),
            range(case.median_wait),
            range(case.recovered),
            verdict(case).to_owned(),
            format!("+${:.2}", case.cost),
        ]);
    }
    text.push_str(&format!("{table}\n\n"));
    text.push_str(&match (prediction.cases.first(), prediction.cheapest()) {
        (Some(first), _) if first.passes => "everybody gets in in time as it is\n".to_owned(),
        (_, Some(cheapest)) => format!(
            "the cheapest change that lets everybody in in time: {}, ${:.2} per hour more\n",
            cheapest.change, cheapest.cost
        ),
        _ => "none of these changes lets everybody in in time; single sign-on costs no password hash\n"
            .to_owned(),
    });
    text
}

fn verdict(case: &PredictedCase) -> &'static str {
    match (case.passes, case.collapses) {
        (true, _) => "in time",
        (false, true) => "collapses",
        (false, false) => "late",
    }
}

fn count(range: Range, users: u32) -> String {
    if range.low >= f64::from(users) {
        return "all".to_owned();
    }
    format!(
        "{:.0} ({:.0} to {:.0})",
        range.median, range.low, range.high
    )
}

fn range(range: Range) -> String {
    format!(
        "{} ({} to {})",
        time(range.median),
        time(range.low),
        time(range.high)
    )
}

/// Seconds in the unit that people would use.
fn time(seconds: f64) -> String {
    match seconds {
        short if short < 9.95 => format!("{short:.1} s"),
        medium if medium < 120.0 => format!("{medium:.0} s"),
        long if long < 7200.0 => format!("{:.1} min", long / 60.0),
        days => format!("{:.1} h", days / 3600.0),
    }
}
